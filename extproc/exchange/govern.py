"""The request's way, one step after the other.

The order is the promise: nothing is reserved for a caller nobody knows, nothing is sent that is not
recorded (P1, P2, P3). A step returns None to go on; anything else ends the walk.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from extproc.errors import Code, Refusal
from extproc.exchange import (
    admission,
    capping,
    decision,
    degrading,
    guarding,
    pacing,
    prompting,
    sending,
)
from extproc.exchange.headers import ratelimit_headers
from extproc.exchange.models_list import models_body
from extproc.exchange.request import Request
from extproc.exchange.shadowing import shadow
from extproc.exchange.values import Allowed, Answered, Attempt, Due, Refused, Verdict
from extproc.identity import scope

End = Refusal | Answered | Due
"""What ends a walk: a refusal, an answer of the gateway's own, a budget that wants less."""
Step = Callable[[Request], "End | Awaitable[End | None] | None"]
DEADLINE_S = 4.0
"""Below Envoy's own 5 s a message, so that a refusal comes from us, in the caller's dialect."""

# The name is the phase in `server-timing`, the audit entry and the metrics.
ENTRY: tuple[tuple[str, Step], ...] = (
    ("route", admission.endpoint),
    ("route", admission.framing),
    ("auth", admission.authenticate),
    ("contract", admission.agree_metadata),
)
READ: tuple[tuple[str, Step], ...] = (("read", admission.read_body),)
# Walked again, for a smaller request, as long as a budget wants one: a cheaper model is routed,
# counted, asked for and priced like any other.
ROOM: tuple[tuple[str, Step], ...] = (
    ("route", admission.route),
    ("route", prompting.for_targets),
    ("count", decision.count),
    ("policy", decision.ask_policy),
    ("guardrails", decision.select_guardrails),
    ("plan", decision.order),
    ("limits", capping.cap),
    ("limits", decision.reserve),
    ("count", decision.answer_count),
)
SEND: tuple[tuple[str, Step], ...] = (
    ("guardrails", guarding.guard),
    ("plan", sending.plan),
    ("audit", sending.record_intent),
)


async def govern(request: Request) -> Verdict:
    """Decide. Never raises but CancelledError; every other end is a verdict."""
    end: End | None
    try:
        async with asyncio.timeout(DEADLINE_S + request.world.patience_s):
            end = await _walk(request, ENTRY)
            if end is None and request.operation == "models":
                return list_models(request)
            end = (
                end
                or await _walk(request, READ)
                or await find_room(request)
                or await _walk(request, SEND)
            )
    except TimeoutError:
        end = Refusal(Code.OVERLOADED, reason="deadline", retry_after_ms=1000)
    match end:
        case None:
            return _send(request)
        case Refusal():
            return refuse(request, end)
        case Answered():
            return end
        case Due():
            raise AssertionError("only `find_room` meets it")


async def find_room(request: Request, room: tuple[tuple[str, Step], ...] = ROOM) -> End | None:
    """Until everything is reserved. Each further round has one budget's step less to take.

    `room`: the steps of a round; a replay has the recorded count instead of counting.
    """
    while True:
        request.begin_round()
        end = await _walk(request, room)
        due = degrading.step_back(request, end) if isinstance(end, Refusal) else end
        if not isinstance(due, Due):
            return end
        answered = degrading.step_down(request, due)
        if answered is not None:
            return answered


async def _walk(request: Request, steps: tuple[tuple[str, Step], ...]) -> End | None:
    now_ns, passed = request.world.now_ns, request.record.passed
    for phase, step in steps:
        outcome = step(request)
        end = await outcome if isinstance(outcome, Awaitable) else outcome
        # What passed since the step before is this one's: the phases leave no gap between them.
        passed(phase, now_ns())
        if end is not None:
            return end
    return None


def _send(request: Request) -> Allowed:
    """From here on a provider may bill it; the ledger remembers that should we die (P2)."""
    request.sent = True
    request.record.outcome = "allowed"
    request.world.ledger.sent(request.record.reservation_id)
    first = request.attempts[0].target
    if first.account.limits.overflow_at is not None:
        request.flying = first.connection
        request.world.router.figures.left(first.connection)
    if request.world.mirror is not None and (copy := shadow(request)) is not None:
        request.world.mirror.send(copy)
    attempts = _on_the_wire(_traced(request))
    return Allowed(request.attempts[0].body or b"", attempts, pacing.tier(request))


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


def list_models(request: Request) -> Verdict:
    """The names this key may call, or the one of them that was asked for."""
    assert request.principal is not None
    names = [n for n in request.world.router.models if scope.in_scope(request.principal, n)]
    if request.model_id is not None and request.model_id not in names:
        return refuse(request, Refusal(Code.PERMISSION_DENIED, reason="model not in scope"))
    request.record.outcome, request.record.status = "answered", 200
    # google-genai asks for the list below `/v1/`, where OpenAI's stands: its key's header tells.
    gemini = "x-goog-api-key" in request.incoming.headers
    family = "gemini" if gemini else request.family
    return Answered(models_body(names, family, request.model_id))


def _traced(request: Request) -> tuple[Attempt, ...]:
    """Each attempt after the first names its own span, where spans are kept. A `tracestate` that
    belongs to no trace of ours stays here (W3C Trace Context, 4.2)."""
    attempts, record = request.attempts, request.record
    if "tracestate" in request.incoming.headers and not (record.trace and record.trace.state):
        attempts = tuple(replace(a, remove=(*a.remove, "tracestate")) for a in attempts)
    if record.spans is None or len(attempts) == 1 or record.trace is None:
        return attempts
    trace = record.trace
    later = (
        replace(a, headers={**a.headers, "traceparent": trace.attempt(number)})
        for number, a in enumerate(attempts[1:], 2)
    )
    return (attempts[0], *later)


def _on_the_wire(attempts: tuple[Attempt, ...]) -> tuple[Attempt, ...]:
    """The first body is the main one; equal bodies do not travel twice."""
    main = attempts[0].body
    return tuple(replace(a, body=None) if a.body == main else a for a in attempts)
