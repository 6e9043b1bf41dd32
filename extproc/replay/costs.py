"""What a call would cost elsewhere: its recorded usage at other prices, or what its like used.

Promises: exact where the same model served it and only prices differ; everything else is an
estimate, and says so. Integers: nano-USD. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from extproc.exchange import bounds
from extproc.limits.values import Measure
from extproc.replay.recorded import Recorded, section
from extproc.replay.walk import Walked
from extproc.routing.values import Target
from extproc.usage.prices import FREE_OPERATIONS, PriceTable, cost_nano_usd
from extproc.usage.usage import Usage


@dataclass(frozen=True, slots=True)
class Cost:
    """`tokens`: of all attempts. `exact`: nothing about it is assumed."""

    nano_usd: int
    tokens: int
    exact: bool = True

    @property
    def actual(self) -> dict[Measure, int]:
        """For the ledger."""
        return {"requests": 1, "tokens": self.tokens, "cost": self.nano_usd}


FREE = Cost(0, 0)


def recorded_cost(call: Recorded) -> Cost:
    """What it cost, attempts that nobody answered included."""
    used = call.usage.total_tokens if call.usage is not None else 0
    return Cost(call.cost_nano_usd, recorded_earlier(call).tokens + used)


def recorded_earlier(call: Recorded) -> Cost:
    """Attempts that nobody answered and a provider may have billed."""
    earlier: Sequence[Mapping[str, Any]] = call.entry.get("earlier_attempts", ())
    tokens = sum(one["input_tokens"] + one["output_tokens"] for one in earlier)
    return Cost(sum(one["cost_nano_usd"] for one in earlier), tokens)


class Typical:
    """What calls of each model used, on average: for those that were refused and would not be."""

    def __init__(self, calls: Iterable[Recorded]) -> None:
        self._sums: dict[str, list[int]] = {}
        for call in calls:
            if call.served and call.usage is not None:
                sums = self._sums.setdefault(call.served, [0, 0, 0])
                sums[0] += 1
                sums[1] += call.usage.total_output_tokens
                sums[2] += call.usage.total_input_tokens

    def usage(self, target: str) -> Usage | None:
        """None where no call of that model is known."""
        count, output, asked = self._sums.get(target, (0, 0, 0))
        return Usage(asked // count, output // count) if count else None


def cost_after(
    call: Recorded, walked: Walked, target: Target, prices: PriceTable, typical: Typical
) -> Cost | None:
    """What the call would cost at `target`; None: nobody knows, at most what it reserved.

    The same usage is assumed of another model; of a lower maximum, no more output than that.
    """
    usage, exact = call.usage, target.name == call.served
    if usage is None:
        if call.through:  # nothing was billed, whoever was asked
            return FREE
        usage, exact = typical.usage(target.name), False
        if usage is None:
            return None
    most = _most_output(call, walked, target)
    if most is not None and usage.output_tokens > most:
        usage, exact = replace(usage, output_tokens=most), False
    earlier = recorded_earlier(call)
    exact = exact and not earlier.nano_usd
    tokens = usage.total_tokens + earlier.tokens
    price = prices.price(target.name)
    if price is None or walked.request.operation in FREE_OPERATIONS:
        return Cost(earlier.nano_usd, tokens, exact)
    lane = bounds.lane_of(target, call.lane)
    cost = cost_nano_usd(usage, price.in_service_tier(lane))
    return Cost(cost + earlier.nano_usd, tokens, exact)


def _most_output(call: Recorded, walked: Walked, target: Target) -> int | None:
    """Of all choices together, where another maximum holds now; None: as it was."""
    request = walked.request
    stated = request.max_output_tokens
    then = section(dict(section(call.entry, "limits")), "asked").get("max_output_tokens")
    if stated is None or stated == then or request.call is None or request.operation != "chat":
        return None
    return stated * bounds.choices(target, request.call)
