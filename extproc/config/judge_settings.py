"""`config` of a `judge` guardrail: which model is asked, on whose account, about what.

Promises: a criterion that could not be told from another is a mistake, and so are topics that
nobody asks about. `judge_accounts` is the whole list of accounts that the gateway itself calls for.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    Field,
    TypeAdapter,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

from extproc.config.base import Document
from extproc.config.fields import ModelId, Name, complain, complaint, no_repeats
from extproc.config.mistake import did_you_mean, one_of

if TYPE_CHECKING:
    from extproc.config.model import Config

BuiltIn = Literal["groundedness", "relevance", "topic"]
BUILT_IN: tuple[BuiltIn, ...] = ("groundedness", "relevance", "topic")
NEEDS_ANSWER: frozenset[str] = frozenset(("groundedness", "relevance"))
"""Criteria that compare an answer with its request, so they have nothing to do before it."""

UNGROUNDED, IRRELEVANT = "UNGROUNDED", "IRRELEVANT"
DENIED_TOPIC, OFF_TOPIC = "DENIED_TOPIC", "OFF_TOPIC"
CONTEXT_CUT = "CONTEXT_CUT"
"""Beside another label: the judge saw only the newest of the context."""
JUDGE_LABELS = (UNGROUNDED, IRRELEVANT, DENIED_TOPIC, OFF_TOPIC, CONTEXT_CUT)
"""Labels of the built-in criteria; a criterion of one's own adds its name."""


def _label(value: str) -> str:
    if not re.fullmatch(r"[A-Z][A-Z0-9_]{0,63}", value):
        raise complaint("must be a label: capitals, digits and _, beginning in a capital")
    if value in JUDGE_LABELS:
        raise complaint(f"must not be one of the built-in labels {', '.join(JUDGE_LABELS)}")
    return value


def _said(value: str) -> str:
    if not value.strip():
        raise complaint("must say something")
    return value


Line = Annotated[str, Field(max_length=200), AfterValidator(_said)]


class Criterion(Document):
    """`description`: what the text must not do, in words for the judge."""

    name: Annotated[str, AfterValidator(_label)]
    description: Annotated[str, Field(max_length=2_000), AfterValidator(_said)]


class JudgeTopics(Document):
    """Topics in plain words. `deny`: not to be talked about; `allow`: the only ones."""

    allow: Annotated[tuple[Line, ...], Field(max_length=50), AfterValidator(no_repeats)] = ()
    deny: Annotated[tuple[Line, ...], Field(max_length=50), AfterValidator(no_repeats)] = ()

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.deny and not self.allow:
            raise complaint("needs `deny` or `allow`")
        return self


_OWN: TypeAdapter[tuple[Criterion, ...]] = TypeAdapter(
    Annotated[tuple[Criterion, ...], Field(min_length=1, max_length=20)]
)


def _one_shape(value: Any, _handler: ValidatorFunctionWrapHandler) -> Any:
    """A word or a list: each is judged as what it is, for one error in its own place (P7)."""
    if isinstance(value, (list, tuple)):
        return _OWN.validate_python(value)
    if value in BUILT_IN:
        return value
    near = did_you_mean(value, BUILT_IN) if isinstance(value, str) else ""
    raise complaint(f"must be {one_of(BUILT_IN)}, or a list of criteria of your own{near}")


Criteria = Annotated[tuple[Criterion, ...] | BuiltIn, WrapValidator(_one_shape)]


class JudgeSettings(Document):
    """Sizes in characters. `threshold`: scores from it on are findings; 0 is clean, 1 is certain.

    `max_text_chars`: longer texts are not judged at all (`too_large`). `max_context_chars`: the
    context's newest part that is shown beside them.
    """

    account: Name
    model: ModelId
    criteria: Criteria
    topics: JudgeTopics | None = None
    threshold: float = Field(default=0.5, gt=0, le=1)
    max_text_chars: int = Field(default=60_000, ge=1, le=1_000_000)
    max_context_chars: int = Field(default=24_000, ge=0, le=1_000_000)
    max_output_tokens: int = Field(default=500, ge=16, le=32_768)
    temperature: float = Field(default=0.0, ge=0, le=2)
    structured: bool = True

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        complain(self._faults())
        return self

    def _faults(self) -> list[tuple[str, str]]:
        faults = []
        if self.criteria == "topic" and self.topics is None:
            faults.append(("is missing: criterion 'topic' needs it", "topics"))
        if self.criteria != "topic" and self.topics is not None:
            faults.append(("is only for `criteria: topic`", "topics"))
        if self.criteria in NEEDS_ANSWER and self.max_context_chars == 0:
            faults.append((f"must be above 0 for '{self.criteria}'", "max_context_chars"))
        names = [] if isinstance(self.criteria, str) else [one.name for one in self.criteria]
        twice = sorted({name for name in names if names.count(name) > 1})
        return faults + [(f"has two criteria of the name '{name}'", "criteria") for name in twice]

    @property
    def needs_answer(self) -> bool:
        return self.criteria in NEEDS_ANSWER


def judge_accounts(config: Config) -> frozenset[str]:
    """Virtual accounts that a judge guardrail names: the gateway may call on their behalf."""
    settings = config.guardrail_settings.values()
    return frozenset(one.account for one in settings if isinstance(one, JudgeSettings))
