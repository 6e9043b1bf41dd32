"""Keeps Anthropic's content blocks in sequence: one open at a time, the others wait their turn.

A text block may be closed whenever another begins. A tool call's block may be closed once its
arguments are a complete JSON object, since nothing but white space can follow; until then, text
and other calls wait behind it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from extproc.llm.call import Json
from extproc.llm.sse import StreamFault
from extproc.llm.translate.openai_answer_to_anthropic import read_arguments


@dataclass(slots=True)
class Block:
    """One block. `parts`: all of its text; `sent`: how many of them have been emitted."""

    kind: Literal["content", "refusal", "tool_use"]
    call_id: str = ""
    name: str = ""
    parts: list[str] = field(default_factory=list)
    sent: int = 0
    index: int = -1
    closed: bool = False

    @property
    def may_close(self) -> bool:
        if self.kind != "tool_use":
            return True
        text = "".join(self.parts)
        return text.rstrip().endswith("}") and read_arguments(text) is not None


class BlockQueue:
    """Owns the order of blocks; every method returns the events that may be sent now."""

    def __init__(self) -> None:
        self._open: Block | None = None
        self._waiting: list[Block] = []
        self._next_index = 0

    def text(self, kind: Literal["content", "refusal"], text: str) -> list[Json]:
        """More text of the answer, in the newest block when that is text of this kind."""
        newest = self._waiting[-1] if self._waiting else self._open
        if newest is not None and newest.kind == kind:
            return self.add(newest, text)
        block = Block(kind)
        return self.enter(block) + self.add(block, text)

    def enter(self, block: Block) -> list[Json]:
        """A new block: opened at once, or queued behind an unfinished tool call."""
        self._waiting.append(block)
        return self._advance()

    def add(self, block: Block, text: str) -> list[Json]:
        if type(text) is not str:
            raise StreamFault("a delta is not a string")
        if not text:
            return []
        if block.closed:
            if text.strip():
                raise StreamFault("a delta came for a tool call that was already complete")
            return []
        block.parts.append(text)
        if block is not self._open:
            return []
        return _unsent(block) + (self._advance() if self._waiting else [])

    def flush(self) -> list[Json]:
        """Open and close everything that is left, in order."""
        events: list[Json] = []
        while self._open is not None or self._waiting:
            events += self._close() if self._open is not None else self._open_next()
        return events

    def _advance(self) -> list[Json]:
        events: list[Json] = []
        while self._waiting and (self._open is None or self._open.may_close):
            if self._open is not None:
                events += self._close()
            events += self._open_next()
        return events

    def _open_next(self) -> list[Json]:
        block = self._open = self._waiting.pop(0)
        block.index, self._next_index = self._next_index, self._next_index + 1
        content: Json = {"type": "text", "text": ""}
        if block.kind == "tool_use":
            content = {"type": "tool_use", "id": block.call_id, "name": block.name, "input": {}}
        start = {"type": "content_block_start", "index": block.index, "content_block": content}
        return [start, *_unsent(block)]

    def _close(self) -> list[Json]:
        assert self._open is not None
        block, self._open = self._open, None
        block.closed = True
        return [{"type": "content_block_stop", "index": block.index}]


def _unsent(block: Block) -> list[Json]:
    text, block.sent = "".join(block.parts[block.sent :]), len(block.parts)
    if not text:
        return []
    if block.kind == "tool_use":
        delta = {"type": "input_json_delta", "partial_json": text}
    else:
        delta = {"type": "text_delta", "text": text}
    return [{"type": "content_block_delta", "index": block.index, "delta": delta}]
