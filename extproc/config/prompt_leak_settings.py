"""`config` of a `prompt-leak` guardrail: what of the request must not come back in the answer.

Promises: a canary too short to be told from ordinary text, and a guardrail that looks for nothing,
are mistakes.
"""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from extproc.config.base import Document
from extproc.config.fields import complaint, no_repeats

CANARY_LETTERS_MIN = 10
CANARY_MAX = 128


def _canary(value: str) -> str:
    if not value.isascii() or not value.isprintable() or len(value) > CANARY_MAX:
        raise complaint(f"must be at most {CANARY_MAX} printable ASCII characters")
    if len(re.sub("[^A-Za-z0-9]", "", value)) < CANARY_LETTERS_MIN:
        raise complaint(f"must have at least {CANARY_LETTERS_MIN} letters and digits")
    return value


class PromptLeakSettings(Document):
    """`canaries`: strings that stand in prompts for the sole purpose of being missed elsewhere.

    `echo`: whether to look for runs of `min_words` words of the system prompt; a Chinese, Japanese,
    Korean, Thai, Lao, Khmer or Burmese character counts as half a word. `allow`: sentences that may
    come back (disclaimers). `tool_definitions`: protect these as well.
    """

    canaries: Annotated[
        tuple[Annotated[str, AfterValidator(_canary)], ...],
        Field(max_length=20),
        AfterValidator(no_repeats),
    ] = ()
    echo: bool = True
    min_words: int = Field(default=12, ge=6, le=50)
    allow: tuple[Annotated[str, Field(min_length=1, max_length=10_000)], ...] = Field(
        default=(), max_length=100
    )
    tool_definitions: bool = False

    @model_validator(mode="after")
    def _looks_for_something(self) -> Self:
        if not self.echo and not self.canaries:
            raise complaint("looks for nothing: state 'canaries' or leave 'echo' on")
        return self
