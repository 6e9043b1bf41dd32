"""A Cohere event stream as events.

Promises: read to its end, the events say what the whole answer would have said
(`answer_reader.py`). Raises StreamFault on an event that is not of Cohere's shape. Ignored:
citations of plans and thoughts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from extproc.llm.call import Frame, Json
from extproc.llm.cohere_chat_usage import read_cohere_usage
from extproc.llm.sse import StreamFault
from extproc.llm.translate.cohere_chat.content_reader import (
    FAILED,
    citations_of,
    finish_of,
    stands_on_text,
)
from extproc.llm.translate.events import (
    Began,
    Cited,
    Ended,
    Event,
    Failed,
    Finished,
    TextPiece,
    ThoughtPiece,
    ToolBegan,
    ToolPiece,
    Used,
)
from extproc.usage.usage import Usage


class CohereStreamReader:
    """State of one stream. `_tools`: Cohere's index of a call -> its number from 0, and whether
    any of its arguments came."""

    def __init__(self) -> None:
        self._tools: dict[Any, tuple[int, bool]] = {}
        self._ended = False

    def read(self, frame: Frame) -> Sequence[Event]:
        data = frame.data
        if self._ended or not data:
            return ()
        if "error" in data:
            self._ended = True
            return (Failed(data),)
        try:
            return self._event(data)
        except (KeyError, TypeError, AttributeError):
            raise StreamFault("an event is not of Cohere's shape") from None

    def finish(self) -> Sequence[Event]:
        """Nothing: `message-end` is the end."""
        return ()

    def _event(self, data: Json) -> Sequence[Event]:
        index = data.get("index")
        match data.get("type"):
            case "content-delta" | "content-start":
                return _content(data["delta"]["message"]["content"])
            case "tool-plan-delta":
                return _piece(ThoughtPiece, data["delta"]["message"].get("tool_plan"))
            case "tool-call-start":
                return self._tool_start(data["delta"]["message"]["tool_calls"], index)
            case "tool-call-delta":
                return self._arguments(data["delta"]["message"]["tool_calls"]["function"], index)
            case "tool-call-end":
                return self._tool_end(index)
            case "citation-start":
                said = data["delta"]["message"]["citations"]
                if not stands_on_text(said):
                    return ()
                return tuple(Cited(0, citation) for citation in citations_of(said))
            case "message-start":
                return (Began(_text(data.get("id") or "")),)
            case "message-end":
                return self._end(data.get("delta") or {})
        return ()

    def _tool_start(self, call: Json, index: Any) -> Sequence[Event]:
        number, function = len(self._tools), call["function"]
        if index in self._tools:
            raise StreamFault("a tool call began twice")
        self._tools[index] = (number, False)
        began = ToolBegan(0, number, _text(call["id"]), _text(function["name"]))
        return (began, *self._arguments(function, index))

    def _arguments(self, function: Json, index: Any) -> Sequence[Event]:
        text = _text(function.get("arguments") or "")
        if index not in self._tools:
            raise StreamFault("arguments came for a tool call that never began")
        if not text:
            return ()
        number, _ = self._tools[index]
        self._tools[index] = (number, True)
        return (ToolPiece(0, number, text),)

    def _tool_end(self, index: Any) -> Sequence[Event]:
        """A call without arguments is one of none."""
        _, said = self._tools.get(index, (0, True))
        return () if said else self._arguments({"arguments": "{}"}, index)

    def _end(self, delta: Json) -> Sequence[Event]:
        self._ended = True
        usage = read_cohere_usage(delta.get("usage"))
        used = (Used(usage),) if isinstance(usage, Usage) else ()
        reason, words = delta.get("finish_reason"), delta.get("error")
        if words or (type(reason) is str and reason in FAILED):
            error = {"error": {"message": words if type(words) is str else "", "type": reason}}
            return (*used, Failed(error, FAILED.get(str(reason), 500)))
        left = [event for index in self._tools for event in self._tool_end(index)]
        return (*left, *used, Finished(0, finish_of(reason)), Ended())


def _content(part: Any) -> Sequence[Event]:
    """A piece of text or of a thought; an event may open a block without any."""
    if not part:
        return ()
    return (*_piece(ThoughtPiece, part.get("thinking")), *_piece(TextPiece, part.get("text")))


def _piece(kind: type[TextPiece] | type[ThoughtPiece], text: Any) -> Sequence[Event]:
    return (kind(0, _text(text)),) if text else ()


def _text(value: Any) -> str:
    if type(value) is not str:
        raise TypeError
    return value
