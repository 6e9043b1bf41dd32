"""The deciding steps: count, policy, guardrail selection, reservation, input guardrails.

Order matters: the policy is asked before anything is reserved, and content is rewritten only for a
request that has its place (P2).
"""

from __future__ import annotations

import asyncio
from typing import Any

from extproc.audit.entry import rfc3339
from extproc.errors import Code, Refusal
from extproc.exchange import bounds
from extproc.exchange.request import Request
from extproc.exchange.selected import refusal_of, select
from extproc.limits.values import Amounts, Exceeded, LedgerUnavailable
from extproc.policy import input as policy_input
from extproc.policy.values import PolicyUnavailable


async def count(request: Request) -> Refusal | None:
    """Input tokens, by the tokenizer that counts most among the candidates' families."""
    assert request.caller is not None and request.call is not None
    texts = [slot.text for slot in request.caller.request_texts(request.body)]
    families = {t.account.dialect for t in request.targets}
    request.input_tokens = await request.world.tokens.count_large(
        texts,
        "anthropic" if "anthropic" in families else "openai",
        tools=bool(request.call.tools),
        media=len(request.call.unscanned),
    )
    request.record.input_tokens = request.input_tokens
    return None


async def ask_policy(request: Request) -> Refusal | None:
    """One question per candidate; a target that is not allowed falls out of the plan."""
    engine = request.world.policy
    request.record.policy_digest = engine.bundle_digest
    request.record.policy_engine = request.world.policy_engine
    try:
        decisions = await engine.decide(_policy_inputs(request))
    except PolicyUnavailable as error:
        return Refusal(Code.POLICY_UNAVAILABLE, reason=str(error))
    request.record.decisions = list(zip((t.name for t in request.targets), decisions, strict=True))
    pairs = [(t, d) for t, d in zip(request.targets, decisions, strict=True) if d.allow]
    if not pairs:
        return Refusal(Code.PERMISSION_DENIED, reason="policy")
    request.targets = tuple(t for t, _ in pairs)
    return _oblige(request, [d.obligations for _, d in pairs])


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
    )
    if isinstance(selected, Refusal):
        return selected
    request.guards = selected
    request.record.rule_ids += selected.rule_ids
    return None


async def reserve(request: Request) -> Refusal | None:
    assert request.principal is not None and request.call is not None
    request.targets = bounds.priced(request.targets, request.world.prices)
    if not request.targets:
        return Refusal(Code.PERMISSION_DENIED, reason="no target has a price")
    request.charges = request.world.limits.charges(
        request.principal, request.model_names, request.metadata, _amounts(request)
    )
    request.record.rule_ids += [c.rule_id for c in request.charges]
    request.record.reservation_id = request.record.decision_id
    # A task of its own: if we are cancelled it still ends, and is settled after that.
    ttl_ms = request.world.config.gateway.limits.reservation_ttl_ms
    request.reserving = asyncio.ensure_future(
        request.world.ledger.reserve(
            request.record.reservation_id, request.world.owner, request.charges, ttl_ms
        )
    )
    try:
        taken = await asyncio.shield(request.reserving)
    except LedgerUnavailable as error:
        return Refusal(Code.STORE_UNAVAILABLE, reason=str(error), retry_after_ms=1000)
    request.record.counters = taken.counters
    return _exceeded(taken) if isinstance(taken, Exceeded) else None


def _amounts(request: Request) -> Amounts:
    assert request.call is not None
    return bounds.amounts(
        request.targets,
        request.call,
        request.world.prices,
        input_tokens=request.input_tokens,
        stated=request.max_output_tokens,
        service_tier=request.service_tier,
    )


def guard(request: Request) -> Refusal | None:
    assert request.caller is not None
    if not request.guards.input.gates:
        return None
    slots = request.caller.request_texts(request.body)
    result = request.world.guardrails.run_request(slots, request.guards.input)
    request.record.input_guard = result
    return refusal_of(result)


def _exceeded(taken: Exceeded) -> Refusal:
    code = Code.RATE_LIMIT_EXCEEDED if taken.kind == "rate" else Code.BUDGET_EXCEEDED
    return Refusal(
        code,
        f"Rule: {taken.rule_id}.",
        rule_id=taken.rule_id,
        retry_after_ms=max(1, taken.retry_after_ms),
    )
