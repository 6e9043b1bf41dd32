"""Bedrock's answers: one document, or the messages of its binary event stream.

Promises: the order of the service's events (`messageStart`, blocks, `messageStop`, `metadata`), no
`contentBlockStart` but for tools, usage in `metadata` alone, padding (`p`) in every event. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from extproc.demo.provider_event_stream import event
from extproc.demo.provider_reply import (
    Ask,
    Frame,
    Reply,
    running_thought,
    running_words,
    split_arguments,
    tool_words,
    words,
)
from extproc.demo.provider_script import ToolCall
from extproc.demo.provider_seal import seal

Json = dict[str, Any]
FINISH = {
    "end": "end_turn",
    "length": "max_tokens",
    "stop_sequence": "stop_sequence",
    "tools": "tool_use",
}
PADDING = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


def usage(reply: Reply) -> Json:
    """Cached tokens stand beside the input's; the total has all of them."""
    script = reply.script.usage
    if script.raw is not None:
        return dict(script.raw)
    total = reply.reported_input + reply.reported_output + script.cached + script.cache_write
    counted = {
        "inputTokens": reply.reported_input,
        "outputTokens": reply.reported_output,
        "totalTokens": total,
    }
    if script.cached or script.cache_write:
        counted |= {
            "cacheReadInputTokens": script.cached,
            "cacheWriteInputTokens": script.cache_write,
        }
    return counted


def _tool(number: int, index: int, call: ToolCall) -> Json:
    return {"toolUseId": f"tooluse_{number:014x}{index:08x}", "name": call.name}


def whole(body: Json, ask: Ask, reply: Reply, number: int, created: int) -> bytes:
    content: list[Json] = []
    if reply.thought:
        signed = {"text": reply.thought, "signature": seal("bedrock", reply.thought)}
        content.append({"reasoningContent": {"reasoningText": signed}})
    if reply.text or not reply.tools:
        content.append({"text": reply.text})
    for index, call in enumerate(reply.tools):
        content.append({"toolUse": {**_tool(number, index, call), "input": dict(call.arguments)}})
    answer: Json = {
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": FINISH[reply.finish],
        "metrics": {"latencyMs": 512},
    }
    if not reply.script.usage.hidden:
        answer["usage"] = usage(reply)
    return orjson.dumps(answer)


def frames(body: Json, ask: Ask, reply: Reply, number: int, created: int) -> Iterator[Frame]:
    for at, (kind, fields, generated) in enumerate(_events(reply, number)):
        padded = {**fields, "p": PADDING[: 1 + at * 7 % len(PADDING)]}
        yield Frame(event(kind, orjson.dumps(padded)), generated)


Said = Iterator[tuple[str, Json, int]]


def _events(reply: Reply, number: int) -> Said:
    yield "messageStart", {"role": "assistant"}, 0
    index = 0
    if reply.thought:
        yield from _thinking(reply)
        index = 1
    if reply.text or not reply.tools:
        generated = words(reply.thought)
        for piece, generated in running_words(reply):
            yield _delta(index, {"text": piece}, generated)
        yield "contentBlockStop", {"contentBlockIndex": index}, generated
        index += 1
    generated = words(reply.thought) + words(reply.text)
    for at, call in enumerate(reply.tools):
        yield from _call(reply, number, at, call, index + at, generated)
        generated += tool_words(call)
    yield "messageStop", {"stopReason": FINISH[reply.finish]}, reply.generated
    metadata: Json = {"metrics": {"latencyMs": 512}}
    if not reply.script.usage.hidden:
        metadata["usage"] = usage(reply)
    yield "metadata", metadata, reply.generated


def _delta(index: int, delta: Json, generated: int) -> tuple[str, Json, int]:
    return "contentBlockDelta", {"contentBlockIndex": index, "delta": delta}, generated


def _thinking(reply: Reply) -> Said:
    generated = 0
    for piece, generated in running_thought(reply):
        yield _delta(0, {"reasoningContent": {"text": piece}}, generated)
    signature = seal("bedrock", reply.thought)
    yield _delta(0, {"reasoningContent": {"signature": signature}}, generated)
    yield "contentBlockStop", {"contentBlockIndex": 0}, generated


def _call(reply: Reply, number: int, at: int, call: ToolCall, index: int, generated: int) -> Said:
    start = {"toolUse": _tool(number, at, call)}
    yield "contentBlockStart", {"contentBlockIndex": index, "start": start}, generated
    arguments = orjson.dumps(call.arguments).decode() if call.arguments else ""
    for piece in split_arguments(arguments, reply.script.chars):
        yield _delta(index, {"toolUse": {"input": piece}}, generated)
    stop = {"contentBlockIndex": index}
    yield "contentBlockStop", stop, generated + tool_words(call)
