"""`config` of a `content-moderation` guardrail: which categories, and from which severity on."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from extproc.config.base import Document
from extproc.config.fields import complaint
from extproc.config.mistake import did_you_mean, one_of

CONTENT_CATEGORIES = (
    "Hate", "SelfHarm", "Sexual", "Violence", "Harassment", "Weapons", "Illegal",
)  # fmt: skip


def _known(value: str) -> str:
    if value not in CONTENT_CATEGORIES:
        near = did_you_mean(value, CONTENT_CATEGORIES)
        raise complaint(f"must be {one_of(CONTENT_CATEGORIES)}{near}")
    return value


class ContentModerationSettings(Document):
    """`severity_threshold`: 2 low, 4 medium, 6 high; findings of it and above count, 0 means all.

    No `categories` means all of them.
    """

    severity_threshold: int = Field(default=4, ge=0, le=6)
    categories: tuple[Annotated[str, AfterValidator(_known)], ...] | None = Field(
        default=None, min_length=1
    )
