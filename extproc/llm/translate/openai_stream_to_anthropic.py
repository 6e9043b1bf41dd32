"""Chat Completions chunks as an Anthropic event stream.

Promises: read to its end, the events say what the whole answer would have said
(`openai_answer_to_anthropic.py`), and blocks come one after another as Anthropic sends them, though
OpenAI may interleave the deltas of parallel tool calls: only one block is open at a time, and what
belongs to later ones waits until the open call's arguments are a complete JSON object. Raises
StreamFault on a chunk that is not of OpenAI's shape. `complete` tells whether the provider's stream
reached its end; one that did not must be ended with an error frame, unless `closed` says that the
provider's own error was passed on.
"""

from __future__ import annotations

from typing import Any

from extproc.llm.anthropic_usage import write_anthropic_usage
from extproc.llm.call import Frame, Json
from extproc.llm.error_body import map_error
from extproc.llm.openai_chat import OPENAI_CHAT
from extproc.llm.sse import StreamFault
from extproc.llm.translate.open_block import Block, BlockQueue
from extproc.llm.translate.openai_answer_to_anthropic import stop_reason
from extproc.usage.usage import Reported, Usage, sound


class OpenAIStreamToAnthropic:
    """State of one stream. `include_usage` has no meaning here: Anthropic always tells usage."""

    def __init__(self, *, model: str, created: int = 0, include_usage: bool = True) -> None:
        self.complete = False
        self.closed = False
        self._model = model
        self._started = False
        self._usage: Reported = None
        self._finish_reason: str | None = None
        self._refused = False
        self._queue = BlockQueue()
        self._tools: dict[Any, Block] = {}

    def feed(self, frame: Frame) -> list[Frame]:
        """The caller's events for one provider chunk. Raises StreamFault."""
        if self.closed:
            return []
        chunk = frame.data
        if chunk is None:
            return self._end()
        if not chunk:
            return []
        self._usage = OPENAI_CHAT.frame_usage(frame, self._usage)
        if chunk.get("error"):
            self.closed = True
            return [_made("error", map_error("anthropic", 500, chunk))]
        try:
            return self._chunk(chunk)
        except (KeyError, TypeError, AttributeError):
            raise StreamFault("a chunk is not of OpenAI's shape") from None

    def finish(self) -> list[Frame]:
        """The end, for providers that stop after `finish_reason` without a `[DONE]`."""
        return self._end() if self._finish_reason and not self.closed else []

    def _chunk(self, chunk: Json) -> list[Frame]:
        events = self._start(chunk)
        for choice in chunk["choices"]:
            if choice.get("index", 0) != 0:
                raise StreamFault("a second choice cannot be carried over")
            delta = choice.get("delta") or {}
            self._refused = self._refused or bool(delta.get("refusal"))
            for key in ("content", "refusal"):
                if delta.get(key):
                    events += self._queue.text(key, delta[key])
            for call in delta.get("tool_calls") or ():
                events += self._tool(call)
            self._finish_reason = choice.get("finish_reason") or self._finish_reason
        return [_made(event["type"], event) for event in events]

    def _start(self, chunk: Json) -> list[Json]:
        if self._started:
            return []
        self._started = True
        message: Json = {
            "id": str(chunk.get("id", "")), "type": "message", "role": "assistant",
            "model": self._model, "content": [], "stop_reason": None, "stop_sequence": None,
            "usage": write_anthropic_usage(Usage()),
        }  # fmt: skip
        return [{"type": "message_start", "message": message}]

    def _tool(self, call: Json) -> list[Json]:
        events: list[Json] = []
        function = call.get("function") or {}
        block = self._tools.get(call["index"])
        if block is None:
            block = Block("tool_use", call["id"], function["name"])
            self._tools[call["index"]] = block
            events += self._queue.enter(block)
        return events + self._queue.add(block, function.get("arguments") or "")

    def _end(self) -> list[Frame]:
        events = ([] if self._started else self._start({})) + self._queue.flush()
        reason = stop_reason(self._finish_reason, {"refusal": self._refused})
        delta = {"stop_reason": reason, "stop_sequence": None}
        usage = write_anthropic_usage(sound(self._usage) or Usage())
        events.append({"type": "message_delta", "delta": delta, "usage": usage})
        events.append({"type": "message_stop"})
        self.complete = self.closed = True
        return [_made(event["type"], event) for event in events]


def _made(event: str, data: Json) -> Frame:
    return Frame(event, data, b"", changed=True)
