"""A provider's Responses stream and answer, shaped as OpenAI's documentation shows them.

Source: platform.openai.com, "Streaming events" and "The response object".
"""

from __future__ import annotations

from typing import Any

import orjson

from extproc.llm.call import Frame, Json
from extproc.llm.sse import SseReader, encode

USAGE: Json = {
    "input_tokens": 40, "input_tokens_details": {"cached_tokens": 30, "cache_write_tokens": 0},
    "output_tokens": 12, "output_tokens_details": {"reasoning_tokens": 5}, "total_tokens": 52,
}  # fmt: skip


def response(output: list[Json], status: str = "completed", **fields: Any) -> Json:
    usage = USAGE if status in ("completed", "incomplete") else None
    return {
        "id": "resp_0a1b", "object": "response", "created_at": 1_760_000_000, "status": status,
        "background": False, "error": None, "incomplete_details": None,
        "instructions": "Be brief. Write to help@example.com.", "max_output_tokens": None,
        "metadata": {}, "model": "gpt-5-mini", "output": output, "parallel_tool_calls": True,
        "previous_response_id": None, "reasoning": {"effort": "low", "summary": "auto"},
        "store": False, "temperature": 1.0, "text": {"format": {"type": "text"}},
        "tool_choice": "auto", "tools": [], "top_p": 1.0, "truncation": "disabled", "usage": usage,
        "user": None, **fields,
    }  # fmt: skip


def reasoning(*texts: str) -> Json:
    summary = [{"type": "summary_text", "text": text} for text in texts]
    return {"id": "rs_1", "type": "reasoning", "summary": summary}


def message(*parts: Json) -> Json:
    return {
        "id": "msg_1", "type": "message", "status": "completed", "role": "assistant",
        "content": list(parts),
    }  # fmt: skip


def said(text: str) -> Json:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def call(arguments: str, name: str = "look_up", call_id: str = "call_1") -> Json:
    return {
        "id": "fc_1", "type": "function_call", "status": "completed", "call_id": call_id,
        "name": name, "arguments": arguments,
    }  # fmt: skip


def custom(text: str) -> Json:
    return {
        "id": "ctc_1", "type": "custom_tool_call", "status": "completed", "call_id": "call_2",
        "name": "patch", "input": text,
    }  # fmt: skip


class Stream:
    """Writes the events of a whole answer; `size` characters a delta."""

    def __init__(self, output: list[Json], size: int = 5, status: str = "completed") -> None:
        self.events: list[Json] = []
        self._size = size
        for kind in ("response.created", "response.in_progress"):
            self._add(kind, response=response([], "in_progress"))
        for index, item in enumerate(output):
            self._item(item, index)
        last = response(output, status)
        if status == "incomplete":
            last["incomplete_details"] = {"reason": "max_output_tokens"}
        self._add(f"response.{status}", response=last)

    @property
    def wire(self) -> bytes:
        return b"".join(encode(event["type"], event) for event in self.events)

    @property
    def frames(self) -> list[Frame]:
        reader = SseReader()
        return reader.feed(self.wire) + reader.finish()

    def _add(self, kind: str, **fields: Any) -> None:
        event = {"type": kind, "sequence_number": len(self.events), **fields}
        self.events.append(orjson.loads(orjson.dumps(event)))

    def _item(self, item: Json, index: int) -> None:
        empty = {"message": {"content": []}, "function_call": {"arguments": ""},
                 "custom_tool_call": {"input": ""}, "reasoning": {"summary": []}}  # fmt: skip
        begun = {**item, "status": "in_progress", **empty.get(item["type"], {})}
        self._add("response.output_item.added", output_index=index, item=begun)
        place = {"item_id": item["id"], "output_index": index}
        match item["type"]:
            case "message":
                for at, part in enumerate(item["content"]):
                    self._part(part, {**place, "content_index": at}, "content_part")
            case "reasoning":
                for at, part in enumerate(item["summary"]):
                    self._part(part, {**place, "summary_index": at}, "reasoning_summary_part")
            case "function_call":
                self._text("function_call_arguments", "arguments", item["arguments"], place)
            case "custom_tool_call":
                self._text("custom_tool_call_input", "input", item["input"], place)
        self._add("response.output_item.done", output_index=index, item=item)

    def _part(self, part: Json, place: Json, name: str) -> None:
        key = "refusal" if part["type"] == "refusal" else "text"
        self._add(f"response.{name}.added", **place, part={**part, key: ""})
        kind = {"output_text": "output_text", "refusal": "refusal",
                "summary_text": "reasoning_summary_text"}[part["type"]]  # fmt: skip
        logprobs = {"logprobs": []} if kind == "output_text" else {}
        self._text(kind, key, part[key], {**place, **logprobs})
        self._add(f"response.{name}.done", **place, part=part)

    def _text(self, kind: str, key: str, text: str, place: Json) -> None:
        for at in range(0, len(text), self._size):
            delta = text[at : at + self._size]
            self._add(f"response.{kind}.delta", **place, delta=delta, obfuscation="hT0Xr")
        self._add(f"response.{kind}.done", **place, **{key: text})
