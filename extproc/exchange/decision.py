"""The deciding steps: count, policy, guardrail selection, attempts, reservation, input guardrails.

Order matters: the policy is asked before anything is reserved, and content is rewritten only for a
request that has its place (P2).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from extproc.audit.entry import rfc3339
from extproc.errors import Code, Refusal
from extproc.exchange import bounds, prompting
from extproc.exchange.guarding import environment
from extproc.exchange.request import Request
from extproc.exchange.selected import select
from extproc.exchange.values import Answered, Due
from extproc.limits.values import Degrade, Exceeded, LedgerUnavailable, Reserved
from extproc.llm import strict_json
from extproc.policy import input as policy_input
from extproc.policy.values import PolicyUnavailable
from extproc.routing.attempts import steps
from extproc.routing.values import Target

_SLOT_MS = 1_000
_YEAR_MS = 365 * 86_400_000


async def count(request: Request) -> Refusal | None:
    """The most input tokens there can be, at whichever of the candidates."""
    assert request.caller is not None
    families = {t.account.family for t in request.targets}
    model_ids = tuple(t.model.id for t in request.targets)
    bounds = [
        await request.world.tokens.bound_large(request.caller.billable(body), families, model_ids)
        for body in prompting.bodies(request)
    ]
    request.bound = max(bounds, key=lambda bound: bound.input_tokens)
    request.record.input_tokens = request.input_tokens
    request.record.basis.bound = request.bound
    return None


async def ask_policy(request: Request) -> Refusal | None:
    """One question per candidate; a target that is not allowed falls out of the plan."""
    engine = request.world.policy
    request.record.policy_digest = engine.bundle_digest
    request.record.policy_engine = request.world.policy_engine
    inputs = request.record.basis.policy_inputs = _policy_inputs(request)
    try:
        decisions = await engine.decide(inputs)
    except PolicyUnavailable as error:
        return Refusal(Code.POLICY_UNAVAILABLE, reason=str(error))
    request.record.decisions = list(zip((t.name for t in request.targets), decisions, strict=True))
    pairs = [(t, d) for t, d in zip(request.targets, decisions, strict=True) if d.allow]
    if not pairs:
        return Refusal(Code.PERMISSION_DENIED, reason="policy")
    request.targets = tuple(t for t, _ in pairs)
    return _oblige(request, [d.obligations for _, d in pairs])


def answer_count(request: Request) -> Answered | None:
    """Where the model's provider does not count tokens, our own count of the texts. Its limits hold
    like those of a call that is sent."""
    if not request.counts_itself:
        return None
    assert request.caller is not None
    text = " ".join(slot.text for slot in request.caller.request_texts(request.body))
    tokens = request.world.tokens.count_output(text, request.targets[0].account.family)
    request.record.outcome, request.record.status = "answered", 200
    return Answered(strict_json.dump({"input_tokens": tokens}))


def _policy_inputs(request: Request) -> list[dict[str, Any]]:
    assert request.principal is not None and request.call is not None and request.caller is not None
    shared = policy_input.shared_part(
        principal=request.principal,
        metadata=request.metadata,
        environment=request.world.config.gateway.environment,
        call=request.call,
        dialect=request.family,
        input_tokens=request.input_tokens,
        time=rfc3339(request.record.started_at_ms),
    )
    return policy_input.for_targets(shared, request.targets)


def _oblige(request: Request, obligations: list[Any]) -> Refusal | None:
    """Obligations of every allowed target hold together: the least maximum, all guardrails."""
    for duty in obligations:
        most = duty.get("max_tokens")
        if isinstance(most, int) and not isinstance(most, bool) and most > 0:
            request.max_output_tokens = min(most, request.max_output_tokens or most)
        named = duty.get("guardrails")
        if isinstance(named, list | tuple):
            request.extra_guards += tuple(str(g) for g in named if g not in request.extra_guards)
    return None


def select_guardrails(request: Request) -> Refusal | None:
    assert request.principal is not None
    selected = select(
        request.world.guardrails,
        request.principal.subjects,
        request.model_names,
        request.metadata,
        request.incoming.headers.get("x-tfy-guardrails"),
        request.extra_guards,
        environment(request),
        request.principal.internal,
    )
    if isinstance(selected, Refusal):
        return selected
    request.guards = request.record.basis.selected = selected
    request.record.basis.header = request.incoming.headers.get("x-tfy-guardrails") or ""
    request.record.rule_ids += selected.rule_ids
    return None


def order(request: Request) -> Refusal | None:
    """The attempts, in order: what is reserved is the worst of them."""
    request.targets = bounds.priced(request.targets, request.world.prices)
    if not request.targets:
        return Refusal(Code.PERMISSION_DENIED, reason="no target has a price")
    world, now_ms = request.world, request.record.started_at_ms
    keyed = world.router.keyed(request.targets, world.draw(), now_ms)
    assert request.principal is not None
    if request.principal.provider_keys is not None:
        keyed = _usable(request, keyed)
        if not keyed:
            return Refusal(Code.PERMISSION_DENIED, reason="no provider key may be used")
    request.steps = steps(keyed)
    request.record.basis.keyed = keyed
    return None


def _usable(request: Request, keyed: Sequence[Target]) -> tuple[Target, ...]:
    """Without the keys that this caller's account may not use, and the targets that had only
    those."""
    who = request.principal
    assert who is not None
    kept = tuple(t for t in keyed if not t.key or who.may_use(t.account.name, t.key))
    bases = {t.base for t in kept}
    request.targets = tuple(t for t in request.targets if t in bases)
    return kept


async def reserve(request: Request) -> Refusal | Due | None:
    """Take every limit or none. A budget that is due for a step is not asked for room first."""
    assert request.principal is not None
    basis, request.record.counters = request.record.basis, ()
    basis.amounts = bounds.amounts(request.steps, request.demand)
    basis.stated = request.max_output_tokens
    basis.charges = request.charges = request.world.limits.charges(
        request.principal, request.model_names, request.kind, request.metadata,
        basis.amounts, request.steps_taken,
    )  # fmt: skip
    request.record.rule_ids += [c.rule_id for c in request.charges]
    return _known_due(request) or await _reserve(request)


def _known_due(request: Request) -> Due | None:
    """Spend only grows within a window: what was seen once still holds (no round trip, P8)."""
    for charge in request.charges:
        if charge.degrade_at >= 0:
            spent = request.world.ledger.spent_seen(charge)
            if spent >= charge.degrade_at:
                return Due(charge, spent, full=False)
    return None


async def _reserve(request: Request) -> Refusal | Due | None:
    world, record = request.world, request.record
    record.reservation_id = record.decision_id
    # A task of its own: if we are cancelled it still ends, and is settled after that.
    ttl_ms = world.config.gateway.limits.reservation_ttl_ms
    request.reserving = asyncio.ensure_future(
        world.ledger.reserve(record.reservation_id, world.owner, request.charges, ttl_ms)
    )
    try:
        taken = await asyncio.shield(request.reserving)
    except LedgerUnavailable as error:
        return Refusal(Code.STORE_UNAVAILABLE, reason=str(error), retry_after_ms=1000)
    match taken:
        case Reserved():
            record.counters = taken.counters
            return None
        case Exceeded():
            record.counters, request.reserving = taken.counters, None
            return _exceeded(taken)
        case Degrade():
            request.reserving = None
            return Due(request.charges[taken.index], taken.spent, taken.full)


def _exceeded(taken: Exceeded) -> Refusal:
    """The first rule that found no room decides. A slot may be free again at any moment."""
    budget = taken.kind == "budget"
    return Refusal(
        Code.BUDGET_EXCEEDED if budget else Code.RATE_LIMIT_EXCEEDED,
        f"Rule: {taken.rule_id}.",
        rule_id=taken.rule_id,
        retry_after_ms=_SLOT_MS if taken.kind == "concurrency" else _wait_ms(taken),
    )


def _wait_ms(taken: Exceeded) -> int:
    """A budget that never comes back has no such time; a year is as good as never."""
    return min(max(1, taken.retry_after_ms), _YEAR_MS)
