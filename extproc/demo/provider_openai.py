"""OpenAI's requests and refusals in the provider stand-in.

Promises: reads what the API reads and refuses what it refuses (platform.openai.com, API reference,
"Errors"), in its words and its shape; a field the API does not know is refused, so that a gateway
that forwards one is found out. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from extproc.demo.provider_openai_shapes import CHAT, CHAT_FIELDS
from extproc.demo.provider_place import Received
from extproc.demo.provider_reply import Ask, Wrong, text_of, words
from extproc.demo.provider_shape import Fault

Json = dict[str, Any]
PRETTY = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
CACHED_INSIDE = True
EMBEDDING_SIZE = 1536
HEADERS = {
    "openai-organization": "demo-org",
    "openai-version": "2020-10-01",
    "openai-processing-ms": "1",
    "x-ratelimit-limit-requests": "10000",
    "x-ratelimit-limit-tokens": "2000000",
    "x-ratelimit-remaining-requests": "9999",
    "x-ratelimit-remaining-tokens": "1999000",
    "x-ratelimit-reset-requests": "6ms",
    "x-ratelimit-reset-tokens": "0s",
}
REQUEST_ID_HEADER = "x-request-id"
SERVER = "cloudflare"
KEY, ANY_KEY = "openai_key", "sk-"
SAYS_RETRY_AFTER = True
EMBEDDING_FIELDS = frozenset({"dimensions", "encoding_format", "input", "model", "user"})
ROLES = frozenset({"developer", "system", "user", "assistant", "tool", "function"})


def key_of(headers: Mapping[str, str]) -> str | None:
    """The API key, None when the request carries none."""
    scheme, _, key = headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" and key.strip() else None


def wrong_key(key: str | None) -> Wrong:
    """OpenAI quotes the key it refused, masked."""
    if key is None:
        return Wrong(
            401,
            "You didn't provide an API key. You need to provide your API key in an Authorization "
            "header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY), or as the password "
            "field (with blank username) if you're accessing the API from your browser and are "
            "prompted for a username and password. You can obtain an API key from "
            "https://platform.openai.com/account/api-keys.",
        )
    masked = f"{key[:3]}{'*' * 8}{key[-4:]}" if len(key) > 12 else "***"
    return Wrong(
        401,
        f"Incorrect API key provided: {masked}. You can find your API key at "
        "https://platform.openai.com/account/api-keys.",
        code="invalid_api_key",
    )


def missing_header(headers: Mapping[str, str]) -> Wrong | None:
    """OpenAI asks for no header beside the key."""
    return None


def not_json() -> Wrong:
    return Wrong(
        400,
        "We could not parse the JSON body of your request. (HINT: This likely means you aren't "
        "using your HTTP library correctly. The OpenAI API expects a JSON payload, but what was "
        "sent was not valid JSON.)",
    )


def unknown_model(model: str) -> Wrong:
    message = f"The model `{model}` does not exist or you do not have access to it."
    return Wrong(404, message, code="model_not_found")


def read_chat(body: Json) -> Ask | Wrong:
    """Read a chat request; refuses what the API refuses."""
    if wrong := unreadable(body, frozenset(CHAT_FIELDS), "messages"):
        return wrong
    messages = body["messages"]
    if not isinstance(messages, list) or not messages:
        return Wrong(400, "Invalid 'messages': empty array.", "messages", "empty_array")
    for index, message in enumerate(messages):
        role = message.get("role") if isinstance(message, dict) else None
        if role not in ROLES:
            return _invalid(f"messages[{index}].role", role)
    return misshapen(CHAT(body, ())) or _unanswered(messages) or _ask(body, messages)


def _ask(body: Json, messages: Sequence[Json]) -> Ask:
    stop = body.get("stop")
    texts = [text_of(message.get("content")) for message in messages]
    users = [text for message, text in zip(messages, texts, strict=True)
             if message["role"] == "user"]  # fmt: skip
    limit = body.get("max_completion_tokens")
    options = body.get("stream_options") or {}
    return Ask(
        model=body["model"],
        prompt=users[-1] if users else "",
        input_tokens=sum(words(text) for text in texts),
        stream=body.get("stream") is True,
        include_usage=options.get("include_usage") is True,
        obfuscate=options.get("include_obfuscation") is not False,
        max_tokens=body.get("max_tokens") if limit is None else limit,
        stops=(stop,) if isinstance(stop, str) else tuple(stop or ()),
        choices=body.get("n") or 1,
        tool_result=texts[-1] if messages[-1]["role"] in ("tool", "function") else None,
        forced_tool=_forced_tool(body),
        effort=body.get("reasoning_effort"),
        thinking=body.get("reasoning_effort") not in (None, "none"),
        schema=_schema(body.get("response_format")),
        one_tool=body.get("parallel_tool_calls") is False,
        no_tools=body.get("tool_choice") == "none",
        images=sum(part_count(message.get("content"), "image_url") for message in messages),
        tools=tuple(tool["function"]["name"] for tool in body.get("tools") or ()
                    if tool["type"] == "function"),
    )  # fmt: skip


def part_count(content: Any, kind: str) -> int:
    parts = content if isinstance(content, list) else []
    return sum(part.get("type") == kind for part in parts)


def _schema(form: Any) -> Json | None:
    match form:
        case {"type": "json_object"}:
            return {}
        case {"json_schema": {"schema": schema}}:
            return dict(schema)
    return None


def _forced_tool(body: Json) -> str | None:
    match body.get("tool_choice"):
        case {"function": {"name": str(name)}}:
            return name
        case "required" if body.get("tools"):
            return str(body["tools"][0]["function"]["name"])
    return None


def unreadable(body: Any, known: frozenset[str], required: str) -> Wrong | None:
    if not isinstance(body, dict):
        return not_json()
    if not isinstance(body.get("model"), str) or not body["model"]:
        return Wrong(400, "you must provide a model parameter")
    if required not in body:
        message = f"Missing required parameter: '{required}'."
        return Wrong(400, message, required, "missing_required_parameter")
    if unknown := next((name for name in body if name not in known), None):
        return Wrong(400, f"Unknown parameter: '{unknown}'.", unknown, "unknown_parameter")
    return None


def misshapen(fault: Fault | None) -> Wrong | None:
    """What the shape says, in the API's words ("Error codes", `param` and `code`)."""
    if fault is None:
        return None
    name = fault.field
    match fault.kind:
        case "unknown":
            return Wrong(400, f"Unknown parameter: '{name}'.", name, "unknown_parameter")
        case "missing":
            message = f"Missing required parameter: '{name}'."
            return Wrong(400, message, name, "missing_required_parameter")
        case "type":
            message = f"Invalid type for '{name}': expected {fault.wanted}, but got another one."
            return Wrong(400, message, name, "invalid_type")
    message = f"Invalid value for '{name}'. Supported values are: {fault.wanted}."
    return Wrong(400, message, name, "invalid_value")


def _unanswered(messages: Sequence[Json]) -> Wrong | None:
    """Each call of a tool is answered by a tool's message right behind it, and no other is there
    (API guide, "Function calling")."""
    waiting: set[str] = set()
    for index, message in enumerate(messages):
        param = f"messages[{index}].role"
        if message["role"] == "tool":
            if message["tool_call_id"] not in waiting:
                text = "Invalid parameter: messages with role 'tool' must be a response to a "
                return Wrong(400, text + "preceeding message with 'tool_calls'.", param)
            waiting.discard(message["tool_call_id"])
            continue
        if waiting:
            break
        waiting = {call["id"] for call in message.get("tool_calls") or ()}
    if waiting:
        text = "An assistant message with 'tool_calls' must be followed by tool messages responding"
        return Wrong(400, f"{text} to each 'tool_call_id'. {sorted(waiting)}", "messages")
    return None


def _invalid(param: str, value: Any) -> Wrong:
    return Wrong(400, f"Invalid value for '{param}': {value!r}.", param, "invalid_value")


def read_embeddings(body: Json) -> Ask | Wrong:
    """Read an embeddings request; directives stand in its last text."""
    if wrong := unreadable(body, EMBEDDING_FIELDS, "input"):
        return wrong
    texts = embedding_inputs(body["input"])
    if not texts:
        return _invalid("input", body["input"])
    if body.get("encoding_format", "float") not in ("float", "base64"):
        return _invalid("encoding_format", body["encoding_format"])
    size = body.get("dimensions", EMBEDDING_SIZE)
    if type(size) is not int or not 1 <= size <= 4096:
        return _invalid("dimensions", size)
    return Ask(body["model"], texts[-1], sum(words(text) for text in texts))


def embedding_inputs(value: Any) -> list[str]:
    """One text per input; a list of token numbers counts as that many words."""
    match value:
        case str():
            return [value]
        case [int(), *_]:
            return [" ".join(map(str, value))]
        case list():
            return [text for part in value for text in embedding_inputs(part)]
    return []


def scripted(status: int) -> Wrong:
    """The refusal a directive asked for, in OpenAI's words."""
    match status:
        case 401:
            return Wrong(401, "Incorrect API key provided: ***.", code="invalid_api_key")
        case 404:
            return unknown_model("unknown")
        case 429:
            message = "Rate limit reached for requests. Please try again in 1s."
            return Wrong(429, message, code="rate_limit_exceeded")
        case 503:
            message = "The engine is currently overloaded, please try again later"
            return Wrong(503, message)
        case _ if status >= 500:
            message = "The server had an error while processing your request. Sorry about that!"
            return Wrong(status, message)
    return Wrong(status, "The request was refused.")


def no_route(received: Received) -> Wrong:
    return Wrong(404, f"Invalid URL ({received.method} {received.path})")


def lists(path: str) -> bool:
    """Whether this is where the models are listed."""
    return path == "/v1/models"


def models(names: Sequence[str], created: int) -> bytes:
    data = [
        {"id": name, "object": "model", "created": created, "owned_by": "system"} for name in names
    ]
    return orjson.dumps({"object": "list", "data": data}, option=PRETTY)


def refusal_headers(wrong: Wrong) -> dict[str, str]:
    return {}


def error(wrong: Wrong, request_id: str) -> bytes:
    """The body of a refusal."""
    kind = "requests" if wrong.status == 429 else "invalid_request_error"
    if wrong.status >= 500:
        kind = "server_error"
    body = {"message": wrong.message, "type": kind, "param": wrong.param, "code": wrong.code}
    return orjson.dumps({"error": body}, option=PRETTY)


def error_frame() -> bytes:
    """A stream that fails midway carries the error as its data, and no `[DONE]`."""
    body = {
        "message": "The server had an error while processing your request. Sorry about that!",
        "type": "server_error",
        "param": None,
        "code": None,
    }
    return event({"error": body})


def event(data: Json) -> bytes:
    return b"data: " + orjson.dumps(data) + b"\n\n"
