"""A Chat Completions stream, read.

Promises: read to its end, the events say what the whole answer would have said
(`answer_reader.py`). Raises StreamFault on a chunk that is not of OpenAI's shape. What ends a
choice and the usage are told at the end: compatible servers repeat both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from extproc.llm.call import Frame, Json
from extproc.llm.openai_chat import OPENAI_CHAT
from extproc.llm.sse import StreamFault
from extproc.llm.translate.conversation import Citation
from extproc.llm.translate.events import (
    Began,
    Cited,
    Ended,
    Event,
    Failed,
    Finished,
    LogprobsPiece,
    RefusedPiece,
    TextPiece,
    ThoughtPiece,
    ThoughtSealed,
    ToolBegan,
    ToolPiece,
    Used,
    Whole,
)
from extproc.llm.translate.not_carried import NotCarried, Unreadable
from extproc.llm.translate.openai_chat.answer_reader import (
    read_citations,
    read_images,
    read_seal,
)
from extproc.llm.translate.openai_chat.finish import read_finish
from extproc.llm.translate.thinking_blocks import seal_of
from extproc.usage.usage import Reported, sound

_STATUS = {"rate_limit_error": 429, "overloaded_error": 529, "invalid_request_error": 400}


@dataclass(slots=True)
class _Choice:
    reason: Any = None
    refused: bool = False
    cited: bool = False
    calls: dict[Any, tuple[int, Any]] = field(default_factory=dict)
    """The provider's index (or the call's id where it tells none) -> (ours, from 0; the id)."""
    begun: int = 0


class ChatStreamReader:
    """State of one stream."""

    def __init__(self) -> None:
        self._began = self._ended = False
        self._usage: Reported = None
        self._choices: dict[int, _Choice] = {}
        self._urls: Any = None

    def read(self, frame: Frame) -> Sequence[Event]:
        chunk = frame.data
        if chunk is None:
            return self._end()
        if not chunk:
            return ()
        if chunk.get("error"):
            return (Failed(chunk, _status(chunk["error"])),)
        self._usage = OPENAI_CHAT.frame_usage(frame, self._usage)
        self._urls = chunk.get("citations") or self._urls
        try:
            return self._chunk(chunk)
        except (KeyError, TypeError, AttributeError, Unreadable, NotCarried):
            raise StreamFault("a chunk is not of OpenAI's shape") from None

    def finish(self) -> Sequence[Event]:
        """The end, for providers that stop after `finish_reason` without a `[DONE]`."""
        return self._end() if any(choice.reason for choice in self._choices.values()) else ()

    def _chunk(self, chunk: Json) -> list[Event]:
        events: list[Event] = []
        if not self._began:
            self._began = True
            events.append(Began(str(chunk.get("id") or "")))
        for choice in chunk["choices"]:
            number = choice.get("index", 0)
            state = self._choices.get(number)
            if state is None:
                state = self._choices[number] = _Choice()
            delta = choice.get("delta")
            if delta:
                self._delta(delta, number, state, events)
            if choice.get("logprobs") and choice["logprobs"].get("content"):
                events.append(LogprobsPiece(number, choice["logprobs"]["content"]))
            state.reason = choice.get("finish_reason") or state.reason
        return events

    def _delta(self, delta: Json, number: int, state: _Choice, events: list[Event]) -> None:
        for key, value in delta.items():
            if not value or key == "role":
                continue
            match key:
                case "content":
                    _content(value, number, events)
                case "tool_calls":
                    for call in value:
                        _tool(call, number, state, events)
                case "reasoning_content":
                    events.append(ThoughtPiece(number, _string(value)))
                case "reasoning" if not delta.get("reasoning_content"):
                    events.append(ThoughtPiece(number, _string(value)))
                case "refusal":
                    state.refused = True
                    events.append(RefusedPiece(number, _string(value)))
                case "thinking_blocks":
                    _seals(value, number, events)
                case "annotations":
                    state.cited = True
                    events += [Cited(number, one) for one in read_citations(value)]
                case "images":
                    events += [Whole(number, image) for image in read_images(value, "delta")]
                case "audio" | "function_call":
                    raise StreamFault("a delta of this kind cannot be carried over")

    def _end(self) -> list[Event]:
        if self._ended:
            return []
        self._ended = True
        events: list[Event] = [] if self._began else [Began("")]
        for number, state in (self._choices or {0: _Choice()}).items():
            if number == 0 and type(self._urls) is list and not state.cited:
                events += [Cited(0, Citation(u)) for u in self._urls if type(u) is str]
            finish = read_finish(state.reason, refused=state.refused, has_calls=bool(state.calls))
            events.append(Finished(number, finish))
        usage = sound(self._usage)
        if usage is not None:
            events.append(Used(usage))
        events.append(Ended())
        return events


def _status(error: Any) -> int:
    """What the error would have been had it come before the stream; OpenRouter tells it as `code`
    ("Errors", mid-stream), others by type. 500 where nobody says."""
    if type(error) is not dict:
        return 500
    code, kind = error.get("code"), error.get("type")
    if type(code) is int and 400 <= code < 600:
        return code
    return _STATUS.get(kind, 500) if type(kind) is str else 500


def _string(value: Any) -> str:
    if type(value) is not str:
        raise StreamFault("a delta is not a string")
    return value


def _content(value: Any, number: int, events: list[Event]) -> None:
    """A string; at Mistral also a list of chunks, see `answer_reader.py`."""
    if type(value) is str:
        events.append(TextPiece(number, value))
        return
    for chunk in value if type(value) is list else (value,):
        match chunk:
            case {"type": "text", "text": str(text)}:
                events.append(TextPiece(number, text))
            case {"type": "thinking", "thinking": list(inner)}:
                events += [ThoughtPiece(number, _string(one["text"])) for one in inner]
            case _:
                raise StreamFault("a delta's content cannot be carried over")


def _seals(blocks: Any, number: int, events: list[Event]) -> None:
    """The text of thinking blocks comes as `reasoning_content`; here only their seals are read."""
    for block in blocks:
        is_hidden = block["type"] == "redacted_thinking"
        seal = seal_of(block.get("data" if is_hidden else "signature"), "delta")
        if seal is not None:
            events.append(ThoughtSealed(number, seal, is_hidden))


def _tool(call: Json, number: int, state: _Choice, events: list[Event]) -> None:
    """Some servers tell no index: a call that has an id begins, one without goes on. Some tell 0
    for every call: another id begins another."""
    function, call_id = call.get("function") or {}, call.get("id")
    key = call.get("index")
    if key is None:
        key = call_id or next(reversed(state.calls), None)
    index, known = state.calls.get(key, (-1, None))
    if index < 0 or (call_id and call_id != known and function.get("name")):
        index, state.begun = state.begun, state.begun + 1
        state.calls[key] = index, call_id
        name = _string(function["name"])
        events.append(ToolBegan(number, index, _string(call["id"]), name, read_seal(call)))
    if function.get("arguments"):
        events.append(ToolPiece(number, index, _string(function["arguments"])))
