"""A streamed answer for a caller of Anthropic Messages.

Promises: `message_start` first, then blocks one after another (`block_queue.py`), `message_delta`
with the usage and `message_stop` last; nothing follows an error. Thoughts come only to callers that
asked for them. Raises StreamFault on what this dialect has no word for: a second choice, images,
sound. Left out: citations without a URL, seals on tool calls.
"""

from __future__ import annotations

from typing import Literal

from extproc.llm.anthropic_usage import write_anthropic_usage
from extproc.llm.call import Frame, Json
from extproc.llm.error_body import map_error
from extproc.llm.sse import StreamFault
from extproc.llm.translate.anthropic_messages.block_queue import Block, BlockQueue
from extproc.llm.translate.anthropic_messages.citations import write_citation
from extproc.llm.translate.anthropic_messages.finish import write_finish
from extproc.llm.translate.conversation import Citation, Reasoning
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
)
from extproc.llm.translate.thinking_blocks import signature_of, thinking_block
from extproc.usage.usage import Usage


class MessagesStreamWriter:
    """State of one stream. `shows_thoughts`: whether the caller asked for thinking."""

    def __init__(self, *, model: str, shows_thoughts: bool) -> None:
        self._model, self._shows_thoughts = model, shows_thoughts
        self._started = False
        self._usage = Usage()
        self._stop: Json = {"stop_reason": "end_turn", "stop_sequence": None}
        self._queue = BlockQueue()
        self._tools: dict[int, Block] = {}

    def write(self, event: Event) -> list[Frame]:
        match event:
            case Began(answer_id):
                return self._start(answer_id)
            case Used(usage):
                self._usage = usage
                return []
            case Failed(error, status):
                return [_made(map_error("anthropic", status, error))]
            case Ended():
                return self._end()
        if event.choice != 0:
            raise StreamFault("a second choice cannot be carried over")
        if type(event) is Finished:
            reason = write_finish(event.finish)
            self._stop = {"stop_reason": reason, "stop_sequence": event.stop_sequence}
            return []
        frames = [] if self._started else self._start("")
        return frames + [_made(made) for made in self._events(event)]

    def _start(self, answer_id: str) -> list[Frame]:
        if self._started:
            return []
        self._started = True
        message: Json = {
            "id": answer_id, "type": "message", "role": "assistant", "model": self._model,
            "content": [], "stop_reason": None, "stop_sequence": None,
            "usage": write_anthropic_usage(Usage()),
        }  # fmt: skip
        return [_made({"type": "message_start", "message": message})]

    def _events(self, event: Event) -> list[Json]:
        match event:
            case TextPiece(_, text):
                return self._text("content", text)
            case ToolPiece(_, index, text):
                block = self._tools.get(index)
                if block is None:
                    raise StreamFault("arguments came for a tool call that never began")
                return self._queue.add_arguments(block, text) if text else []
            case ThoughtPiece(_, text):
                return self._thought(text)
            case ToolBegan(_, index, call_id, name):
                start = {"type": "tool_use", "id": call_id, "name": name, "input": {}}
                block = self._tools[index] = Block("tool_use", start)
                return self._queue.enter(block)
            case RefusedPiece(_, text):
                return self._text("refusal", text)
            case ThoughtSealed():
                return self._seal(event) if self._shows_thoughts else []
            case Cited(_, citation):
                return self._cite(citation)
            case LogprobsPiece():
                return []  # this dialect's callers cannot have asked for any
        raise StreamFault("a part of this kind cannot be carried over")

    def _text(self, kind: Literal["content", "refusal"], text: str) -> list[Json]:
        """More text of the answer, in the newest block when that is text of this kind."""
        if not text:
            return []
        events: list[Json] = []
        block = self._queue.newest
        if block is None or block.kind != kind:
            block = Block(kind, {"type": "text", "text": ""})
            events = self._queue.enter(block)
        return events + self._queue.add(block, {"type": "text_delta", "text": text})

    def _thought(self, text: str) -> list[Json]:
        if not self._shows_thoughts or not text:
            return []
        block, events = self._thinking()
        return events + self._queue.add(block, {"type": "thinking_delta", "thinking": text})

    def _thinking(self) -> tuple[Block, list[Json]]:
        """The open thought, or a new one."""
        block = self._queue.newest
        if block is not None and block.kind == "thinking":
            return block, []
        block = Block("thinking", thinking_block(Reasoning()))
        return block, self._queue.enter(block)

    def _seal(self, event: ThoughtSealed) -> list[Json]:
        if event.hidden:
            start = thinking_block(Reasoning(seal=event.seal, hidden=True))
            return self._queue.enter(Block("redacted_thinking", start))
        block, events = self._thinking()
        block.kind = "sealed"
        delta = {"type": "signature_delta", "signature": signature_of(event.seal)}
        return events + self._queue.add(block, delta)

    def _cite(self, citation: Citation) -> list[Json]:
        written, block = write_citation(citation), self._queue.newest
        if written is None or block is None or block.kind != "content":
            return []
        return self._queue.add(block, {"type": "citations_delta", "citation": written})

    def _end(self) -> list[Frame]:
        frames = [] if self._started else self._start("")
        events = self._queue.flush()
        usage = write_anthropic_usage(self._usage)
        events.append({"type": "message_delta", "delta": self._stop, "usage": usage})
        events.append({"type": "message_stop"})
        return frames + [_made(event) for event in events]


def _made(event: Json) -> Frame:
    return Frame(event["type"], event, b"", True)
