"""`config` of a `topics` guardrail: what must not be talked about, and what only may be.

Promises: an unknown key, an empty list and a topic that nothing could ever match are mistakes.
"""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from extproc.config.base import Document
from extproc.config.fields import complain, complaint

OFF_TOPIC = "OFF_TOPIC"
KEYWORDS_MAX = 2000
"""Of all topics of one guardrail together."""


def _name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9 _-]{0,47}", value):
        raise complaint(
            "must be 1 to 48 letters, digits, spaces, '_' or '-', beginning in a letter"
        )
    if value.upper() == OFF_TOPIC:
        raise complaint(f"must not be '{OFF_TOPIC}', which names texts about no allowed topic")
    return value


def _keyword(value: str) -> str:
    if len(value) > 80 or not any(char.isalnum() for char in value):
        raise complaint("must be a word or phrase of at most 80 characters")
    if "*" in value.strip("*"):
        raise complaint("may have '*' at its begin and end only")
    return value


Keyword = Annotated[str, AfterValidator(_keyword)]


class Topic(Document):
    """A topic is there when `threshold` different keywords of it stand near each other."""

    name: Annotated[str, AfterValidator(_name)]
    keywords: tuple[Keyword, ...] = Field(min_length=1)
    threshold: int = Field(default=1, ge=1, le=20)

    @model_validator(mode="after")
    def _can_be_met(self) -> Self:
        if self.threshold > len({keyword.casefold() for keyword in self.keywords}):
            raise complaint("is more than there are different keywords", "threshold")
        return self


class TopicsSettings(Document):
    """`allow_min_chars`: a shorter text need not be about an allowed topic."""

    deny: tuple[Topic, ...] = ()
    allow: tuple[Topic, ...] = ()
    allow_min_chars: int = Field(default=200, ge=1, le=2000)

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.deny and not self.allow:
            raise complaint("needs 'deny' or 'allow'")
        names = [topic.name for topic in (*self.deny, *self.allow)]
        keywords = sum(len(topic.keywords) for topic in (*self.deny, *self.allow))
        faults = [(f"has two topics of the name '{n}'", "") for n in sorted(set(names))
                  if names.count(n) > 1]  # fmt: skip
        if keywords > KEYWORDS_MAX:
            faults.append((f"has {keywords} keywords (at most {KEYWORDS_MAX})", ""))
        complain(faults)
        return self
