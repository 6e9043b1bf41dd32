"""The last steps before a provider: a body per target, the attempts in order, the audit intent."""

from __future__ import annotations

from dataclasses import replace

from extproc.audit.values import AuditUnavailable
from extproc.errors import Code, Refusal
from extproc.exchange import bounds
from extproc.exchange.entry import intent_entry
from extproc.exchange.request import Request
from extproc.exchange.values import Attempt
from extproc.llm import strict_json
from extproc.llm.translate import provider_dialect, translator
from extproc.routing.attempts import without
from extproc.routing.values import Target

ANTHROPIC_VERSION = "2023-06-01"
"""The version that our own translations are written in (Anthropic, API versioning)."""
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
    if not built:
        return next(iter(refused.values()))
    kept = without(request.steps, lambda target: target not in built)
    request.attempts = tuple(replace(built[step.target], retry_on=step.retry_on) for step in kept)
    request.record.plan = tuple(t.name for t in request.targets if t in built)
    request.record.dropped = {name: r.detail for name, r in refused.items()}
    return None


def carries(request: Request, target: Target) -> bool:
    """Whether this target's dialect can say what the request says."""
    assert request.caller is not None
    dialect = provider_dialect(request.operation, target.account.dialect)
    if dialect is None:
        return False
    translation = translator(request.caller, dialect)
    if translation is None:
        return True
    return not isinstance(translation.request(request.body, default_max_tokens=1), Refusal)


def _attempt(request: Request, target: Target) -> Attempt | Refusal:
    assert request.caller is not None and request.call is not None
    dialect = provider_dialect(request.operation, target.account.dialect)
    assert dialect is not None
    body = request.body
    translation = translator(request.caller, dialect)
    if translation is not None:
        most = request.max_output_tokens or target.model.max_output_tokens
        translated = translation.request(body, default_max_tokens=most or OUTPUT_TOKENS_DEFAULT)
        if isinstance(translated, Refusal):
            return translated
        body = translated
    body = dialect.with_call(
        {**body, **target.override_params},
        model=target.model.id,
        max_output_tokens=_maximum(request, target),
        include_usage=request.call.stream,
    )
    version = None
    if target.account.dialect == "anthropic":
        # A caller's own version counts only for a body that the caller itself wrote.
        stated = request.incoming.headers.get("anthropic-version") if translation is None else None
        version = stated or ANTHROPIC_VERSION
    path = target.path_prefix + dialect.upstream_path(target.model.id)
    return Attempt(target, path, strict_json.dump(body), "", version)


def _maximum(request: Request, target: Target) -> int | None:
    """The maximum to send: what was reserved, wherever it was stated or has to be kept (P2)."""
    if request.operation != "chat":
        return None
    budgeted = any(charge.kind == "budget" for charge in request.charges)
    binding = budgeted or request.caps.bounds_output
    return bounds.output_to_send(target, request.max_output_tokens, binding=binding)


def record_intent(request: Request) -> Refusal | None:
    """Before anything is sent (P3)."""
    try:
        request.world.audit.intent(intent_entry(request.record))
    except AuditUnavailable:
        return Refusal(Code.AUDIT_UNAVAILABLE)
    return None
