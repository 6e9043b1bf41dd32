"""Anthropic's requests and refusals in the provider stand-in.

Promises: reads what the Messages API reads and refuses what it refuses (docs.anthropic.com,
"Messages", "Errors"), in its words and its shape; a field the API does not know is refused, so that
a gateway that forwards one is found out. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from extproc.demo.provider_anthropic_shapes import MESSAGE_FIELDS, NEW, OLD, SAMPLING
from extproc.demo.provider_place import Received
from extproc.demo.provider_reply import Ask, Wrong, text_of, words
from extproc.demo.provider_schema import loose_object
from extproc.demo.provider_seal import opens
from extproc.demo.provider_shape import Fault

Json = dict[str, Any]
CACHED_INSIDE = False
KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}
HEADERS = {
    "anthropic-organization-id": "00000000-0000-4000-8000-000000000000",
    "anthropic-ratelimit-requests-limit": "4000",
    "anthropic-ratelimit-requests-remaining": "3999",
    "anthropic-ratelimit-requests-reset": "2026-01-01T00:00:00Z",
    "anthropic-ratelimit-tokens-limit": "480000",
    "anthropic-ratelimit-tokens-remaining": "479000",
    "anthropic-ratelimit-tokens-reset": "2026-01-01T00:00:00Z",
}
REQUEST_ID_HEADER = "request-id"
SERVER = "cloudflare"
KEY, ANY_KEY = "anthropic_key", "sk-"
SAYS_RETRY_AFTER = True
VERSIONS = frozenset({"2023-01-01", "2023-06-01", "2026-10-21"})


def key_of(headers: Mapping[str, str]) -> str | None:
    """The API key, None when the request carries none. SDKs since version 2026-10-21 send it as a
    bearer token, older ones as `x-api-key`, which wins when there are both."""
    scheme, _, key = headers.get("authorization", "").partition(" ")
    bearer = key.strip() if scheme.lower() == "bearer" else ""
    return headers.get("x-api-key") or bearer or None


def wrong_key(key: str | None) -> Wrong:
    return Wrong(401, "x-api-key header is required" if key is None else "invalid x-api-key")


def missing_header(headers: Mapping[str, str]) -> Wrong | None:
    """The version header is part of every request."""
    version = headers.get("anthropic-version")
    if not version:
        return Wrong(400, "anthropic-version: header is required")
    if version not in VERSIONS:
        return Wrong(400, f'anthropic-version: "{version}" is not a valid version')
    return None


def not_json() -> Wrong:
    return Wrong(400, "The request body is not valid JSON: expected value at line 1 column 1")


def unknown_model(model: str) -> Wrong:
    return Wrong(404, f"model: {model}")


def read_messages(body: Any, version: str, *, counting: bool = False) -> Ask | Wrong:
    """Read a messages request of an API version; `counting`: of the endpoint that only counts its
    tokens. Version 2026-10-21 took the sampling parameters away, whatever their value."""
    if not isinstance(body, dict):
        return not_json()
    required = ("model", "messages") if counting else ("model", "max_tokens", "messages")
    for name in required:
        if body.get(name) is None:
            return Wrong(400, f"{name}: Field required")
    shape = OLD if version < "2026-10-21" else NEW
    known = {*MESSAGE_FIELDS, *(SAMPLING if shape is OLD else ())}
    for name in body:
        if name not in known:
            return Wrong(400, f"{name}: Extra inputs are not permitted")
    wrong = _wrong_types(body) or misshapen(shape(body, ()))
    return wrong or _wrong_together(body) or _wrong_results(body["messages"]) or _ask(body)


def misshapen(fault: Fault | None) -> Wrong | None:
    """What the shape says, in the API's words ("Errors")."""
    if fault is None:
        return None
    said = {
        "unknown": "Extra inputs are not permitted",
        "missing": "Field required",
        "type": f"Input should be {fault.wanted}",
        "value": f"Input should be {fault.wanted}",
    }
    return Wrong(400, f"{fault.dotted}: {said[fault.kind]}")


def _wrong_together(body: Json) -> Wrong | None:
    """Fields that do not go together ("Extended thinking", "Structured outputs")."""
    budget = (body.get("thinking") or {}).get("budget_tokens", 0)
    if budget and budget >= body.get("max_tokens", budget + 1):
        return Wrong(400, "`max_tokens` must be greater than `thinking.budget_tokens`.")
    forced = (body.get("tool_choice") or {}).get("type") in ("any", "tool")
    if thinks(body) and forced:
        return Wrong(400, "Thinking may not be enabled when tool_choice forces tool use.")
    if thinks(body) and (body.get("temperature", 1) != 1 or body.get("top_k")):
        return Wrong(400, "`temperature` may only be set to 1 when thinking is enabled.")
    if body.get("tool_choice") and not body.get("tools"):
        return Wrong(400, "tool_choice may only be specified while providing tools.")
    schema = answer_schema(body)
    if schema is not None and loose_object(schema):
        message = "For 'object' type, 'additionalProperties' must be explicitly set to false"
        return Wrong(400, f"output_config.format.schema: {message}")
    return None


def thinks(body: Json) -> bool:
    return (body.get("thinking") or {}).get("type") in ("enabled", "adaptive")


def answer_schema(body: Json) -> Json | None:
    form = (body.get("output_config") or {}).get("format")
    return form["schema"] if form else None


def _wrong_results(messages: list[Any]) -> Wrong | None:
    """Each call is answered in the next message, first thing; thoughts come back with the
    signature they left with ("Tool use", "Extended thinking")."""
    called: set[str] = set()
    for at, message in enumerate(messages):
        parts = message["content"] if isinstance(message["content"], list) else []
        results = {part["tool_use_id"] for part in parts if part["type"] == "tool_result"}
        if results != called:
            return Wrong(400, _unpaired(at, called - results, results - called))
        if results and any(part["type"] != "tool_result" for part in parts[: len(results)]):
            return Wrong(400, f"messages.{at}.content: `tool_result` blocks must come first")
        for index, part in enumerate(parts):
            if part["type"] == "thinking" and not opens(
                "anthropic", part["signature"], part["thinking"]
            ):
                where = f"messages.{at}.content.{index}"
                return Wrong(400, f"{where}: Invalid `signature` in `thinking` block")
        called = {part["id"] for part in parts if part["type"] == "tool_use"}
    return None


def _unpaired(at: int, unanswered: set[str], unasked: set[str]) -> str:
    if unanswered:
        names = ", ".join(sorted(unanswered))
        return (
            f"messages.{at - 1}: `tool_use` ids were found without `tool_result` blocks immediately"
            f" after: {names}. Each `tool_use` block must have a corresponding `tool_result` block"
            " in the next message."
        )
    names = ", ".join(sorted(unasked))
    return (
        f"messages.{at}.content.0: unexpected `tool_use_id` found in `tool_result` blocks: {names}."
        " Each `tool_result` block must have a corresponding `tool_use` block in the previous"
        " message."
    )


def _wrong_types(body: Json) -> Wrong | None:
    limit = body.get("max_tokens", 1)
    if type(limit) is not int:
        return Wrong(400, "max_tokens: Input should be a valid integer")
    if limit < 1:
        return Wrong(400, "max_tokens: Input should be greater than or equal to 1")
    if not isinstance(body["model"], str):
        return Wrong(400, "model: Input should be a valid string")
    messages = body["messages"]
    if not isinstance(messages, list) or not messages:
        return Wrong(400, "messages: at least one message is required")
    return _wrong_roles(messages)


def _wrong_roles(messages: list[Any]) -> Wrong | None:
    """Newer models take system messages, but only right after a user's; a chat-completions list
    that begins with one is refused."""
    before: str | None = None
    for message in messages:
        role = message.get("role") if isinstance(message, dict) else None
        if role not in ("user", "assistant") and (role, before) != ("system", "user"):
            return Wrong(
                400,
                f'messages: Unexpected role "{role}". The Messages API accepts a top-level '
                '`system` parameter, not "system" as an input message role.',
            )
        before = role
    return None


def _ask(body: Json) -> Ask:
    messages = body["messages"]
    users = [message for message in messages if message["role"] == "user"]
    last = users[-1].get("content") if users else ""
    sent = [text_of(body.get("system"))]
    for message in messages:
        sent += [text_of(message.get("content")), *_tool_results(message.get("content"))]
    results = _tool_results(last)
    return Ask(
        model=body["model"],
        prompt=text_of(last),
        input_tokens=sum(words(text) for text in sent),
        stream=body.get("stream") is True,
        max_tokens=body.get("max_tokens"),
        stops=tuple(body.get("stop_sequences") or ()),
        tool_result=" ".join(results) if results else None,
        forced_tool=_forced_tool(body),
        thinking=thinks(body),
        effort=(body.get("output_config") or {}).get("effort"),
        schema=answer_schema(body),
        one_tool=(body.get("tool_choice") or {}).get("disable_parallel_tool_use") is True,
        no_tools=(body.get("tool_choice") or {}).get("type") == "none",
        images=sum(_images(message.get("content")) for message in messages),
        tools=tuple(tool["name"] for tool in body.get("tools") or () if "name" in tool),
    )


def _images(content: Any) -> int:
    parts = content if isinstance(content, list) else []
    nested = sum(_images(part.get("content")) for part in parts if part["type"] == "tool_result")
    return nested + len([part for part in parts if part["type"] == "image"])


def _tool_results(content: Any) -> list[str]:
    if not isinstance(content, list):
        return []
    return [
        text_of(part.get("content"))
        for part in content
        if isinstance(part, Mapping) and part.get("type") == "tool_result"
    ]


def _forced_tool(body: Json) -> str | None:
    match body.get("tool_choice"):
        case {"type": "tool", "name": str(name)}:
            return name
        case {"type": "any"} if body.get("tools"):
            return str(body["tools"][0]["name"])
    return None


def scripted(status: int) -> Wrong:
    """The refusal a directive asked for, in Anthropic's words."""
    match status:
        case 401:
            return wrong_key("")
        case 429:
            message = "This request would exceed your organization's rate limit."
            return Wrong(429, message)
        case 529:
            return Wrong(529, "Overloaded")
        case _ if status >= 500:
            return Wrong(status, "Internal server error")
    return Wrong(status, "The request was refused.")


def models(names: Sequence[str], created: int) -> bytes:
    data = [
        {"type": "model", "id": name, "display_name": name, "created_at": "2025-01-01T00:00:00Z"}
        for name in names
    ]
    first, last = (names[0], names[-1]) if names else (None, None)
    return orjson.dumps({"data": data, "has_more": False, "first_id": first, "last_id": last})


def no_route(received: Received) -> Wrong:
    return Wrong(404, "Not found")


def lists(path: str) -> bool:
    """Whether this is where the models are listed."""
    return path == "/v1/models"


def refusal_headers(wrong: Wrong) -> dict[str, str]:
    return {}


def error(wrong: Wrong, request_id: str) -> bytes:
    """The body of a refusal."""
    fallback = "api_error" if wrong.status >= 500 else "invalid_request_error"
    kind = KINDS.get(wrong.status, fallback)
    body = {"type": kind, "message": wrong.message}
    return orjson.dumps({"type": "error", "error": body, "request_id": request_id})


def error_frame() -> bytes:
    """A stream that fails midway ends with an error event."""
    body = {"type": "overloaded_error", "message": "Overloaded"}
    return event("error", {"error": body})


def event(name: str, fields: Json) -> bytes:
    """One frame. The API pads frames with blanks before the last brace; so does this, by size."""
    data = orjson.dumps({"type": name, **fields})
    blanks = b" " * (len(data) % 7)
    return b"event: %b\ndata: %b%b}\n\n" % (name.encode(), data[:-1], blanks)
