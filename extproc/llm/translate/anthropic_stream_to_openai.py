"""An Anthropic event stream as Chat Completions chunks.

Promises: read to its end, the chunks say what the whole answer would have said
(`anthropic_answer_to_openai.py`). Raises StreamFault on an event that is not of Anthropic's shape.
`complete` tells whether the provider's stream reached its end. One that did not must be ended with
an error frame, never with `[DONE]`, unless `closed` says that the provider's own error was sent.
"""

from __future__ import annotations

from typing import Any

import orjson

from extproc.llm.anthropic_messages import ANTHROPIC_MESSAGES
from extproc.llm.call import Frame, Json
from extproc.llm.error_body import map_error
from extproc.llm.openai_usage import write_openai_usage
from extproc.llm.sse import StreamFault
from extproc.llm.translate.anthropic_answer_to_openai import HIDDEN
from extproc.llm.translate.stop_reasons import openai_finish_reason
from extproc.usage.usage import Reported, sound

_SILENT_DELTAS = frozenset(("thinking_delta", "signature_delta", "citations_delta"))


class AnthropicStreamToOpenAI:
    """State of one stream. `include_usage`: whether the caller asked for the usage chunk."""

    def __init__(self, *, model: str, created: int, include_usage: bool) -> None:
        self.complete = False
        self.closed = False
        self._head: Json = {
            "id": "", "object": "chat.completion.chunk", "created": created, "model": model,
        }  # fmt: skip
        self._include_usage = include_usage
        self._usage: Reported = None
        self._tools: dict[Any, int] = {}
        self._silent_tools: set[Any] = set()

    def feed(self, frame: Frame) -> list[Frame]:
        """The caller's frames for one provider event. Raises StreamFault."""
        event = frame.data
        if not event or self.closed:
            return []
        self._usage = ANTHROPIC_MESSAGES.frame_usage(frame, self._usage)
        try:
            return self._event(event)
        except (KeyError, TypeError, AttributeError):
            raise StreamFault("an event is not of Anthropic's shape") from None

    def finish(self) -> list[Frame]:
        """Nothing is left to say once the provider's stream has ended; see `complete`."""
        return []

    def _event(self, event: Json) -> list[Frame]:
        match event["type"]:
            case "message_start":
                self._head["id"] = str(event["message"]["id"])
                return [self._chunk({"role": "assistant", "content": ""})]
            case "content_block_start":
                return self._block_start(event["index"], event["content_block"])
            case "content_block_delta":
                return self._delta(event["index"], event["delta"])
            case "content_block_stop":
                return self._block_stop(event["index"])
            case "message_delta":
                reason = openai_finish_reason(event["delta"].get("stop_reason"))
                return [self._chunk({}, reason)]
            case "message_stop":
                return self._end()
            case "error":
                self.closed = True
                overloaded = event["error"].get("type") == "overloaded_error"
                return [_made(map_error("openai", 529 if overloaded else 500, event))]
        return []

    def _block_start(self, index: Any, block: Json) -> list[Frame]:
        match block["type"]:
            case "text":
                return [self._chunk({"content": block["text"]})] if block["text"] else []
            case "tool_use":
                return self._tool_start(index, block)
            case kind if kind in HIDDEN:
                return []
        raise StreamFault("a block of this kind cannot be carried over")

    def _tool_start(self, index: Any, block: Json) -> list[Frame]:
        number = len(self._tools)
        given = orjson.dumps(block["input"]).decode() if block.get("input") else ""
        self._tools[index] = number
        if not given:
            self._silent_tools.add(index)
        function = {"name": block["name"], "arguments": given}
        call = {"index": number, "id": block["id"], "type": "function", "function": function}
        return [self._chunk({"tool_calls": [call]})]

    def _delta(self, index: Any, delta: Json) -> list[Frame]:
        match delta["type"]:
            case "text_delta":
                return [self._chunk({"content": delta["text"]})] if delta["text"] else []
            case "input_json_delta":
                return self._arguments(index, delta["partial_json"])
            case kind if kind in _SILENT_DELTAS:
                return []
        raise StreamFault("a delta of this kind cannot be carried over")

    def _arguments(self, index: Any, text: str) -> list[Frame]:
        if not text:
            return []
        self._silent_tools.discard(index)
        call = {"index": self._tools[index], "function": {"arguments": text}}
        return [self._chunk({"tool_calls": [call]})]

    def _block_stop(self, index: Any) -> list[Frame]:
        """A tool called without arguments streams none; a caller expects a JSON object."""
        return self._arguments(index, "{}") if index in self._silent_tools else []

    def _end(self) -> list[Frame]:
        self.complete = self.closed = True
        frames = []
        told = sound(self._usage)
        if self._include_usage and told is not None:
            usage = write_openai_usage(told)
            frames.append(_made({**self._head, "choices": [], "usage": usage}))
        return [*frames, _made(None)]

    def _chunk(self, delta: Json, finish_reason: str | None = None) -> Frame:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return _made({**self._head, "choices": [choice]})


def _made(data: Json | None) -> Frame:
    return Frame("", data, b"", changed=True)
