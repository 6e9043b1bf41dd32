"""An OpenAI-compatible server that is no OpenAI: what vLLM, DeepSeek, Mistral, Groq, OpenRouter and
others do in their own way, together in one.

- thoughts stand beside the text, as `reasoning_content` (api-docs.deepseek.com, "Thinking Mode");
- a stream begins with comments that keep it alive (openrouter.ai/docs, "Streaming");
- usage comes with the last choice, asked for or not (docs.mistral.ai, "Chat");
- a tool call comes whole in one chunk (docs.mistral.ai, "Function calling");
- an error's code is a number, and it has no type (openrouter.ai/docs, "Errors");
- answers lack what only OpenAI has, and its newest fields are unknown (docs.vllm.ai,
  "OpenAI-Compatible Server").

Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from extproc.demo import provider_openai
from extproc.demo.provider_openai import CACHED_INSIDE, event, missing_header, not_json
from extproc.demo.provider_openai_answers import DONE, FINISH
from extproc.demo.provider_openai_shapes import CHAT_FIELDS
from extproc.demo.provider_place import Place, Received
from extproc.demo.provider_reply import (
    Ask,
    Frame,
    Reply,
    Wrong,
    running_thought,
    running_words,
    tool_words,
    words,
)
from extproc.demo.provider_shape import TEXT, Fields

__all__ = ["CACHED_INSIDE", "missing_header", "not_json"]

Json = dict[str, Any]
HEADERS: dict[str, str] = {}
REQUEST_ID_HEADER = "x-request-id"
SERVER = "uvicorn"
KEY, ANY_KEY = "compatible_key", ""
SAYS_RETRY_AFTER = True
ALIVE = b": keep-alive\n\n"
_ONLY_OPENAI = frozenset(
    [
        "audio",
        "function_call",
        "functions",
        "modalities",
        "moderation",
        "prediction",
        "prompt_cache_options",
        "prompt_cache_retention",
        "safety_identifier",
        "store",
        "verbosity",
        "web_search_options",
    ]
)
FIELDS: Fields = {
    **{name: shape for name, shape in CHAT_FIELDS.items() if name not in _ONLY_OPENAI},
    "reasoning": TEXT,
}


def key_of(headers: Mapping[str, str]) -> str | None:
    return provider_openai.key_of(headers)


def wrong_key(key: str | None) -> Wrong:
    return Wrong(401, "No auth credentials found" if key is None else "Invalid credentials")


def unknown_model(model: str) -> Wrong:
    return Wrong(404, f"The model `{model}` does not exist.")


def no_route(received: Received) -> Wrong:
    return Wrong(404, "Not Found")


def lists(path: str) -> bool:
    return path == "/compatible/v1/models"


def models(names: Sequence[str], created: int) -> bytes:
    return provider_openai.models(names, created)


def read_chat(body: Any, place: Place) -> Ask | Wrong:
    if isinstance(body, dict) and (unknown := next((n for n in body if n not in FIELDS), None)):
        return Wrong(400, f"body.{unknown}: Extra inputs are not permitted")
    return provider_openai.read_chat(_without_own(body) if isinstance(body, dict) else body)


def _without_own(body: Json) -> Json:
    """What its own answers have beside OpenAI's, and its users send back."""
    messages = [
        {
            name: one
            for name, one in message.items()
            if name not in ("reasoning_content", "reasoning")
        }
        for message in body.get("messages") or ()
    ]
    for message in messages:
        calls = message.get("tool_calls")
        if calls:
            message["tool_calls"] = [{n: v for n, v in c.items() if n != "index"} for c in calls]
    return {**body, "messages": messages}


def scripted(status: int) -> Wrong:
    said = {429: "Rate limit exceeded", 503: "No instances available"}
    return Wrong(status, said.get(status, "Provider returned error"))


def refusal_headers(wrong: Wrong) -> dict[str, str]:
    return {}


def error(wrong: Wrong, request_id: str) -> bytes:
    return orjson.dumps({"error": {"message": wrong.message, "code": wrong.status}})


def error_frame() -> bytes:
    return event({"error": {"message": "Provider returned error", "code": 502}})


def usage(reply: Reply) -> Json | None:
    script = reply.script.usage
    if script.raw is not None:
        return dict(script.raw)
    if script.hidden:
        return None
    return {
        "prompt_tokens": reply.reported_input,
        "total_tokens": reply.reported_input + reply.reported_output,
        "completion_tokens": reply.reported_output,
    }


def answer_chat(
    body: Any, ask: Ask, reply: Reply, number: int, created: int
) -> bytes | Iterator[Frame]:
    kind = "chat.completion.chunk" if ask.stream else "chat.completion"
    head: Json = {"id": f"{number:032x}", "object": kind, "created": created, "model": ask.model}
    if ask.stream:
        return _frames(head, ask, reply, number)
    message: Json = {"role": "assistant", "content": reply.text}
    if reply.thought:
        message["reasoning_content"] = reply.thought
    if reply.tools:
        message["tool_calls"] = _calls(reply, number)
    choices = [
        {"index": index, "message": message, "finish_reason": FINISH[reply.finish]}
        for index in range(ask.choices)
    ]
    return orjson.dumps({**head, "choices": choices, "usage": usage(reply)})


def _calls(reply: Reply, number: int) -> list[Json]:
    return [
        {"id": f"{number:05x}{index:04x}"[-9:], "type": "function", "index": index,
         "function": {"name": call.name, "arguments": orjson.dumps(call.arguments).decode()}}
        for index, call in enumerate(reply.tools)
    ]  # fmt: skip


def _frames(head: Json, ask: Ask, reply: Reply, number: int) -> Iterator[Frame]:
    yield Frame(ALIVE, 0)
    for delta, generated in _deltas(reply, number):
        chunk = {**head, "choices": _streamed(ask, delta, None)}
        yield Frame(event(chunk), generated * ask.choices)
    last: Json = {**head, "choices": _streamed(ask, {"content": ""}, FINISH[reply.finish])}
    if (reported := usage(reply)) is not None:
        last["usage"] = reported
    yield Frame(event(last), reply.generated)
    yield Frame(DONE, reply.generated)


def _streamed(ask: Ask, delta: Json, finish: str | None) -> list[Json]:
    return [
        {"index": index, "delta": delta, "finish_reason": finish} for index in range(ask.choices)
    ]


def _deltas(reply: Reply, number: int) -> Iterator[tuple[Json, int]]:
    yield {"role": "assistant", "content": ""}, 0
    for piece, generated in running_thought(reply):
        yield {"reasoning_content": piece, "content": None}, generated
    for piece, generated in running_words(reply):
        yield {"content": piece}, generated
    generated = words(reply.thought) + words(reply.text)
    for call, scripted_call in zip(_calls(reply, number), reply.tools, strict=True):
        generated += tool_words(scripted_call)
        yield {"tool_calls": [call]}, generated
