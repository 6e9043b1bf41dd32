"""`config` of a `presidio` guardrail: a Presidio analyzer of your own.

Promises: an entity that is named is looked for and keeps its name as label, whether it is one of
Presidio's own or your recognizer's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import AfterValidator, Field

from extproc.config.base import Document, SecretRef
from extproc.config.fields import HttpUrl, no_repeats

Entity = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]{0,47}$")]
Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]


class PresidioSettings(Document):
    """`url`: of the analyzer, without `/analyze`. `bearer_token`: for a proxy before it."""

    url: HttpUrl
    language: Language = "en"
    score_threshold: float = Field(default=0.5, ge=0, le=1)
    entities: (
        Annotated[
            tuple[Entity, ...], Field(min_length=1, max_length=200), AfterValidator(no_repeats)
        ]
        | None
    ) = None
    bearer_token: SecretRef | None = None

    def secrets(self) -> Iterator[tuple[str, SecretRef]]:
        """Every secret it refers to, with the field's dotted path."""
        if self.bearer_token is not None:
            yield "bearer_token", self.bearer_token
