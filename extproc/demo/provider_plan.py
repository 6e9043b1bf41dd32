"""One request to the provider stand-in -> what will happen: decided whole, before any byte is sent.

Promises: the order of the real APIs: route, key, headers, JSON, fields, model, and only then what
the script says. Pure: options, faults, number and time are parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any, NamedTuple

import orjson

from extproc.demo import (
    provider_anthropic,
    provider_anthropic_answers,
    provider_openai,
    provider_openai_answers,
)
from extproc.demo.provider_reply import Ask, Frame, Reply, Wrong, compose
from extproc.demo.provider_script import BadDirective, Script, read_script

SHOWN_MODELS = ("gpt-4o-mini", "gpt-4o", "text-embedding-3-small", "claude-sonnet")


@dataclass(frozen=True, slots=True)
class Options:
    """How a provider behaves.

    `openai_key`, `anthropic_key`: the only key accepted; '' = any that starts with `sk-`.
    `models`: the only models there are; empty = any. `keep`: how many requests to remember.
    `fixed`: answer one constant reply of `fixed_tokens` words with the least work, after
    `fixed_delay` seconds, with `fixed_pause` seconds between frames; no keys, scripts or records.
    """

    openai_key: str = ""
    anthropic_key: str = ""
    models: tuple[str, ...] = ()
    keep: int = 10_000
    fixed: bool = False
    fixed_tokens: int = 16
    fixed_delay: float = 0.0
    fixed_pause: float = 0.0


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it came. Header names in lower case; `target`: path with query."""

    method: str
    path: str
    target: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Plan:
    """What will happen. `body` or `frames`; `reply` is None where nothing is generated."""

    model: str
    script: Script
    status: int
    headers: Mapping[str, str]
    body: bytes = b""
    frames: Iterator[Frame] | None = None
    reply: Reply | None = None
    error_frame: bytes = b""


class _Endpoint(NamedTuple):
    """`read` a JSON body and its headers, then `answer` (body, ask, reply, number, created) with
    bytes or frames."""

    vendor: ModuleType
    read: Callable[[Any, Mapping[str, str]], Ask | Wrong]
    answer: Callable[[Any, Ask, Reply, int, int], bytes | Iterator[Frame]]


def plan(
    received: Received,
    options: Options,
    take_fault: Callable[[str], Mapping[str, Any]],
    number: int,
    created: int,
) -> Plan:
    """Decide one exchange. `take_fault(model)` gives the changes a pending fault makes (and uses
    it up); `number` makes ids unique; `created` in Unix seconds."""
    vendor = _vendor(received)
    key = options.openai_key if vendor is provider_openai else options.anthropic_key
    endpoint = ENDPOINTS.get(received.path) if received.method == "POST" else None
    listing = received.method == "GET" and received.path == "/v1/models"
    if endpoint is None and not listing:
        return _refusal(vendor, number, _no_route(vendor, received))
    if wrong := _unauthorized(vendor, received.headers, key):
        return _refusal(vendor, number, wrong)
    if endpoint is None:
        return _model_list(vendor, options, number, created)
    return _scripted(endpoint, received, options, take_fault, number, created)


def _vendor(received: Received) -> ModuleType:
    if received.path.startswith("/v1/messages") or "anthropic-version" in received.headers:
        return provider_anthropic
    return provider_openai


def _no_route(vendor: ModuleType, received: Received) -> Wrong:
    if vendor is provider_anthropic:
        return Wrong(404, "Not found")
    return Wrong(404, f"Invalid URL ({received.method} {received.path})")


def _unauthorized(vendor: ModuleType, headers: Mapping[str, str], expected: str) -> Wrong | None:
    key = vendor.key_of(headers)
    accepted = key == expected if expected else key is not None and key.startswith("sk-")
    wrong: Wrong | None = vendor.missing_header(headers) if accepted else vendor.wrong_key(key)
    return wrong


def _scripted(
    endpoint: _Endpoint,
    received: Received,
    options: Options,
    take_fault: Callable[[str], Mapping[str, Any]],
    number: int,
    created: int,
) -> Plan:
    vendor = endpoint.vendor
    try:
        body = orjson.loads(received.body)
        ask = endpoint.read(body, received.headers)
    except (orjson.JSONDecodeError, TypeError, AttributeError, KeyError):
        # Fields of a type the reader did not expect are as unreadable as no JSON at all.
        ask = vendor.not_json()
    if isinstance(ask, Wrong):
        return _refusal(vendor, number, ask)
    if options.models and ask.model not in options.models:
        return _refusal(vendor, number, vendor.unknown_model(ask.model), ask.model)
    try:
        script = read_script(ask.prompt)
    except BadDirective as fault:
        return _refusal(vendor, number, Wrong(400, str(fault)), ask.model)
    if changes := take_fault(ask.model):
        script = replace(script, **changes)
    if script.status != 200:
        return _refusal(vendor, number, vendor.scripted(script.status), ask.model, script)
    return _answered(endpoint, body, ask, script, number, created)


def _answered(
    endpoint: _Endpoint, body: Any, ask: Ask, script: Script, number: int, created: int
) -> Plan:
    vendor = endpoint.vendor
    reply = compose(ask, script, cached_inside=vendor is provider_openai)
    answer = endpoint.answer(body, ask, reply, number, created)
    if isinstance(answer, bytes):
        headers = _headers(vendor, number, "json")
        billed = None if endpoint.answer is _count else reply
        return Plan(ask.model, script, 200, headers, answer, reply=billed)
    return Plan(
        model=ask.model,
        script=script,
        status=200,
        headers=_headers(vendor, number, "stream"),
        frames=answer,
        reply=reply,
        error_frame=vendor.error_frame() if script.stream_error is not None else b"",
    )


def _refusal(
    vendor: ModuleType, number: int, wrong: Wrong, model: str = "", script: Script | None = None
) -> Plan:
    headers = _headers(vendor, number, "json")
    script = script or Script()
    if wrong.status in (429, 503, 529):
        headers["retry-after"] = script.retry_after
    body = vendor.error(wrong, headers[vendor.REQUEST_ID_HEADER])
    return Plan(model, script, wrong.status, headers, body)


def _model_list(vendor: ModuleType, options: Options, number: int, created: int) -> Plan:
    answers = provider_openai_answers if vendor is provider_openai else provider_anthropic_answers
    body = answers.models(options.models or SHOWN_MODELS, created)
    return Plan("", Script(), 200, _headers(vendor, number, "json"), body)


def _headers(vendor: ModuleType, number: int, kind: str) -> dict[str, str]:
    return {**_BASE[vendor, kind], vendor.REQUEST_ID_HEADER: f"req_{number:032x}"}


def _base(vendor: ModuleType, content_type: str) -> dict[str, str]:
    return {"content-type": content_type, "server": "cloudflare", **vendor.HEADERS}


_BASE = {
    (vendor, kind): _base(vendor, content_type)
    for vendor in (provider_openai, provider_anthropic)
    for kind, content_type in (
        ("json", "application/json"),
        ("stream", "text/event-stream; charset=utf-8"),
    )
}


def _chat(body: Any, ask: Ask, reply: Reply, number: int, created: int) -> bytes | Iterator[Frame]:
    render = provider_openai_answers.frames if ask.stream else provider_openai_answers.whole
    return render(ask, reply, number, created)


def _messages(
    body: Any, ask: Ask, reply: Reply, number: int, created: int
) -> bytes | Iterator[Frame]:
    render = provider_anthropic_answers.frames if ask.stream else provider_anthropic_answers.whole
    return render(ask, reply, number, created)


def _embeddings(body: Any, ask: Ask, reply: Reply, number: int, created: int) -> bytes:
    return provider_openai_answers.embeddings(body, reply)


def _count(body: Any, ask: Ask, reply: Reply, number: int, created: int) -> bytes:
    return orjson.dumps({"input_tokens": reply.reported_input})


def _read_chat(body: Any, headers: Mapping[str, str]) -> Ask | Wrong:
    return provider_openai.read_chat(body)


def _read_embeddings(body: Any, headers: Mapping[str, str]) -> Ask | Wrong:
    return provider_openai.read_embeddings(body)


def _read_messages(body: Any, headers: Mapping[str, str]) -> Ask | Wrong:
    return provider_anthropic.read_messages(body, headers["anthropic-version"])


def _read_count(body: Any, headers: Mapping[str, str]) -> Ask | Wrong:
    version = headers["anthropic-version"]
    return provider_anthropic.read_messages(body, version, counting=True)


ENDPOINTS: Mapping[str, _Endpoint] = {
    "/v1/chat/completions": _Endpoint(provider_openai, _read_chat, _chat),
    "/v1/embeddings": _Endpoint(provider_openai, _read_embeddings, _embeddings),
    "/v1/messages": _Endpoint(provider_anthropic, _read_messages, _messages),
    "/v1/messages/count_tokens": _Endpoint(provider_anthropic, _read_count, _count),
}
