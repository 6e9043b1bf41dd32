"""Answers of OpenAI's Responses API: whole, and as the full sequence of its events
(platform.openai.com/docs/api-reference/responses-streaming).

Promises: every event that the API sends for text, function calls and reasoning, in its order, each
with its `sequence_number`; no `[DONE]` at the end. Reasoning is sealed (`encrypted_content`) only
when that was asked for, and tells a summary only then. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from extproc.demo.provider_openai import PRETTY
from extproc.demo.provider_openai_answers import NOISE, SNAPSHOTS
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
ECHOED: Json = {
    "background": False, "instructions": None, "max_output_tokens": None, "max_tool_calls": None,
    "metadata": {}, "parallel_tool_calls": True, "previous_response_id": None,
    "prompt_cache_key": None, "prompt_cache_retention": None, "safety_identifier": None,
    "store": True, "temperature": 1.0, "tool_choice": "auto", "tools": [], "top_logprobs": 0,
    "top_p": 1.0, "truncation": "disabled", "user": None,
}  # fmt: skip
"""What an answer repeats of its request, and what stands there when the request is silent."""


def usage(reply: Reply) -> Json | None:
    script = reply.script.usage
    if script.raw is not None:
        return dict(script.raw)
    if script.hidden:
        return None
    return {
        "input_tokens": reply.reported_input,
        "input_tokens_details": {"cached_tokens": script.cached},
        "output_tokens": reply.reported_output,
        "output_tokens_details": {"reasoning_tokens": reply.reasoning},
        "total_tokens": reply.reported_input + reply.reported_output,
    }


def whole(body: Json, ask: Ask, reply: Reply, number: int, created: int) -> bytes:
    return orjson.dumps(_ended(body, ask, reply, number, created), option=PRETTY)


def _begun(body: Json, ask: Ask, number: int, created: int) -> Json:
    """The response before there is any output."""
    said = {name: body[name] for name in ECHOED if body.get(name) is not None}
    reasoning, text = body.get("reasoning") or {}, body.get("text") or {}
    return {
        "id": f"resp_{number:048x}",
        "object": "response",
        "created_at": created,
        "status": "in_progress",
        "completed_at": None,
        "error": None,
        "incomplete_details": None,
        "model": SNAPSHOTS.get(ask.model, ask.model),
        "output": [],
        "reasoning": {"effort": reasoning.get("effort"), "summary": reasoning.get("summary")},
        "service_tier": "default",
        "text": {
            "format": text.get("format") or {"type": "text"},
            "verbosity": text.get("verbosity") or "medium",
        },
        "usage": None,
        **ECHOED,
        **said,
    }


def _ended(body: Json, ask: Ask, reply: Reply, number: int, created: int) -> Json:
    response = _begun(body, ask, number, created)
    short = reply.finish == "length"
    response |= {
        "status": "incomplete" if short else "completed",
        "completed_at": None if short else created,
        "incomplete_details": {"reason": "max_output_tokens"} if short else None,
        "output": list(_output(body, ask, reply, number)),
        "usage": usage(reply),
    }
    return response


def _output(body: Json, ask: Ask, reply: Reply, number: int) -> Iterator[Json]:
    if reply.thought:
        yield _reasoning(body, ask, reply, number)
    if reply.text or not reply.tools:
        yield _message(number, reply.text, _status(reply))
    for index, call in enumerate(reply.tools):
        yield _call(number, index, call, orjson.dumps(call.arguments).decode(), "completed")


def _status(reply: Reply) -> str:
    return "incomplete" if reply.finish == "length" else "completed"


def _reasoning(body: Json, ask: Ask, reply: Reply, number: int) -> Json:
    summary = [{"type": "summary_text", "text": reply.thought}] if ask.shows_thought else []
    item: Json = {"id": f"rs_{number:048x}", "type": "reasoning", "summary": summary}
    if "reasoning.encrypted_content" in (body.get("include") or ()):
        item["encrypted_content"] = seal("openai", reply.thought)
    return item


def _message(number: int, text: str | None, status: str) -> Json:
    return {
        "id": f"msg_{number:048x}",
        "type": "message",
        "status": status,
        "role": "assistant",
        "content": [] if text is None else [_text(text)],
    }


def _text(text: str) -> Json:
    return {"type": "output_text", "annotations": [], "logprobs": [], "text": text}


def _call(number: int, index: int, call: ToolCall, arguments: str, status: str) -> Json:
    return {
        "id": f"fc_{number:040x}{index:08x}",
        "type": "function_call",
        "status": status,
        "arguments": arguments,
        "call_id": f"call_{number:016x}{index:08x}",
        "name": call.name,
    }


def frames(body: Json, ask: Ask, reply: Reply, number: int, created: int) -> Iterator[Frame]:
    events = _events(body, ask, reply, number, created)
    for at, (kind, generated, rest) in enumerate(events):
        if kind.endswith(".delta") and ask.obfuscate:
            rest["obfuscation"] = NOISE[: 1 + at % len(NOISE)]
        yield Frame(_event({"type": kind, "sequence_number": at, **rest}), generated)


def _event(data: Json) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (data["type"].encode(), orjson.dumps(data))


Said = Iterator[tuple[str, int, Json]]
"""(event type, tokens generated so far, its other fields)."""


def _events(body: Json, ask: Ask, reply: Reply, number: int, created: int) -> Said:
    begun = _begun(body, ask, number, created)
    yield "response.created", 0, {"response": begun}
    yield "response.in_progress", 0, {"response": begun}
    index = 0
    if reply.thought:
        yield from _reasoning_events(body, ask, reply, number)
        index = 1
    if reply.text or not reply.tools:
        yield from _message_events(reply, number, index)
        index += 1
    generated = words(reply.thought) + words(reply.text)
    for at, call in enumerate(reply.tools):
        yield from _call_events(reply, number, at, call, index + at, generated)
        generated += tool_words(call)
    kind = "incomplete" if reply.finish == "length" else "completed"
    ended = _ended(body, ask, reply, number, created)
    yield f"response.{kind}", reply.generated, {"response": ended}


def _reasoning_events(body: Json, ask: Ask, reply: Reply, number: int) -> Said:
    item = _reasoning(body, ask, reply, number)
    at: Json = {"item_id": item["id"], "output_index": 0}
    opened = {**item, "summary": []}
    yield "response.output_item.added", 0, {"output_index": 0, "item": opened}
    if ask.shows_thought:
        part = {"type": "summary_text", "text": reply.thought}
        at_part = {**at, "summary_index": 0}
        empty = {**part, "text": ""}
        yield "response.reasoning_summary_part.added", 0, {**at_part, "part": empty}
        for piece, generated in running_thought(reply):
            yield "response.reasoning_summary_text.delta", generated, {**at_part, "delta": piece}
        done = words(reply.thought)
        yield "response.reasoning_summary_text.done", done, {**at_part, "text": reply.thought}
        yield "response.reasoning_summary_part.done", done, {**at_part, "part": part}
    generated = words(reply.thought)
    yield "response.output_item.done", generated, {"output_index": 0, "item": item}


def _message_events(reply: Reply, number: int, index: int) -> Said:
    opened = _message(number, None, "in_progress")
    at: Json = {"item_id": opened["id"], "output_index": index, "content_index": 0}
    generated = words(reply.thought)
    yield "response.output_item.added", generated, {"output_index": index, "item": opened}
    yield "response.content_part.added", generated, {**at, "part": _text("")}
    for piece, so_far in running_words(reply):
        generated = so_far
        yield "response.output_text.delta", generated, {**at, "delta": piece, "logprobs": []}
    whole_text = {"text": reply.text, "logprobs": []}
    yield "response.output_text.done", generated, {**at, **whole_text}
    yield "response.content_part.done", generated, {**at, "part": _text(reply.text)}
    item = _message(number, reply.text, _status(reply))
    yield "response.output_item.done", generated, {"output_index": index, "item": item}


def _call_events(
    reply: Reply, number: int, at: int, call: ToolCall, index: int, generated: int
) -> Said:
    arguments = orjson.dumps(call.arguments).decode()
    opened = _call(number, at, call, "", "in_progress")
    where: Json = {"item_id": opened["id"], "output_index": index}
    yield "response.output_item.added", generated, {"output_index": index, "item": opened}
    for piece in split_arguments(arguments, reply.script.chars):
        delta = {**where, "delta": piece}
        yield "response.function_call_arguments.delta", generated, delta
    generated += tool_words(call)
    done = {**where, "arguments": arguments, "name": call.name}
    yield "response.function_call_arguments.done", generated, done
    item = _call(number, at, call, arguments, "completed")
    yield "response.output_item.done", generated, {"output_index": index, "item": item}


def error_frame() -> bytes:
    """The stream's own error event; nothing follows it."""
    message = "The server had an error while processing your request. Sorry about that!"
    return _event({"type": "error", "sequence_number": 99, "code": "server_error",
                   "message": message, "param": None})  # fmt: skip
