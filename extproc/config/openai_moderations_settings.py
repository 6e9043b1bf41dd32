"""`config` of an `openai-moderations` guardrail.

Promises: `MODERATION_CATEGORIES` is the closed list of the API reference ("Moderations"); a
threshold for a category that does not exist is a mistake.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated

from pydantic import AfterValidator, Field

from extproc.config.base import Document, SecretRef
from extproc.config.fields import HttpUrl, ModelId, complaint
from extproc.config.mistake import did_you_mean

MODERATION_CATEGORIES = (
    "harassment", "harassment/threatening", "hate", "hate/threatening", "illicit",
    "illicit/violent", "self-harm", "self-harm/instructions", "self-harm/intent", "sexual",
    "sexual/minors", "violence", "violence/graphic",
)  # fmt: skip


def _category(value: str) -> str:
    if value not in MODERATION_CATEGORIES:
        near = did_you_mean(value, MODERATION_CATEGORIES)
        raise complaint(f"must name one of: {', '.join(MODERATION_CATEGORIES)}{near}")
    return value


Category = Annotated[str, AfterValidator(_category)]
# 0 would refuse every text.
Threshold = Annotated[float, Field(gt=0, le=1)]


class OpenaiModerationsSettings(Document):
    """`category_thresholds`: scores from which a category counts; the others by OpenAI's flag."""

    api_key: SecretRef
    model: ModelId = "omni-moderation-latest"
    base_url: HttpUrl = "https://api.openai.com/v1"
    category_thresholds: Mapping[Category, Threshold] = Field(default_factory=dict)

    def secrets(self) -> Iterator[tuple[str, SecretRef]]:
        """Every secret it refers to, with the field's dotted path."""
        yield "api_key", self.api_key
