"""Anthropic's answers: whole messages, streamed events, the model list.

Promises: field names, order and framing as the Messages API sends them (docs.anthropic.com,
"Messages" and "Streaming Messages"): input usage in `message_start`, cumulative output usage in
`message_delta`, a `ping` after the first block opens. Pure: numbers and times are parameters.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from extproc.demo.provider_anthropic import event
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
from extproc.demo.provider_seal import seal

Json = dict[str, Any]
PING = b'event: ping\ndata: {"type": "ping"}\n\n'
FINISH = {
    "end": "end_turn",
    "length": "max_tokens",
    "stop_sequence": "stop_sequence",
    "tools": "tool_use",
}


def usage(reply: Reply, output: int) -> Json | None:
    """The usage object of a message; None when the script hides it."""
    script = reply.script.usage
    if script.raw is not None:
        return dict(script.raw)
    if script.hidden:
        return None
    return {
        "input_tokens": reply.reported_input,
        "cache_creation_input_tokens": script.cache_write,
        "cache_read_input_tokens": script.cached,
        "cache_creation": {
            "ephemeral_5m_input_tokens": script.cache_write,
            "ephemeral_1h_input_tokens": 0,
        },
        "output_tokens": output,
        "service_tier": "standard",
    }


def whole(ask: Ask, reply: Reply, number: int, created: int) -> bytes:
    """The answer as one JSON document (the API says nothing of when it was made)."""
    content: list[Json] = [_thought(reply.thought)] if reply.thought else []
    content += [{"type": "text", "text": reply.text}] if reply.text else []
    for index, call in enumerate(reply.tools):
        block = _tool_block(number, index, call.name)
        content.append({**block, "input": dict(call.arguments)})
    answer = _message(ask, number, content)
    answer["stop_reason"] = FINISH[reply.finish]
    answer["stop_sequence"] = reply.stop_sequence
    if (reported := usage(reply, reply.reported_output)) is not None:
        answer["usage"] = reported
    return orjson.dumps(answer)


def _message(ask: Ask, number: int, content: list[Json]) -> Json:
    return {
        "model": ask.model,
        "id": f"msg_01{number:022x}",
        "type": "message",
        "role": "assistant",
        "content": content,
        "stop_reason": None,
        "stop_sequence": None,
    }


def _tool_block(number: int, index: int, name: str) -> Json:
    tool_id = f"toolu_01{number:014x}{index:08x}"
    return {"type": "tool_use", "id": tool_id, "name": name, "input": {}}


def frames(ask: Ask, reply: Reply, number: int, created: int) -> Iterator[Frame]:
    """The answer as server-sent events, `message_stop` included."""
    message = _message(ask, number, [])
    if (started := usage(reply, min(1, reply.reported_output))) is not None:
        message["usage"] = started
    yield Frame(event("message_start", {"message": message}), 0)
    for at, frame in enumerate(_blocks(reply, number)):
        yield frame
        if at == 0:
            yield Frame(PING, 0)
    yield Frame(event("message_delta", _end(reply)), reply.generated)
    yield Frame(event("message_stop", {}), reply.generated)


def _thought(text: str) -> Json:
    return {"type": "thinking", "thinking": text, "signature": seal("anthropic", text)}


def _thinking(reply: Reply) -> Iterator[Frame]:
    """The signature comes last, in a delta of its own ("Streaming with extended thinking")."""
    generated = 0
    yield _start(0, {"type": "thinking", "thinking": "", "signature": ""}, 0)
    for piece, generated in running_thought(reply):
        yield _delta(0, {"type": "thinking_delta", "thinking": piece}, generated)
    signature = seal("anthropic", reply.thought)
    yield _delta(0, {"type": "signature_delta", "signature": signature}, generated)
    yield _stop(0, generated)


def _blocks(reply: Reply, number: int) -> Iterator[Frame]:
    index = generated = 0
    if reply.thought:
        yield from _thinking(reply)
        index, generated = 1, words(reply.thought)
    if reply.text or not reply.tools:
        yield _start(index, {"type": "text", "text": ""}, generated)
        for piece, so_far in running_words(reply):
            generated = so_far
            yield _delta(index, {"type": "text_delta", "text": piece}, generated)
        yield _stop(index, generated)
        index += 1
    for at, call in enumerate(reply.tools):
        yield _start(index, _tool_block(number, at, call.name), generated)
        yield _delta(index, {"type": "input_json_delta", "partial_json": ""}, generated)
        arguments = orjson.dumps(call.arguments).decode()
        for piece in split_arguments(arguments, reply.script.chars):
            yield _delta(index, {"type": "input_json_delta", "partial_json": piece}, generated)
        generated += tool_words(call)
        yield _stop(index, generated)
        index += 1


def _start(index: int, block: Json, generated: int) -> Frame:
    fields = {"index": index, "content_block": block}
    return Frame(event("content_block_start", fields), generated)


def _delta(index: int, delta: Json, generated: int) -> Frame:
    return Frame(event("content_block_delta", {"index": index, "delta": delta}), generated)


def _stop(index: int, generated: int) -> Frame:
    return Frame(event("content_block_stop", {"index": index}), generated)


def _end(reply: Reply) -> Json:
    """`message_delta`: why it stopped, and usage so far, which is all of it."""
    delta = {"stop_reason": FINISH[reply.finish], "stop_sequence": reply.stop_sequence}
    reported = usage(reply, reply.reported_output)
    if reported is None:
        return {"delta": delta}
    if reply.script.usage.raw is None:
        reported = {
            name: reported[name]
            for name in (
                "input_tokens",
                "cache_creation_input_tokens",
                "cache_read_input_tokens",
                "output_tokens",
            )
        }
    return {"delta": delta, "usage": reported}
