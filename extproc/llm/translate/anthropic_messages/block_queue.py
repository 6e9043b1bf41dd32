"""Keeps Anthropic's content blocks in sequence: one open at a time, the others wait their turn.

A block of text or thought may be closed whenever another begins. A tool call's block may be closed
once its arguments are a complete JSON object, since nothing but white space can follow; until then,
text and other calls wait behind it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from extproc.llm.call import Json
from extproc.llm.sse import StreamFault
from extproc.llm.translate.anthropic_messages.arguments import read_arguments


@dataclass(slots=True)
class Block:
    """One block. `kind`: what may be added to it. `start`: its `content_block`. `waiting`: deltas
    that could not be sent yet. `arguments`: a tool call's, as far as they came."""

    kind: str
    start: Json
    waiting: list[Json] = field(default_factory=list)
    arguments: list[str] = field(default_factory=list)
    index: int = -1
    closed: bool = False

    @property
    def may_close(self) -> bool:
        if self.kind != "tool_use":
            return True
        text = "".join(self.arguments)
        return text.rstrip().endswith("}") and read_arguments(text) is not None


class BlockQueue:
    """Owns the order of blocks; every method returns the events that may be sent now."""

    def __init__(self) -> None:
        self._open: Block | None = None
        self._waiting: list[Block] = []
        self._next_index = 0

    @property
    def newest(self) -> Block | None:
        """The block that began last, unless it is closed."""
        return self._waiting[-1] if self._waiting else self._open

    def enter(self, block: Block) -> list[Json]:
        """A new block: opened at once, or queued behind an unfinished tool call."""
        self._waiting.append(block)
        return self._advance()

    def add(self, block: Block, delta: Json) -> list[Json]:
        if block is not self._open:
            block.waiting.append(delta)
            return []
        return [_delta(block, delta)]

    def add_arguments(self, block: Block, text: str) -> list[Json]:
        if block.closed:
            if text.strip():
                raise StreamFault("a delta came for a tool call that was already complete")
            return []
        block.arguments.append(text)
        events = self.add(block, {"type": "input_json_delta", "partial_json": text})
        return events + self._advance() if self._waiting else events

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
        start = {"type": "content_block_start", "index": block.index, "content_block": block.start}
        return [start, *(_delta(block, delta) for delta in block.waiting)]

    def _close(self) -> list[Json]:
        assert self._open is not None
        block, self._open = self._open, None
        block.closed = True
        return [{"type": "content_block_stop", "index": block.index}]


def _delta(block: Block, delta: Json) -> Json:
    return {"type": "content_block_delta", "index": block.index, "delta": delta}
