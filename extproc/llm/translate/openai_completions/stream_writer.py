"""A streamed answer as chunks of a legacy completion."""

from __future__ import annotations

from typing import Any

from extproc.llm.call import Frame, Json
from extproc.llm.error_body import map_error
from extproc.llm.openai_usage import write_openai_usage
from extproc.llm.sse import StreamFault
from extproc.llm.translate.conversation import Finish
from extproc.llm.translate.events import (
    Began,
    Ended,
    Event,
    Failed,
    Finished,
    LogprobsPiece,
    RefusedPiece,
    TextPiece,
    ToolBegan,
    Used,
    Whole,
)
from extproc.llm.translate.openai_completions.answer_writer import choice_of, logprobs_of, shell
from extproc.usage.usage import Usage


class CompletionsStreamWriter:
    """One stream. Thoughts are left out: a completion has no place for them."""

    def __init__(self, *, model: str, created: int, include_usage: bool) -> None:
        self._model, self._created, self._include_usage = model, created, include_usage
        self._answer_id = ""
        self._usage: Usage | None = None
        self._offsets: dict[int, int] = {}

    def write(self, event: Event) -> list[Frame]:
        """Raises StreamFault for what no completion can hold."""
        match event:
            case Began(answer_id):
                self._answer_id = answer_id
            case TextPiece(choice, text) | RefusedPiece(choice, text):
                return [self._chunk(choice, text)] if text else []
            case LogprobsPiece(choice, entries):
                return [self._logprobs(choice, entries)]
            case Finished(choice, finish):
                return [self._chunk(choice, "", finish)]
            case Used(usage):
                self._usage = usage
            case Failed():
                return [_failed(event)]
            case Ended():
                return self._end()
            case ToolBegan() | Whole():
                raise StreamFault("a part that a completion cannot hold")
        return []

    def _chunk(
        self, choice: int, text: str, finish: Finish | None = None, logprobs: Json | None = None
    ) -> Frame:
        return self._frame([choice_of(choice, text, finish, logprobs)])

    def _logprobs(self, choice: int, entries: list[Json]) -> Frame:
        told = logprobs_of(entries, self._offsets.get(choice, 0))
        self._offsets[choice] = self._offsets.get(choice, 0) + sum(map(len, told["tokens"]))
        return self._chunk(choice, "", None, told)

    def _end(self) -> list[Frame]:
        frames = []
        if self._include_usage and self._usage is not None:
            frame = self._frame([])
            assert frame.data is not None
            frame.data["usage"] = write_openai_usage(self._usage)
            frames.append(frame)
        return [*frames, Frame("", None, b"", changed=True)]

    def _frame(self, choices: list[Json]) -> Frame:
        data = shell(self._answer_id, self._model, self._created, choices)
        return Frame("", data, b"", changed=True)


def _failed(event: Failed) -> Frame:
    tree: Any = event.error
    if not (type(tree) is dict and "error" in tree):
        tree = {"error": tree}
    return Frame("", map_error("openai", event.status, tree), b"", changed=True)
