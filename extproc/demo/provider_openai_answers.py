"""OpenAI's answers: whole documents, streamed chunks, embeddings, the model list.

Promises: field names, order, nulls and framing as the API sends them (platform.openai.com, API
reference, "Chat" and "Embeddings"): pretty-printed JSON answers, a dated snapshot as the model of
an answer, `usage: null` in every chunk but the last when usage was asked for, and no `usage` key at
all when it was not. Pure: numbers and times are parameters.
"""

from __future__ import annotations

import base64
import hashlib
import struct
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import orjson

from extproc.demo.provider_openai import EMBEDDING_SIZE, PRETTY, embedding_inputs, event
from extproc.demo.provider_reply import (
    Ask,
    Frame,
    Reply,
    running_words,
    split_arguments,
    tool_words,
)
from extproc.demo.provider_script import ToolCall

Json = dict[str, Any]
DONE = b"data: [DONE]\n\n"
NOISE = "Vq3xT8bLw"
FINGERPRINT = "fp_44709d6fcb"
SNAPSHOTS = {"gpt-4o-mini": "gpt-4o-mini-2024-07-18", "gpt-4o": "gpt-4o-2024-08-06"}
FINISH = {"end": "stop", "length": "length", "stop_sequence": "stop", "tools": "tool_calls"}


def usage(reply: Reply) -> Json | None:
    """The usage object; None when the script hides it."""
    script = reply.script.usage
    if script.raw is not None:
        return dict(script.raw)
    if script.hidden:
        return None
    return {
        "prompt_tokens": reply.reported_input,
        "completion_tokens": reply.reported_output,
        "total_tokens": reply.reported_input + reply.reported_output,
        "prompt_tokens_details": {"cached_tokens": script.cached, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": reply.reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def whole(ask: Ask, reply: Reply, number: int, created: int) -> bytes:
    """The answer as one JSON document. `created`: Unix seconds."""
    message: Json = {
        "role": "assistant",
        "content": reply.text if reply.text or not reply.tools else None,
    }
    if reply.tools:
        message["tool_calls"] = [
            {"id": call_id, "type": "function", "function": {"name": call.name, "arguments": text}}
            for call_id, call, text in _calls(reply, number)
        ]
    message |= {"refusal": None, "annotations": []}
    finish = FINISH[reply.finish]
    answer = {
        "id": _id(number),
        "object": "chat.completion",
        "created": created,
        "model": SNAPSHOTS.get(ask.model, ask.model),
        "choices": [
            {"index": index, "message": message, "logprobs": None, "finish_reason": finish}
            for index in range(ask.choices)
        ],
        "usage": usage(reply),
        "service_tier": "default",
        "system_fingerprint": FINGERPRINT,
    }
    if answer["usage"] is None:
        del answer["usage"]
    return orjson.dumps(answer, option=PRETTY)


def frames(ask: Ask, reply: Reply, number: int, created: int) -> Iterator[Frame]:
    """The answer as server-sent events, `[DONE]` included; choices take turns."""
    head = {
        "id": _id(number),
        "object": "chat.completion.chunk",
        "created": created,
        "model": SNAPSHOTS.get(ask.model, ask.model),
        "service_tier": "default",
        "system_fingerprint": FINGERPRINT,
    }
    reported = usage(reply) if ask.include_usage else None
    tail: Json = {"usage": None} if reported is not None else {}
    for at, (choice, delta, finish, generated) in enumerate(_deltas(ask, reply, number)):
        choices = [{"index": choice, "delta": delta, "logprobs": None, "finish_reason": finish}]
        yield Frame(event({**head, "choices": choices, **tail, **_padding(ask, at)}), generated)
    if reported is not None:
        last = {**head, "choices": [], "usage": reported, **_padding(ask, 0)}
        yield Frame(event(last), reply.generated)
    yield Frame(DONE, reply.generated)


def _padding(ask: Ask, at: int) -> Json:
    """Padding hides how long a delta is from whoever watches the encrypted stream."""
    return {"obfuscation": NOISE[: 1 + at % len(NOISE)]} if ask.obfuscate else {}


def _deltas(ask: Ask, reply: Reply, number: int) -> Iterator[tuple[int, Json, str | None, int]]:
    """(choice, delta, finish_reason, tokens generated so far), in order."""
    everyone = range(ask.choices)
    calls = list(_calls(reply, number))
    for choice in everyone:
        yield choice, _opening(reply, calls), None, 0
    generated, before = 0, 0
    for piece, count in running_words(reply):
        for choice in everyone:
            generated = before * ask.choices + (count - before) * (choice + 1)
            yield choice, {"content": piece}, None, generated
        before = count
    opened = 1 if _alone(reply) else 0
    for index, (call_id, call, arguments) in enumerate(calls):
        for choice in everyone:
            deltas = _tool_deltas(index, call_id, call, arguments, reply.script.chars)
            for delta in islice(deltas, opened, None):
                yield choice, {"tool_calls": [delta]}, None, generated
            generated += tool_words(call)
    for choice in everyone:
        yield choice, {}, FINISH[reply.finish], reply.generated


def _opening(reply: Reply, calls: Sequence[tuple[str, ToolCall, str]]) -> Json:
    """The first delta of a choice. A lone tool call opens in it; parallel ones come after it."""
    if not _alone(reply):
        if reply.tools and not reply.text:
            return {"role": "assistant", "content": None}
        return {"role": "assistant", "content": "", "refusal": None}
    first = next(_tool_deltas(0, *calls[0], reply.script.chars))
    return {"role": "assistant", "content": None, "tool_calls": [first], "refusal": None}


def _alone(reply: Reply) -> bool:
    return len(reply.tools) == 1 and not reply.text


def _tool_deltas(
    index: int, call_id: str, call: ToolCall, arguments: str, chars: int
) -> Iterator[Json]:
    function = {"name": call.name, "arguments": ""}
    yield {"index": index, "id": call_id, "type": "function", "function": function}
    for piece in split_arguments(arguments, chars):
        yield {"index": index, "function": {"arguments": piece}}


def _calls(reply: Reply, number: int) -> Iterator[tuple[str, ToolCall, str]]:
    for index, call in enumerate(reply.tools):
        call_id = f"call_{number:016x}{index:08x}"
        yield call_id, call, orjson.dumps(call.arguments).decode()


def _id(number: int) -> str:
    return f"chatcmpl-{number:029x}"


def embeddings(body: Json, reply: Reply) -> bytes:
    """The answer to an embeddings request: unit vectors that depend on the text alone."""
    size = body.get("dimensions", EMBEDDING_SIZE)
    as_base64 = body.get("encoding_format") == "base64"
    data = []
    for index, text in enumerate(embedding_inputs(body["input"])):
        values = vector(text, size)
        packed = base64.b64encode(struct.pack(f"<{size}f", *values)).decode() if as_base64 else None
        data.append({"object": "embedding", "index": index, "embedding": packed or values})
    answer: Json = {"object": "list", "data": data, "model": body["model"]}
    if (reported := usage(reply)) is not None:
        if reply.script.usage.raw is None:
            prompt = reported["prompt_tokens"]
            reported = {"prompt_tokens": prompt, "total_tokens": prompt}
        answer["usage"] = reported
    return orjson.dumps(answer, option=PRETTY)


def vector(text: str, size: int) -> list[float]:
    raw = struct.unpack(f"<{size}h", hashlib.shake_256(text.encode()).digest(2 * size))
    length = sum(value * value for value in raw) ** 0.5 or 1.0
    return [value / length for value in raw]
