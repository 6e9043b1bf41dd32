"""The request's way, one step after the other.

The order is the promise: nothing is reserved for a caller nobody knows, nothing is sent that is not
recorded (P1, P2, P3). A step returns a Refusal to end the walk, None to go on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from extproc.errors import Code, Refusal
from extproc.exchange import admission, decision, sending
from extproc.exchange.headers import ratelimit_headers
from extproc.exchange.models_list import models_body
from extproc.exchange.request import Request
from extproc.exchange.values import Allowed, Answered, Attempt, Refused, Verdict
from extproc.identity import scope

Step = Callable[[Request], "Refusal | Awaitable[Refusal | None] | None"]
DEADLINE_S = 4.0
"""Below Envoy's own 5 s a message, so that a refusal comes from us, in the caller's dialect."""

# The name is the phase in `server-timing`, the audit entry and the metrics.
ENTRY: tuple[tuple[str, Step], ...] = (
    ("route", admission.endpoint),
    ("route", admission.framing),
    ("auth", admission.authenticate),
    ("contract", admission.agree_metadata),
)
CALL: tuple[tuple[str, Step], ...] = (
    ("read", admission.read_body),
    ("route", admission.route),
    ("count", decision.count),
    ("policy", decision.ask_policy),
    ("guardrails", decision.select_guardrails),
    ("limits", decision.reserve),
    ("guardrails", decision.guard),
    ("plan", sending.plan),
    ("audit", sending.record_intent),
)


async def govern(request: Request) -> Verdict:
    """Decide. Never raises but CancelledError; every other end is a verdict."""
    try:
        async with asyncio.timeout(DEADLINE_S):
            refusal = await _walk(request, ENTRY)
            if refusal is None and request.operation == "models":
                return _list_models(request)
            refusal = refusal or await _walk(request, CALL)
    except TimeoutError:
        refusal = Refusal(Code.OVERLOADED, reason="deadline", retry_after_ms=1000)
    if refusal is not None:
        return refuse(request, refusal)
    request.sent = True
    request.record.outcome = "allowed"
    return Allowed(request.attempts[0].body or b"", _on_the_wire(request.attempts))


async def _walk(request: Request, steps: tuple[tuple[str, Step], ...]) -> Refusal | None:
    now_ns, phases = request.world.now_ns, request.record.phases_ns
    for phase, step in steps:
        began = now_ns()
        outcome = step(request)
        refusal = await outcome if isinstance(outcome, Awaitable) else outcome
        phases[phase] = phases.get(phase, 0) + now_ns() - began
        if refusal is not None:
            return refusal
    return None


def refuse(request: Request, refusal: Refusal) -> Refused:
    """Stop here; the record knows why, the caller learns what the table allows."""
    record = request.record
    record.refusal, record.outcome, record.status = refusal, "refused", refusal.status
    headers = ratelimit_headers(record.counters, request.charges)
    if refusal.retry_after_ms is not None:
        headers["retry-after"] = str(max(1, -(-refusal.retry_after_ms // 1000)))
    return Refused(refusal, request.family, headers)


def refuse_early(request: Request) -> Refused | None:
    """What the head alone already decides, before a body is taken in."""
    refusal = admission.endpoint(request) or admission.framing(request)
    return refuse(request, refusal) if refusal is not None else None


def _list_models(request: Request) -> Verdict:
    """The names this key may call, or the one of them that was asked for."""
    assert request.principal is not None
    names = [n for n in request.world.router.models if scope.in_scope(request.principal, n)]
    if request.model_id is not None and request.model_id not in names:
        return refuse(request, Refusal(Code.PERMISSION_DENIED, reason="model not in scope"))
    request.record.outcome, request.record.status = "answered", 200
    return Answered(models_body(names, request.family, request.model_id))


def _on_the_wire(attempts: tuple[Attempt, ...]) -> tuple[Attempt, ...]:
    """The first body is the main one; equal bodies do not travel twice."""
    main = attempts[0].body
    return tuple(
        Attempt(a.target, a.path, None if a.body == main else a.body, a.retry_on, a.version)
        for a in attempts
    )
