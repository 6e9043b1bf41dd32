"""One request to the provider stand-in -> what will happen: decided whole, before any byte is sent.

Promises: the order of the real APIs: route, key, headers, JSON, fields, model, and only then what
the script says. Pure: options, faults, number and time are parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import Any

import orjson

from extproc.demo import provider_routes
from extproc.demo.provider_place import Endpoint, Options, Place, Received
from extproc.demo.provider_reply import Ask, Frame, Reply, Wrong, compose
from extproc.demo.provider_script import BadDirective, Script, read_script

__all__ = ["Options", "Plan", "Received", "plan"]

SHOWN_MODELS = ("gpt-4o-mini", "gpt-4o", "text-embedding-3-small", "claude-sonnet")
TakeFault = Callable[[str], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Plan:
    """What will happen. `body` or `frames`; `reply` is None where nothing is generated;
    `understood`: see `Ask.understood`."""

    model: str
    script: Script
    status: int
    headers: Mapping[str, str]
    body: bytes = b""
    frames: Iterator[Frame] | None = None
    reply: Reply | None = None
    error_frame: bytes = b""
    understood: Mapping[str, Any] = field(default_factory=dict)


def plan(
    received: Received, options: Options, take_fault: TakeFault, number: int, created: int
) -> Plan:
    """Decide one exchange. `take_fault(model)` gives the changes a pending fault makes (and uses
    it up); `number` makes ids unique; `created` in Unix seconds."""
    vendor, endpoint, place = provider_routes.find(received)
    listing = endpoint is None and received.method == "GET" and vendor.lists(received.path)
    if endpoint is None and not listing:
        return _refusal(vendor, place, number, vendor.no_route(received))
    if wrong := _unauthorized(vendor, received, options):
        return _refusal(vendor, place, number, wrong)
    if endpoint is None:
        body = vendor.models(options.models or SHOWN_MODELS, created)
        return Plan("", Script(), 200, _headers(vendor, number, "application/json"), body)
    return _scripted(endpoint, place, received, options, take_fault, number, created)


def _unauthorized(vendor: ModuleType, received: Received, options: Options) -> Wrong | None:
    """A vendor whose credentials are no plain key judges them itself."""
    wrong: Wrong | None
    if hasattr(vendor, "unauthorized"):
        wrong = vendor.unauthorized(received, options)
        return wrong
    key, expected = vendor.key_of(received.headers), getattr(options, vendor.KEY)
    accepted = key == expected if expected else key is not None and key.startswith(vendor.ANY_KEY)
    wrong = vendor.missing_header(received.headers) if accepted else vendor.wrong_key(key)
    return wrong


def _scripted(
    endpoint: Endpoint, place: Place, received: Received, options: Options,
    take_fault: TakeFault, number: int, created: int,
) -> Plan:  # fmt: skip
    vendor = endpoint.vendor
    body, ask = _read(endpoint, place, received)
    if isinstance(ask, Wrong):
        return _refusal(vendor, place, number, ask)
    if options.models and ask.model not in options.models:
        return _refusal(vendor, place, number, vendor.unknown_model(ask.model), ask.model)
    try:
        script = read_script(ask.prompt)
    except BadDirective as fault:
        return _refusal(vendor, place, number, Wrong(400, str(fault)), ask.model)
    if changes := take_fault(ask.model):
        script = replace(script, **changes)
    if script.status != 200:
        wrong = vendor.scripted(script.status)
        return _refusal(vendor, place, number, wrong, ask.model, script)
    return _answered(endpoint, body, ask, script, number, created)


def _read(endpoint: Endpoint, place: Place, received: Received) -> tuple[Any, Ask | Wrong]:
    """Fields of a type the reader did not expect are as unreadable as no JSON at all."""
    try:
        body = orjson.loads(received.body) if endpoint.json else received.body
        return body, endpoint.read(body, place)
    except (orjson.JSONDecodeError, TypeError, AttributeError, KeyError, IndexError):
        return None, endpoint.vendor.not_json()


def _answered(
    endpoint: Endpoint, body: Any, ask: Ask, script: Script, number: int, created: int
) -> Plan:
    vendor = endpoint.vendor
    reply = compose(ask, script, cached_inside=vendor.CACHED_INSIDE)
    answer = endpoint.answer(body, ask, reply, number, created)
    if isinstance(answer, bytes):
        headers = _headers(vendor, number, endpoint.media)
        billed = reply if endpoint.bills else None
        return Plan(
            ask.model, script, 200, headers, answer, reply=billed, understood=ask.understood()
        )
    broken = endpoint.broken or vendor.error_frame
    return Plan(
        model=ask.model,
        script=script,
        status=200,
        headers=_headers(vendor, number, endpoint.stream_media),
        frames=answer,
        reply=reply,
        error_frame=broken() if script.stream_error is not None else b"",
        understood=ask.understood(),
    )


def _refusal(
    vendor: ModuleType, place: Place, number: int, wrong: Wrong, model: str = "",
    script: Script | None = None,
) -> Plan:  # fmt: skip
    headers = _headers(vendor, number, "application/json")
    script = script or Script()
    if wrong.status in (429, 503, 529):
        wrong = replace(wrong, retry_after=script.retry_after)
        if vendor.SAYS_RETRY_AFTER:
            headers["retry-after"] = script.retry_after
    headers |= vendor.refusal_headers(wrong)
    body = vendor.error(wrong, headers[vendor.REQUEST_ID_HEADER])
    # Google's streams are JSON arrays unless they are asked for as events; so are their refusals.
    body = b"[%b]" % body.strip() if place.as_array else body
    return Plan(model, script, wrong.status, headers, body)


def _headers(vendor: ModuleType, number: int, media: str) -> dict[str, str]:
    own: dict[str, str] = vendor.HEADERS
    request_id = {vendor.REQUEST_ID_HEADER: f"req_{number:032x}"}
    return {"content-type": media, "server": vendor.SERVER, **own, **request_id}
