"""A Gemini stream, chunk by chunk.

A chunk is a whole answer in small: parts to be added to those before it, running totals of the
usage, and at the end a `finishReason` for each candidate. There is no end mark: a stream has ended
when its bytes have and every candidate has finished. Function calls come whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from extproc.llm.call import Frame, Json
from extproc.llm.gemini_usage import later, read_gemini_usage
from extproc.llm.sse import StreamFault
from extproc.llm.translate.conversation import Part, Reasoning, Text, ToolCall
from extproc.llm.translate.events import (
    Began,
    Cited,
    Ended,
    Event,
    Failed,
    Finished,
    LogprobsPiece,
    TextPiece,
    ThoughtPiece,
    ThoughtSealed,
    ToolBegan,
    ToolPiece,
    Used,
    Whole,
)
from extproc.llm.translate.gemini_generate.answer_reader import is_blocked, parts_of, read_part
from extproc.llm.translate.gemini_generate.finish import read_finish
from extproc.llm.translate.gemini_generate.grounding import read_citations
from extproc.llm.translate.gemini_generate.logprobs import read_logprobs
from extproc.llm.translate.not_carried import Unreadable
from extproc.usage.usage import Reported, sound


class GeminiStreamReader:
    """State of one stream."""

    def __init__(self) -> None:
        self._answer_id: str | None = None
        self._usage: Reported = None
        self._calls: dict[int, int] = {}
        self._texts: dict[int, list[str]] = {}
        self._cited: set[tuple[int, Any]] = set()
        self._open: set[int] = set()
        self._finished: set[int] = set()

    def read(self, frame: Frame) -> Sequence[Event]:
        data = frame.data
        if not data:
            return ()
        if data.get("error"):
            return [Failed(data, _status(data["error"]))]
        try:
            return self._chunk(data)
        except Unreadable as no:
            raise StreamFault(f"a chunk is unreadable at {no.where}") from None

    def finish(self) -> Sequence[Event]:
        if not self._finished or self._open:
            return ()
        told = sound(self._usage)
        return [Ended()] if told is None else [Used(told), Ended()]

    def _chunk(self, data: Json) -> list[Event]:
        events: list[Event] = []
        if self._answer_id is None:
            told = data.get("responseId")
            self._answer_id = told if type(told) is str else ""
            events.append(Began(self._answer_id))
        used = read_gemini_usage(data)
        if used is not None:
            self._usage = later(used, self._usage)
        candidates = data.get("candidates") or []
        if type(candidates) is not list:
            raise Unreadable("candidates")
        for place, candidate in enumerate(candidates):
            events += self._candidate(candidate, place)
        if not candidates and is_blocked(data) and not self._finished:
            self._finished.add(0)
            events.append(Finished(0, "content_filter"))
        return events

    def _candidate(self, candidate: Any, place: int) -> list[Event]:
        parts = parts_of(candidate, "candidates")
        told = candidate.get("index")
        choice = told if type(told) is int else place
        events: list[Event] = []
        if choice not in self._finished:
            self._open.add(choice)
        for part in parts:
            number = self._calls.get(choice, 0)
            for read in read_part(part, "content.parts", self._answer_id or "", number):
                events += self._part(read, choice)
        self._citations(candidate, choice, events)
        entries = read_logprobs(candidate.get("logprobsResult"))
        if entries:
            events.append(LogprobsPiece(choice, entries))
        reason = candidate.get("finishReason")
        if reason and reason != "FINISH_REASON_UNSPECIFIED" and choice not in self._finished:
            self._finished.add(choice)
            self._open.discard(choice)
            finish, _ = read_finish(reason, has_calls=choice in self._calls)
            events.append(Finished(choice, finish))
        return events

    def _part(self, part: Part, choice: int) -> list[Event]:
        match part:
            case Text(text=text):
                self._texts.setdefault(choice, []).append(text)
                return [TextPiece(choice, text)]
            case Reasoning(text=text, seal=seal):
                events: list[Event] = [ThoughtPiece(choice, text)] if text else []
                return [*events, ThoughtSealed(choice, seal, part.hidden)] if seal else events
            case ToolCall():
                index = self._calls.get(choice, 0)
                self._calls[choice] = index + 1
                began = ToolBegan(choice, index, part.call_id, part.name, part.seal)
                return [began, ToolPiece(choice, index, part.arguments)]
        return [Whole(choice, part)]

    def _citations(self, candidate: Json, choice: int, events: list[Event]) -> None:
        """Each chunk may repeat those before it; their offsets run over the text so far."""
        if "groundingMetadata" not in candidate and "citationMetadata" not in candidate:
            return
        text = "".join(self._texts.get(choice, ()))
        for _, citation in read_citations(candidate, [(0, text)]):
            if (choice, citation) not in self._cited:
                self._cited.add((choice, citation))
                events.append(Cited(choice, citation))


def _status(error: Any) -> int:
    code = error.get("code") if type(error) is dict else None
    return code if type(code) is int and 400 <= code < 600 else 500
