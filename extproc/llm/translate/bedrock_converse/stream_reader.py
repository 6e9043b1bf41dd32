"""A Converse event stream as events.

Promises: read to its end, the events say what the whole answer would have said
(`answer_reader.py`). `Ended` comes with `metadata`, which follows `messageStop` and holds the
usage, or with the stream's last byte where it did not come. Raises StreamFault on an event that is
not of Converse's shape. Ignored: what Bedrock's own tools did.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from extproc.llm.bedrock_usage import read_bedrock_usage
from extproc.llm.call import Frame, Json
from extproc.llm.sse import StreamFault
from extproc.llm.translate.bedrock_converse.content_reader import (
    MALFORMED,
    SERVER_TOOL,
    citation_of,
    finish_of,
    stop_sequence_of,
)
from extproc.llm.translate.conversation import Image, Inline, Seal
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
    Whole,
)
from extproc.usage.usage import Usage

_BLOB_CHARS_MAX = 16 * 1024 * 1024
"""Of what is collected in one stream: an image, a seal."""


@dataclass(slots=True)
class _Block:
    """What is known of an open block. `tool`: number of the tool call, -1: none, -2: not the
    caller's. `image`: its format. `blobs`, `signature`: what came in pieces."""

    tool: int = -1
    empty: bool = True
    image: str = ""
    blobs: list[str] = field(default_factory=list)
    signature: list[str] = field(default_factory=list)


class BedrockStreamReader:
    """State of one stream."""

    def __init__(self) -> None:
        self._open: dict[Any, _Block] = {}
        self._tools = 0
        self._blob_chars = 0
        self._began = self._stopped = self._ended = False

    def read(self, frame: Frame) -> Sequence[Event]:
        data = frame.data
        if self._ended or not data:
            return ()
        if "error" in data:
            self._ended = True
            return (Failed(data, _status(data["error"])),)
        try:
            return self._event(frame.event, data)
        except (KeyError, TypeError, AttributeError, ValueError):
            raise StreamFault("an event is not of Converse's shape") from None

    def finish(self) -> Sequence[Event]:
        if self._ended or not self._stopped:
            return ()
        self._ended = True
        return (Ended(),)

    def _event(self, event: str, data: Json) -> Sequence[Event]:
        match event:
            case "contentBlockDelta":
                return self._delta(data["delta"], data.get("contentBlockIndex"))
            case "contentBlockStart":
                return self._start(data["start"], data.get("contentBlockIndex"))
            case "contentBlockStop":
                return self._stop(data.get("contentBlockIndex"))
            case "messageStart":
                began, self._began = self._began, True
                return () if began else (Began(""),)
            case "messageStop":
                return self._message_stop(data)
            case "metadata":
                return self._metadata(data)
        return ()

    def _start(self, start: Json, index: Any) -> Sequence[Event]:
        block = self._open[index] = _Block()
        if "image" in start:
            block.image = _text(start["image"]["format"])
        elif "toolResult" in start:
            block.tool = -2
        elif "toolUse" in start:
            return self._tool(start["toolUse"], block)
        return ()

    def _tool(self, use: Json, block: _Block) -> Sequence[Event]:
        if use.get("type") == SERVER_TOOL:
            block.tool = -2
            return ()
        block.tool, self._tools = self._tools, self._tools + 1
        return (ToolBegan(0, block.tool, _text(use["toolUseId"]), _text(use["name"])),)

    def _delta(self, delta: Json, index: Any) -> Sequence[Event]:
        text = delta.get("text")
        if text is not None:
            return (TextPiece(0, _text(text)),) if text else ()
        block = self._open.setdefault(index, _Block())
        match delta:
            case {"toolUse": use}:
                return self._arguments(block, _text(use["input"]))
            case {"reasoningContent": content}:
                return self._thought(block, content)
            case {"citation": said}:
                return (Cited(0, citation_of(said)),)
            case {"image": file}:
                self._collect(block.blobs, file["source"]["bytes"])
        return ()

    def _arguments(self, block: _Block, text: str) -> Sequence[Event]:
        if block.tool == -1:
            raise StreamFault("arguments came for a tool call that never began")
        if block.tool < 0 or not text:
            return ()
        block.empty = False
        return (ToolPiece(0, block.tool, text),)

    def _thought(self, block: _Block, content: Json) -> Sequence[Event]:
        match content:
            case {"text": text}:
                return (ThoughtPiece(0, _text(text)),) if text else ()
            case {"signature": signature}:
                self._collect(block.signature, signature)
            case {"redactedContent": blob}:
                self._collect(block.blobs, blob)
        return ()

    def _collect(self, into: list[str], piece: Any) -> None:
        self._blob_chars += len(_text(piece))
        if self._blob_chars > _BLOB_CHARS_MAX:
            raise StreamFault("what one stream carries in pieces is too large")
        into.append(piece)

    def _stop(self, index: Any) -> Sequence[Event]:
        block = self._open.pop(index, None)
        if block is None:
            return ()
        if block.tool >= 0 and block.empty:
            return (ToolPiece(0, block.tool, "{}"),)
        if block.image:
            source = Inline(f"image/{block.image}", _joined(block.blobs))
            return (Whole(0, Image(source=source)),)
        if block.blobs:
            return (ThoughtSealed(0, Seal("bedrock", _joined(block.blobs)), hidden=True),)
        if block.signature:
            return (ThoughtSealed(0, Seal("bedrock", "".join(block.signature))),)
        return ()

    def _message_stop(self, data: Json) -> Sequence[Event]:
        reason = data.get("stopReason")
        left = [event for index in list(self._open) for event in self._stop(index)]
        if reason in MALFORMED:
            self._ended = True
            return (Failed({"error": {"message": "The model's output was malformed."}}),)
        self._stopped = True
        finish, met = finish_of(reason), stop_sequence_of(data)
        return (*left, Finished(0, finish, met if finish == "stop_sequence" else None))

    def _metadata(self, data: Json) -> Sequence[Event]:
        usage = read_bedrock_usage(data.get("usage"))
        used = (Used(usage),) if isinstance(usage, Usage) else ()
        return (*used, *self.finish())


def _joined(blobs: list[str]) -> str:
    """Each piece is base64 of its own."""
    if len(blobs) == 1:
        return blobs[0]
    return b64encode(b"".join(b64decode(blob, validate=True) for blob in blobs)).decode()


def _status(error: Any) -> int:
    status = error.get("status") if type(error) is dict else None
    return status if type(status) is int else 500


def _text(value: Any) -> str:
    if type(value) is not str:
        raise TypeError
    return value
