"""The most one request can cost, over every target it may reach: what the ledger reserves (P2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from extproc.errors import Code, Refusal
from extproc.limits.match import Amounts
from extproc.limits.values import Charge
from extproc.routing.values import Target
from extproc.usage.prices import Price, worst_case

if TYPE_CHECKING:
    from extproc.exchange.request import Request

OUTPUT_TOKENS_UNKNOWN = 16_384
"""Assumed where neither the caller nor the model's configuration states a maximum."""


@dataclass(frozen=True, slots=True)
class Bounds:
    charges: tuple[Charge, ...]
    prices: Mapping[str, Price | None]


def _output_bound(request: Request, target: Target) -> int:
    if request.operation == "embeddings":
        return 0
    most = target.model.max_output_tokens
    stated = request.max_output_tokens
    if stated is not None:
        return stated
    return most or OUTPUT_TOKENS_UNKNOWN


def bound(request: Request) -> Bounds | Refusal:
    """Charges for the ledger. A target without a price falls out unless its account allows it."""
    assert request.principal is not None and request.call is not None
    priced = {t.name: request.world.prices.of(t.name) for t in request.targets}
    kept = tuple(
        t for t in request.targets if priced[t.name] is not None or t.account.unpriced == "allow"
    )
    if not kept:
        return Refusal(Code.PERMISSION_DENIED, reason="no target has a price")
    request.targets = kept
    choices = request.call.choices
    output = max(_output_bound(request, t) for t in kept) * choices
    cost = 0
    for target in kept:
        price = priced[target.name]
        if price is not None:
            tokens = _output_bound(request, target)
            cost = max(cost, worst_case(price, request.input_tokens, tokens, choices))
    amounts = Amounts(
        requests=1,
        tokens=request.input_tokens + output,
        input_tokens=request.input_tokens,
        output_stated=request.max_output_tokens is not None,
        cost_nano_usd=cost,
    )
    charges = request.world.limits.charges(
        request.principal,
        (request.call.model, *(t.name for t in kept)),
        request.metadata,
        amounts,
    )
    return Bounds(tuple(charges), priced)
