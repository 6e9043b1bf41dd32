"""Cohere's requests and refusals in the provider stand-in (docs.cohere.com/reference/chat,
.../embed, .../rerank, "Errors").

Promises: refuses what version 2 of the API refuses, in its bare shape: an id and a message. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from extproc.demo.provider_openai import part_count
from extproc.demo.provider_place import Place, Received
from extproc.demo.provider_reply import Ask, Wrong, text_of, words
from extproc.demo.provider_shape import (
    FLAG,
    OBJECT,
    TEXT,
    WHOLE,
    Fault,
    Fields,
    Need,
    address,
    among,
    either,
    fields,
    filled,
    some,
    tagged,
    within,
)

Json = dict[str, Any]
CACHED_INSIDE = True
HEADERS = {"x-trial-endpoint-call-limit": "1000", "num_chars": "0", "num_tokens": "0"}
REQUEST_ID_HEADER = "x-request-id"
SERVER = "envoy"
KEY, ANY_KEY = "cohere_key", ""
SAYS_RETRY_AFTER = True
_TEXT: Fields = {"text": Need(TEXT)}
_IMAGE: Fields = {"image_url": Need(fields({"url": Need(address), "detail": TEXT}))}
_DOCUMENT: Fields = {"document": Need(fields({"data": Need(OBJECT), "id": TEXT}))}
_CALLS = some(
    tagged(
        "type",
        {
            "function": {
                "id": Need(filled),
                "function": Need(fields({"name": Need(filled), "arguments": Need(TEXT)})),
            }
        },
    )
)
MESSAGES = some(
    tagged("role", {
        "user": {"content": Need(either(TEXT, some(tagged("type", {
            "text": _TEXT, "image_url": _IMAGE}), 1)))},
        "assistant": {
            "content": either(TEXT, some(tagged("type", {
                "text": _TEXT, "thinking": {"thinking": Need(TEXT)}}))),
            "tool_calls": _CALLS, "tool_plan": TEXT, "citations": some(OBJECT)},
        "system": {"content": Need(either(TEXT, some(tagged("type", {"text": _TEXT}), 1)))},
        "tool": {"tool_call_id": Need(filled), "content": Need(either(TEXT, some(tagged("type", {
            "text": _TEXT, "document": _DOCUMENT}), 1)))},
    }),
    1,
)  # fmt: skip
CHAT_FIELDS: Fields = {
    "model": Need(filled),
    "messages": Need(MESSAGES),
    "stream": FLAG,
    "tools": some(tagged("type", {"function": {"function": Need(fields({
        "name": Need(filled), "description": TEXT, "parameters": Need(OBJECT)}))}})),
    "strict_tools": FLAG,
    "documents": some(either(TEXT, fields({"data": Need(OBJECT), "id": TEXT}))),
    "citation_options": fields({"mode": TEXT}),
    "response_format": tagged("type", {"text": {}, "json_object": {"json_schema": OBJECT}}),
    "safety_mode": among("CONTEXTUAL", "STRICT", "OFF"),
    "max_tokens": within(1, 10**9, whole=True),
    "stop_sequences": some(TEXT, 0, 5),
    "temperature": within(0, 1),
    "seed": WHOLE,
    "frequency_penalty": within(0, 1),
    "presence_penalty": within(0, 1),
    "k": within(0, 500, whole=True),
    "p": within(0.01, 0.99),
    "logprobs": FLAG,
    "tool_choice": among("REQUIRED", "NONE"),
    "thinking": fields({"type": Need(among("enabled", "disabled")), "token_budget": WHOLE}),
    "priority": WHOLE,
}  # fmt: skip
EMBED_FIELDS: Fields = {
    "model": Need(filled),
    "input_type": Need(among("search_document", "search_query", "classification", "clustering",
                             "image")),
    "texts": some(TEXT, 1, 96), "images": some(address, 1, 1),
    "inputs": some(fields({"content": Need(some(tagged("type", {
        "text": _TEXT, "image_url": _IMAGE}), 1))}), 1, 96),
    "max_tokens": WHOLE, "output_dimension": among(256, 512, 1024, 1536),
    "embedding_types": some(among("float", "int8", "uint8", "binary", "ubinary", "base64")),
    "truncate": among("NONE", "START", "END"), "priority": WHOLE,
}  # fmt: skip
RERANK_FIELDS: Fields = {
    "model": Need(filled), "query": Need(filled), "documents": Need(some(TEXT, 1)),
    "top_n": within(1, 10**6, whole=True), "max_tokens_per_doc": WHOLE, "priority": WHOLE,
}  # fmt: skip


def key_of(headers: Mapping[str, str]) -> str | None:
    scheme, _, key = headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" and key.strip() else None


def wrong_key(key: str | None) -> Wrong:
    return Wrong(401, "no api key supplied" if key is None else "invalid api token")


def missing_header(headers: Mapping[str, str]) -> Wrong | None:
    return None


def not_json() -> Wrong:
    return Wrong(400, "invalid request: failed to decode JSON body")


def unknown_model(model: str) -> Wrong:
    return Wrong(404, f"model '{model}' not found, make sure the correct model ID was used")


def no_route(received: Received) -> Wrong:
    return Wrong(404, "not found")


def lists(path: str) -> bool:
    return False


def models(names: Sequence[str], created: int) -> bytes:
    return orjson.dumps({"models": [{"name": name, "endpoints": ["chat"]} for name in names]})


def misshapen(fault: Fault | None) -> Wrong | None:
    if fault is None:
        return None
    said = {
        "unknown": f"unknown field: parameter '{fault.field}' is not a valid field",
        "missing": f"invalid request: {fault.field} is a required property",
        "type": f"invalid type: parameter {fault.field} is of another type but should be "
        f"{fault.wanted}",
        "value": f"invalid request: {fault.field} must be {fault.wanted}",
    }
    return Wrong(422 if fault.kind == "unknown" else 400, said[fault.kind])


def read_chat(body: Any, place: Place) -> Ask | Wrong:
    wrong = misshapen(fields(CHAT_FIELDS)(body, ()))
    return wrong or _wrong_together(body) or _wrong_turns(body["messages"]) or _ask(body)


def _wrong_together(body: Json) -> Wrong | None:
    if body.get("tool_choice") and not body.get("tools"):
        return Wrong(400, "invalid request: tool_choice may only be used when tools are provided")
    form = body.get("response_format") or {}
    if form.get("type") == "json_object" and body.get("tools"):
        return Wrong(400, "invalid request: cannot use response_format json_object with tools")
    return None


def _wrong_turns(messages: list[Json]) -> Wrong | None:
    waiting: set[str] = set()
    for message in messages:
        if message["role"] == "tool":
            if message["tool_call_id"] not in waiting:
                return Wrong(400, "invalid request: tool message without a matching tool call")
            waiting.discard(message["tool_call_id"])
            continue
        if waiting:
            break
        waiting = {call["id"] for call in message.get("tool_calls") or ()}
        if message["role"] == "assistant" and not waiting and not message.get("content"):
            return Wrong(400, "invalid request: all elements in history must have a message")
    if waiting:
        return Wrong(400, f"invalid request: missing tool results for {sorted(waiting)}")
    return None


def _content(message: Json) -> str:
    content = message.get("content")
    parts = content if isinstance(content, list) else []
    documents = [part["document"]["data"] for part in parts if part["type"] == "document"]
    texts = [text_of(content), *(str(one.get("text", one)) for one in documents)]
    return " ".join(text for text in texts if text)


def _ask(body: Json) -> Ask:
    messages = body["messages"]
    texts = [_content(message) for message in messages]
    users = [t for one, t in zip(messages, texts, strict=True) if one["role"] == "user"]
    form = body.get("response_format") or {}
    names = [tool["function"]["name"] for tool in body.get("tools") or ()]
    return Ask(
        model=body["model"],
        prompt=users[-1] if users else "",
        input_tokens=sum(words(text) for text in texts),
        stream=body.get("stream") is True,
        max_tokens=body.get("max_tokens"),
        stops=tuple(body.get("stop_sequences") or ()),
        tool_result=texts[-1] if messages[-1]["role"] == "tool" else None,
        forced_tool=names[0] if body.get("tool_choice") == "REQUIRED" else None,
        thinking=(body.get("thinking") or {}).get("type") == "enabled",
        shows_thought=True,
        schema=(form.get("json_schema") or {}) if form.get("type") == "json_object" else None,
        no_tools=body.get("tool_choice") == "NONE",
        images=sum(part_count(message.get("content"), "image_url") for message in messages),
        tools=tuple(names),
    )


def embed_texts(body: Json) -> list[str]:
    texts = list(body.get("texts") or ())
    texts += [text_of(one["content"]) for one in body.get("inputs") or ()]
    return texts + ["image"] * len(body.get("images") or ())


def read_embed(body: Any, place: Place) -> Ask | Wrong:
    if wrong := misshapen(fields(EMBED_FIELDS)(body, ())):
        return wrong
    texts = embed_texts(body)
    if not texts:
        return Wrong(400, "invalid request: one of texts, images or inputs is required")
    return Ask(body["model"], texts[-1], sum(words(text) for text in texts))


def read_rerank(body: Any, place: Place) -> Ask | Wrong:
    if wrong := misshapen(fields(RERANK_FIELDS)(body, ())):
        return wrong
    sent = words(body["query"]) + sum(words(text) for text in body["documents"])
    return Ask(body["model"], body["query"], sent)


def scripted(status: int) -> Wrong:
    said = {
        401: "invalid api token",
        429: "You are past the per minute request limit, please wait and try again later.",
        500: "internal server error, this has been reported to our developers.",
        503: "service unavailable, please try again later",
    }
    return Wrong(status, said.get(status, "invalid request"))


def refusal_headers(wrong: Wrong) -> dict[str, str]:
    return {}


def error(wrong: Wrong, request_id: str) -> bytes:
    return orjson.dumps({"id": request_id, "message": wrong.message})


def error_frame() -> bytes:
    """A stream that fails midway ends as every stream does, with `ERROR` as its reason."""
    delta = {"error": "internal server error", "finish_reason": "ERROR"}
    return event({"type": "message-end", "delta": delta})


def event(data: Json) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (data["type"].encode(), orjson.dumps(data))
