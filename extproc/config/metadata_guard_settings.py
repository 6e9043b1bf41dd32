"""`config` of a `metadata` guardrail: which metadata a call must, may and must not carry.

Promises: a pattern that this gateway could not run in linear time is a mistake at load. Refuses: a
guardrail that asks for nothing, and a key that is allowed no value.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from extproc.config.base import Document
from extproc.config.fields import MetadataKey, MetadataValue, complain, complaint, no_repeats

KEYS_MAX = 64
PATTERN_MAX = 512


def _runs(pattern: str) -> str:
    # Late: the automata library is loaded where a pattern asks for it.
    from extproc.guardrails.checks.whole_value import compile_whole

    try:
        compile_whole(pattern)
    except ValueError as error:
        raise complaint(str(error)) from None
    return pattern


class MetadataValueRule(Document):
    """`regex` must match the whole value; `allowed_values` are exact and mind their case."""

    constraint: Literal["regex", "allowed_values"]
    regex: Annotated[str, Field(min_length=1, max_length=PATTERN_MAX), AfterValidator(_runs)] | (
        None
    ) = None
    allowed_values: (
        Annotated[tuple[MetadataValue, ...], Field(min_length=1, max_length=1000),
                  AfterValidator(no_repeats)] | None
    ) = None  # fmt: skip

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        stated = {"regex": self.regex, "allowed_values": self.allowed_values}
        complain(
            ("is missing", name) if name == self.constraint else (f"is not for '{wanted}'", name)
            for wanted in (self.constraint,)
            for name, value in stated.items()
            if (value is None) == (name == self.constraint)
        )
        return self


class MetadataKeyRule(Document):
    """One key. Not `required`: it may be absent, but what is there must fit `value`."""

    required: bool = False
    value: MetadataValueRule | None = None

    @model_validator(mode="after")
    def _asks_for_something(self) -> Self:
        if not self.required and self.value is None:
            raise complaint("asks for nothing: state 'required: true' or a 'value'")
        return self


class MetadataGuardSettings(Document):
    """`allow_unknown_keys`: whether a call may carry keys that are not listed here."""

    allow_unknown_keys: bool = False
    keys: Mapping[MetadataKey, MetadataKeyRule] = Field(min_length=1, max_length=KEYS_MAX)
