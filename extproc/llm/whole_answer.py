"""What every dialect of answers that come whole has in common: there are no streams.

Promises: a caller that asks for one is refused by name, not answered in another form.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from extproc.errors import Refusal
from extproc.llm import fields
from extproc.llm.call import Frame, Json, LlmCall, Operation, TextSlot
from extproc.llm.leaves import OPEN_KINDS, Found, is_name, walk
from extproc.usage.usage import Reported


class WholeAnswers:
    """The half of a dialect that is about streams, where there are none."""

    answers: Literal["json", "bytes"] = "json"

    def frame_texts(self, frame: Frame) -> Iterator[TextSlot]:
        return iter(())

    def frame_unscanned(self, frame: Frame) -> tuple[str, ...]:
        return ()

    def frame_usage(self, frame: Frame, so_far: Reported) -> Reported:
        return so_far

    def is_final(self, frame: Frame) -> bool:
        return frame.data is None

    def with_call(
        self, body: Json, *, model: str, max_output_tokens: int | None, include_usage: bool
    ) -> Json:
        return {**body, "model": model}


def whole_call(
    operation: Operation, model: str, unscanned: list[str], *, choices: int = 1
) -> LlmCall:
    return LlmCall(operation, model, False, None, choices, (), tuple(unscanned))


def stream_fault(body: Json) -> Refusal | None:
    """`false` and null ask for nothing."""
    fault = fields.flag_fault(body, "stream")
    if fault is None and body.get("stream"):
        return fields.refuse("stream", "is not offered for this operation")
    return fault


def read_rest(body: Json, found: Found, known: frozenset[str], settings: frozenset[str]) -> None:
    """Every field that is not `known`. `settings` are identifiers where they look like one."""
    for key, value in body.items():
        if key in known or (type(value) not in OPEN_KINDS and is_name(key)):
            continue
        walk(body, key, key, "input", found, settings if key in settings else frozenset())
