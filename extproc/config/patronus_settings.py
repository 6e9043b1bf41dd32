"""`config` of a `patronus` guardrail: which of Patronus' evaluators judge which text.

Refuses: no evaluator, and the same one twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from extproc.config.base import Document, SecretRef
from extproc.config.fields import HttpUrl, complaint

EVALUATORS_MAX = 10


class PatronusEvaluator(Document):
    """As Patronus names them, e.g. `judge` with `patronus:prompt-injection`."""

    evaluator: Annotated[str, Field(pattern=r"^[A-Za-z0-9._/-]{1,128}$")]
    criteria: Annotated[str, Field(min_length=1, max_length=256)] | None = None


class PatronusSettings(Document):
    """`target`: whose texts are judged."""

    api_key: SecretRef
    target: Literal["request", "response"]
    evaluators: tuple[PatronusEvaluator, ...] = Field(min_length=1, max_length=EVALUATORS_MAX)
    base_url: HttpUrl = "https://api.patronus.ai"

    def secrets(self) -> Iterator[tuple[str, SecretRef]]:
        """Every secret it refers to, with the field's dotted path."""
        yield "api_key", self.api_key

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if len({(one.evaluator, one.criteria) for one in self.evaluators}) < len(self.evaluators):
            raise complaint("names one evaluator with the same criteria twice", "evaluators")
        return self
