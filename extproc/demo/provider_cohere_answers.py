"""Cohere's answers (docs.cohere.com/reference/chat, .../chat-stream, .../embed, .../rerank).

Promises: a `tool_plan` before calls; events of one type each; tokens in two countings, of which
`billed_units` is what costs; no `[DONE]`. Pure.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterator
from typing import Any

import orjson

from extproc.demo.provider_cohere import embed_texts, event
from extproc.demo.provider_openai_answers import vector
from extproc.demo.provider_openai_media import ranking
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

Json = dict[str, Any]
FINISH = {
    "end": "COMPLETE",
    "length": "MAX_TOKENS",
    "stop_sequence": "STOP_SEQUENCE",
    "tools": "TOOL_CALL",
}
PLAN = "I will use tools."
UNBILLED = 66
"""Tokens of the API's own preamble: counted in `tokens`, not billed."""


def usage(reply: Reply) -> Json | None:
    script = reply.script.usage
    if script.raw is not None:
        return dict(script.raw)
    if script.hidden:
        return None
    counted = {"input_tokens": reply.reported_input, "output_tokens": reply.reported_output}
    tokens = {**counted, "input_tokens": reply.reported_input + UNBILLED}
    found: Json = {"billed_units": counted, "tokens": tokens}
    return {**found, "cached_tokens": script.cached}


def _calls(reply: Reply, number: int) -> list[tuple[Json, ToolCall, str]]:
    return [
        ({"id": f"{call.name}_{number:08x}{index:04x}", "type": "function"}, call,
         orjson.dumps(call.arguments).decode())
        for index, call in enumerate(reply.tools)
    ]  # fmt: skip


def whole(body: Json, ask: Ask, reply: Reply, number: int, created: int) -> bytes:
    message: Json = {"role": "assistant"}
    content = [{"type": "thinking", "thinking": reply.thought}] if reply.thought else []
    if reply.text or not reply.tools:
        content.append({"type": "text", "text": reply.text})
    if reply.tools:
        message["tool_plan"] = PLAN
        message["tool_calls"] = [
            {**head, "function": {"name": call.name, "arguments": text}}
            for head, call, text in _calls(reply, number)
        ]
    if content:
        message["content"] = content
    answer: Json = {"id": _id(number), "finish_reason": FINISH[reply.finish], "message": message}
    if (reported := usage(reply)) is not None:
        answer["usage"] = reported
    return orjson.dumps(answer)


def _id(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012x}"


def frames(body: Json, ask: Ask, reply: Reply, number: int, created: int) -> Iterator[Frame]:
    for data, generated in _events(reply, number):
        yield Frame(event(data), generated)


Said = Iterator[tuple[Json, int]]


def _events(reply: Reply, number: int) -> Said:
    message = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [],
               "citations": []}  # fmt: skip
    yield {"id": _id(number), "type": "message-start", "delta": {"message": message}}, 0
    index = 0
    if reply.thought:
        yield from _block(0, "thinking", list(running_thought(reply)))
        index = 1
    if reply.text or not reply.tools:
        yield from _block(index, "text", list(running_words(reply)))
    generated = words(reply.thought) + words(reply.text)
    if reply.tools:
        for word in ("I will", " use tools."):
            yield {"type": "tool-plan-delta", "delta": {"message": {"tool_plan": word}}}, generated
    for at, (head, call, text) in enumerate(_calls(reply, number)):
        yield from _call(reply, at, head, call, text, generated)
        generated += tool_words(call)
    delta: Json = {"finish_reason": FINISH[reply.finish]}
    if (reported := usage(reply)) is not None:
        delta["usage"] = reported
    yield {"type": "message-end", "delta": delta}, reply.generated


def _block(index: int, kind: str, pieces: list[tuple[str, int]]) -> Said:
    opened = {"type": kind, kind: ""}
    start = {"message": {"content": opened}}
    yield {"type": "content-start", "index": index, "delta": start}, 0
    generated = 0
    for piece, generated in pieces:
        delta = {"message": {"content": {kind: piece}}}
        yield {"type": "content-delta", "index": index, "delta": delta}, generated
    yield {"type": "content-end", "index": index}, generated


def _call(reply: Reply, at: int, head: Json, call: ToolCall, text: str, generated: int) -> Said:
    opened = {**head, "function": {"name": call.name, "arguments": ""}}
    start = {"message": {"tool_calls": opened}}
    yield {"type": "tool-call-start", "index": at, "delta": start}, generated
    for piece in split_arguments(text, reply.script.chars):
        delta = {"message": {"tool_calls": {"function": {"arguments": piece}}}}
        yield {"type": "tool-call-delta", "index": at, "delta": delta}, generated
    yield {"type": "tool-call-end", "index": at}, generated + tool_words(call)


def embed(body: Json, ask: Ask, reply: Reply, number: int, created: int) -> bytes:
    texts, size = embed_texts(body), body.get("output_dimension") or 1536
    vectors = [vector(text, size) for text in texts]
    kinds = body.get("embedding_types") or ["float"]
    answer = {
        "id": _id(number),
        "embeddings": {kind: [_as(kind, one) for one in vectors] for kind in kinds},
        "texts": texts,
        "meta": {"api_version": {"version": "2"},
                 "billed_units": {"input_tokens": reply.reported_input}},
        "response_type": "embeddings_by_type",
    }  # fmt: skip
    return orjson.dumps(answer)


def _as(kind: str, values: list[float]) -> Any:
    match kind:
        case "base64":
            return base64.b64encode(struct.pack(f"<{len(values)}f", *values)).decode()
        case "int8" | "binary":
            return [int(value * 127) for value in values]
        case "uint8" | "ubinary":
            return [int(value * 127) + 128 for value in values]
    return values


def rerank(body: Json, ask: Ask, reply: Reply, number: int, created: int) -> bytes:
    ranked = ranking(body["query"], body["documents"])[: body.get("top_n")]
    results = [{"index": at, "relevance_score": score} for at, score in ranked]
    meta = {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}}
    return orjson.dumps({"id": _id(number), "results": results, "meta": meta})
