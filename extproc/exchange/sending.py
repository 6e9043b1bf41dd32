"""The last steps before a provider: a body per target, the attempts in order, the audit intent."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from functools import lru_cache

from extproc.audit.values import AuditUnavailable
from extproc.errors import Code, Refusal
from extproc.exchange import bounds, capturing
from extproc.exchange.entry import intent_entry
from extproc.exchange.prompting import body_for
from extproc.exchange.request import Request
from extproc.exchange.values import Attempt
from extproc.llm import multipart, strict_json
from extproc.llm.anthropic_messages import ANTHROPIC_MESSAGES
from extproc.llm.call import Json, ProviderDialect
from extproc.llm.dialects import PROVIDER_DIALECTS, dialect_for
from extproc.llm.translate import translator
from extproc.llm.translate.sides import Carried
from extproc.llm.translate.thinking_blocks import without_foreign_thoughts
from extproc.providers.fitting import fitted
from extproc.providers.overrides import overridden
from extproc.providers.paths import upstream_path
from extproc.routing.attempts import Step, without
from extproc.routing.values import Target

ANTHROPIC_VERSION = "2023-06-01"
"""The version that our own translations are written in (Anthropic, API versioning)."""
_VERSIONED = frozenset({"anthropic_messages", "anthropic_count_tokens"})
OUTPUT_TOKENS_DEFAULT = 4096
"""Anthropic wants a maximum; this one where neither the caller nor the configuration has any."""


def plan(request: Request) -> Refusal | None:
    """Every attempt's body in its target's dialect, with its target's model id.

    A target that cannot carry this request falls out, and the record says so; the first one's
    refusal is the caller's when none is left. No attempt is added to those that were reserved.
    """
    built: dict[Target, Attempt] = {}
    refused: dict[str, Refusal] = {}
    for target in request.targets:
        attempt = _attempt(request, target)
        if isinstance(attempt, Refusal):
            refused[target.name] = attempt
        else:
            built[target] = attempt
    _leave_out_other_files(request, built, refused)
    if not built:
        return next(iter(refused.values()))
    kept = without(request.steps, lambda target: target.base not in built)
    request.attempts = tuple(
        _made(built[step.target.base], step, before)
        for step, before in zip(kept, (None, *kept), strict=False)
    )
    request.record.plan = tuple(t.name for t in request.targets if t in built)
    request.record.dropped = {name: r.detail for name, r in refused.items()}
    request.record.left_out = tuple(
        dict.fromkeys(path for a in request.attempts for path in a.left_out)
    )
    return None


def _made(attempt: Attempt, step: Step, before: Step | None) -> Attempt:
    """The attempt in its place of the plan. Of a plan of one it is as it was built."""
    if before is None and step.target is attempt.target and not step.retry_on:
        return attempt
    return replace(
        attempt, target=step.target, retry_on=step.retry_on, delay_ms=_delay_ms(step, before)
    )


def _delay_ms(step: Step, before: Step | None) -> int | None:
    """Another target is asked at once; the same one after its own delay."""
    if before is None or before.target is not step.target:
        return None
    return step.target.retry_delay_ms


def _leave_out_other_files(
    request: Request, built: dict[Target, Attempt], refused: dict[str, Refusal]
) -> None:
    """A body that is a file travels once, as the first attempt's: the data plane keeps the others'
    as text. Targets that would need another one fall out."""
    assert request.caller is not None
    if request.caller.body == "multipart" and built:
        first = next(iter(built.values()))
        for target in [t for t, attempt in built.items() if attempt.body != first.body]:
            del built[target]
            refused[target.name] = Refusal(
                Code.INVALID_REQUEST, "A file is sent to targets with one model id only."
            )


def carries(request: Request, target: Target) -> bool:
    """Whether this target's dialect can say what the request says."""
    assert request.caller is not None
    dialect = dialect_for(request.caller, target.account, target.model)
    if dialect is None:
        return False
    translation = translator(request.caller, dialect)
    if translation is None:
        return True
    made = translation.request(request.body, stream=False, default_max_tokens=1)
    return not isinstance(made, Refusal)


def _attempt(request: Request, target: Target) -> Attempt | Refusal:
    assert request.caller is not None and request.call is not None
    dialect = dialect_for(request.caller, target.account, target.model)
    assert dialect is not None
    carried = _carried(request, target, dialect)
    if isinstance(carried, Refusal):
        return carried
    body = dialect.with_call(
        overridden(carried.body, target.override_params, dialect.shape),
        model=target.model.id,
        max_output_tokens=_maximum(request, target),
        include_usage=request.call.stream,
    )
    body, dropped = fitted(body, target.account.preset)
    path = _path(target, dialect.name, request.call.stream)
    headers = {**_headers(request, dialect), **target.headers_set}
    sent, media = _encoded(request, body)
    if media:
        headers["content-type"] = media
    return Attempt(
        target, dialect, path, sent, "", headers, target.headers_remove,
        left_out=(*carried.left_out, *dropped),
    )  # fmt: skip


@lru_cache(maxsize=4096)
def _path(target: Target, name: str, stream: bool) -> str:
    """The same few targets serve most requests; they are known by identity."""
    return upstream_path(target.account, target.model, PROVIDER_DIALECTS[name], stream=stream)


def _encoded(request: Request, body: Json) -> tuple[bytes, str]:
    """(body, its media type where that is not JSON)."""
    assert request.caller is not None
    if request.caller.body == "multipart":
        return multipart.dump(body)
    return strict_json.dump(body), ""


def _carried(request: Request, target: Target, dialect: ProviderDialect) -> Carried | Refusal:
    assert request.caller is not None and request.call is not None
    body, translation = body_for(request, target), translator(request.caller, dialect)
    if translation is None:
        if dialect.shape == ANTHROPIC_MESSAGES.shape:
            return Carried(*without_foreign_thoughts(body))
        return Carried(body)
    most = request.max_output_tokens or target.model.max_output_tokens or OUTPUT_TOKENS_DEFAULT
    stream = request.call.stream
    made: Carried | Refusal = translation.request(body, stream=stream, default_max_tokens=most)
    return made


def _headers(request: Request, dialect: ProviderDialect) -> dict[str, str]:
    if dialect.name not in _VERSIONED:
        return {}
    # A caller's own version counts only for a body that the caller itself wrote.
    assert request.caller is not None
    own = request.caller.shape == dialect.shape
    stated = request.incoming.headers.get("anthropic-version") if own else None
    return {"anthropic-version": stated or ANTHROPIC_VERSION}


def _maximum(request: Request, target: Target) -> int | None:
    """The maximum to send: what was reserved, wherever it was stated or has to be kept (P2)."""
    if request.operation != "chat":
        return None
    budgeted = any(charge.kind == "budget" for charge in request.charges)
    binding = budgeted or request.caps.bounds_output
    return bounds.output_to_send(target, request.max_output_tokens, binding=binding)


def record_intent(request: Request) -> Refusal | Awaitable[Refusal | None] | None:
    """Before anything is sent (P3); in strict mode it is durable before anything is sent."""
    keeping = capturing.keep_request(request)
    return _recorded(request) if keeping is None else _record_later(request, keeping)


async def _record_later(request: Request, keeping: Awaitable[None]) -> Refusal | None:
    await keeping
    recorded = _recorded(request)
    return await recorded if isinstance(recorded, Awaitable) else recorded


def _recorded(request: Request) -> Refusal | Awaitable[Refusal | None] | None:
    """The intent names the request's content, which is written by now."""
    audit = request.world.audit
    if capturing.must_stop(request):
        return Refusal(Code.AUDIT_UNAVAILABLE)
    try:
        audit.intent(intent_entry(request.record))
    except AuditUnavailable:
        return Refusal(Code.AUDIT_UNAVAILABLE)
    waits = [one for one in (audit.durable(), capturing.durable(request)) if one is not None]
    return _kept(waits) if waits else None


async def _kept(waits: list[Awaitable[None]]) -> Refusal | None:
    try:
        await asyncio.gather(*waits)
    except AuditUnavailable:
        return Refusal(Code.AUDIT_UNAVAILABLE)
    return None
