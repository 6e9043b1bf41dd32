"""The most one request can use, over every target it may reach: what the ledger reserves (P2)."""

from __future__ import annotations

from collections.abc import Sequence

from extproc.limits.values import Amounts
from extproc.llm.call import LlmCall
from extproc.routing.values import Target
from extproc.usage.prices import PriceTable, worst_case

OUTPUT_TOKENS_UNKNOWN = 16_384
"""Assumed where neither the caller nor the model's configuration states a maximum."""
_MAXIMA = ("max_tokens", "max_completion_tokens")


def output_bound(target: Target, stated: int | None, operation: str) -> int:
    """Most output tokens of one choice. An embedding has none.

    A target's own override may set a maximum where the caller set none; it never raises one.
    """
    if operation == "embeddings":
        return 0
    limits = [stated, *(target.override_params.get(key) for key in _MAXIMA)]
    known = [most for most in limits if isinstance(most, int)]
    return min(known, default=target.model.max_output_tokens or OUTPUT_TOKENS_UNKNOWN)


def _choices(targets: Sequence[Target], call: LlmCall) -> int:
    overridden = (t.override_params.get("n") for t in targets)
    return max([call.choices, *(n for n in overridden if isinstance(n, int))])


def priced(targets: Sequence[Target], prices: PriceTable) -> tuple[Target, ...]:
    """Targets that may be called: with a price, or on an account that says `unpriced: allow`."""
    return tuple(
        t for t in targets if prices.price(t.name) is not None or t.account.unpriced == "allow"
    )


def amounts(
    targets: Sequence[Target],
    call: LlmCall,
    prices: PriceTable,
    *,
    input_tokens: int,
    stated: int | None,
    service_tier: str | None,
) -> Amounts:
    """The dearest target decides: the plan may end at any of them."""
    choices = _choices(targets, call)
    bounds = [output_bound(t, stated, call.operation) for t in targets]
    costs = [
        worst_case(price.in_service_tier(service_tier), input_tokens, output, choices)
        for target, output in zip(targets, bounds, strict=True)
        if (price := prices.price(target.name)) is not None
    ]
    return Amounts(
        requests=1,
        tokens=input_tokens + max(bounds) * choices,
        input_tokens=input_tokens,
        output_stated=stated is not None or call.operation == "embeddings",
        cost_nano_usd=max(costs, default=0),
        choices=choices,
    )
