"""An Anthropic event stream, read.

Promises: read to its end, the events say what the whole answer would have said
(`answer_reader.py`). Raises StreamFault on an event that is not of Anthropic's shape. Why the
answer ended and the usage are told at the end: `message_delta` may come more than once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from extproc.llm.anthropic_messages import ANTHROPIC_MESSAGES
from extproc.llm.call import Frame, Json
from extproc.llm.sse import StreamFault
from extproc.llm.translate.anthropic_messages.citations import read_citation
from extproc.llm.translate.anthropic_messages.finish import read_finish
from extproc.llm.translate.conversation import Seal
from extproc.llm.translate.events import (
    Began,
    Cited,
    Ended,
    Event,
    Failed,
    Finished,
    TextPiece,
    ThoughtPiece,
    ThoughtSealed,
    ToolBegan,
    ToolPiece,
    Used,
)
from extproc.usage.usage import Reported, sound

_STATUS = {
    "invalid_request_error": 400, "permission_error": 403, "not_found_error": 404,
    "request_too_large": 413, "rate_limit_error": 429, "timeout_error": 504,
    "overloaded_error": 529,
}  # fmt: skip


@dataclass(slots=True)
class _Block:
    """An open block. `tool`: which call it is. `begin`: characters of text before it."""

    kind: str
    tool: int = -1
    silent: bool = False
    begin: int = 0
    signature: str = ""
    citations: list[Any] = field(default_factory=list)


class MessagesStreamReader:
    """State of one stream. Anthropic has one choice: 0."""

    def __init__(self) -> None:
        self._usage: Reported = None
        self._blocks: dict[Any, _Block] = {}
        self._tools = 0
        self._chars = 0
        self._stop: Json = {}

    def read(self, frame: Frame) -> Sequence[Event]:
        event = frame.data
        if not event:
            return ()
        try:
            return self._event(event, frame)
        except (KeyError, TypeError, AttributeError):
            raise StreamFault("an event is not of Anthropic's shape") from None

    def finish(self) -> Sequence[Event]:
        """Nothing: without `message_stop` the stream was cut."""
        return ()

    def _event(self, event: Json, frame: Frame) -> Sequence[Event]:
        match event["type"]:
            case "content_block_delta":
                return self._delta(self._blocks[event["index"]], event["delta"])
            case "content_block_start":
                return self._block_start(event["index"], event["content_block"])
            case "content_block_stop":
                return self._block_stop(self._blocks.pop(event["index"]))
            case "message_start":
                self._usage = ANTHROPIC_MESSAGES.frame_usage(frame, self._usage)
                return (Began(str(event["message"]["id"])),)
            case "message_delta":
                self._usage = ANTHROPIC_MESSAGES.frame_usage(frame, self._usage)
                self._stop = {**self._stop, **event["delta"]}
            case "message_stop":
                return self._end()
            case "error":
                kind = event["error"].get("type")
                return (Failed(event, _STATUS.get(kind, 500) if type(kind) is str else 500),)
        return ()

    def _block_start(self, index: Any, block: Json) -> Sequence[Event]:
        kind = block["type"]
        state = self._blocks[index] = _Block(kind, begin=self._chars)
        match kind:
            case "text":
                return self._text(block["text"])
            case "tool_use":
                return self._tool_start(state, block)
            case "thinking":
                state.signature = block.get("signature") or ""
                thought = _string(block.get("thinking") or "")
                return (ThoughtPiece(0, thought),) if thought else ()
            case "redacted_thinking":
                return (ThoughtSealed(0, Seal("anthropic", str(block["data"])), hidden=True),)
        raise StreamFault("a block of this kind cannot be carried over")

    def _tool_start(self, state: _Block, block: Json) -> list[Event]:
        state.tool, self._tools = self._tools, self._tools + 1
        events: list[Event] = [ToolBegan(0, state.tool, str(block["id"]), str(block["name"]))]
        if block.get("input"):
            events.append(ToolPiece(0, state.tool, orjson.dumps(block["input"]).decode()))
        else:
            state.silent = True
        return events

    def _delta(self, block: _Block, delta: Json) -> Sequence[Event]:
        match delta["type"]:
            case "text_delta":
                return self._text(delta["text"])
            case "input_json_delta":
                text = _string(delta["partial_json"])
                if not text:
                    return ()
                if block.tool < 0:
                    raise StreamFault("arguments came for a block that is no tool call")
                block.silent = False
                return (ToolPiece(0, block.tool, text),)
            case "thinking_delta":
                return (ThoughtPiece(0, _string(delta["thinking"])),)
            case "signature_delta":
                block.signature += delta["signature"]
                return ()
            case "citations_delta":
                block.citations.append(delta["citation"])
                return ()
        raise StreamFault("a delta of this kind cannot be carried over")

    def _text(self, text: Any) -> Sequence[Event]:
        if not text:
            return ()
        self._chars += len(_string(text))
        return (TextPiece(0, text),)

    def _block_stop(self, block: _Block) -> Sequence[Event]:
        """A tool called without arguments streams none; a caller expects a JSON object."""
        if block.silent:
            return (ToolPiece(0, block.tool, "{}"),)
        if block.kind == "thinking" and block.signature:
            return (ThoughtSealed(0, Seal("anthropic", block.signature)),)
        place = (block.begin, self._chars)
        return [Cited(0, read_citation(citation, *place)) for citation in block.citations]

    def _end(self) -> list[Event]:
        stop = self._stop.get("stop_sequence")
        finish = read_finish(self._stop.get("stop_reason"))
        events: list[Event] = [Finished(0, finish, stop if type(stop) is str else None)]
        usage = sound(self._usage)
        if usage is not None:
            events.append(Used(usage))
        events.append(Ended())
        return events


def _string(value: Any) -> str:
    if type(value) is not str:
        raise StreamFault("a delta is not a string")
    return value
