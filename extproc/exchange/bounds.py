"""The most one request can use on its way, over every attempt it may make: what is reserved (P2).

Promises: no call that the gateway sends can be billed for more, as long as its provider keeps to
the maximum it is sent and to its published prices. An attempt that ended without an answer, and was
followed by another one, may be billed like one that answered: its worst case is counted besides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from extproc.limits.values import Amounts
from extproc.llm.call import Family, LlmCall
from extproc.routing.attempts import BROKEN, LATE, Step
from extproc.routing.values import Target
from extproc.usage.input_bound import InputBound
from extproc.usage.price import Reach
from extproc.usage.prices import FREE_OPERATIONS, PriceTable, worst_case

OUTPUT_TOKENS_UNKNOWN = 16_384
"""Assumed where neither the caller nor the model's configuration states a maximum."""
_MAXIMA = ("max_tokens", "max_completion_tokens")


@dataclass(frozen=True, slots=True)
class Demand:
    """What a request asks of whichever target serves it.

    `stated`: the most output tokens of one choice; None: nobody said. `lane`: the caller's, see
    `lane`.
    """

    call: LlmCall
    prices: PriceTable
    bound: InputBound
    stated: int | None = None
    lane: str | None = None

    def output(self, target: Target) -> int:
        """Most output tokens of all choices together, wrong predictions included."""
        most = output_bound(target, self.stated, self.call.operation)
        return (most + self.bound.more_output_tokens) * choices(target, self.call)

    def tokens(self, target: Target) -> int:
        return self.bound.input_tokens + self.output(target)

    def cost_nano_usd(self, target: Target) -> int:
        """0 where the account says `unpriced: allow`.

        The standard lane counts too: a provider may move a call there.
        """
        price = self.prices.price(target.name)
        if price is None or self.call.operation in FREE_OPERATIONS:
            return 0
        asked, output, reach = self.bound, self.output(target), self.reach(target)
        most = worst_case(price, asked.input_tokens, output, reach=reach)
        named = price.in_service_tier(lane_of(target, self.lane))
        if named is price:
            return most
        return max(most, worst_case(named, asked.input_tokens, output, reach=reach))

    def reach(self, target: Target) -> Reach:
        """A target's override may ask for more pictures than the caller did."""
        reach = self.bound.reach
        if not reach.units.images:
            return reach
        return replace(reach, units=replace(reach.units, images=choices(target, self.call)))


def lane(family: Family, settings: Mapping[str, Any]) -> str | None:
    """The dearer or cheaper lane a body names: OpenAI's `service_tier`, Anthropic's `speed`."""
    named = settings.get("speed" if family == "anthropic" else "service_tier")
    return named if isinstance(named, str) else None


def lane_of(target: Target, stated: str | None) -> str | None:
    """The lane that this target's attempt names; an override replaces the caller's."""
    if not target.override_params:
        return stated
    return lane(target.account.family, target.override_params) or stated


def output_bound(target: Target, stated: int | None, operation: str) -> int:
    """Most output tokens of one choice. An embedding has none.

    A target's own override may set a maximum where the caller set none; it never raises one.
    """
    if operation != "chat":
        return 0
    known = [most for most in (stated, *_overridden(target, *_MAXIMA)) if most is not None]
    return min(known, default=target.model.max_output_tokens or OUTPUT_TOKENS_UNKNOWN)


def output_to_send(target: Target, stated: int | None, *, binding: bool) -> int | None:
    """The maximum that goes to the provider: what was reserved, wherever anybody stated one.

    `binding`: a budget or a cap relies on it. Then it is sent too where nobody knows the model's
    own maximum; a maximum that the configuration states for the model is taken for true.
    """
    said = stated is not None or any(_overridden(target, *_MAXIMA))
    if said or (binding and target.model.max_output_tokens is None):
        return output_bound(target, stated, "chat")
    return None


def choices(target: Target, call: LlmCall) -> int:
    """A target's override may ask for more answers than the caller did."""
    return max((call.choices, *_overridden(target, "n")))


def _overridden(target: Target, *keys: str) -> list[int]:
    if not target.override_params:
        return []
    values = (target.override_params.get(key) for key in keys)
    return [value for value in values if type(value) is int and value > 0]


def priced(targets: Iterable[Target], prices: PriceTable) -> tuple[Target, ...]:
    """Targets that may be called: with a price, or on an account that says `unpriced: allow`."""
    return tuple(
        t for t in targets if prices.price(t.name) is not None or t.account.unpriced == "allow"
    )


def most(steps: Sequence[Step], worst: Callable[[Target], int]) -> int:
    """The dearest way through the attempts: one answers, earlier ones may have been billed too."""
    unseen = dearest = 0
    for step in steps:
        one = worst(step.target)
        dearest = max(dearest, unseen + one)
        if _may_be_billed_unseen(step):
            unseen += one
    return dearest


def _may_be_billed_unseen(step: Step) -> bool:
    """Beside its own mark: the two ways of not answering lead apart, and what the farther one leads
    to may yet fall out of the plan (`sending.plan`); then the nearer one holds."""
    late, broken = step.leads.get(LATE), step.leads.get(BROKEN)
    return step.billable or (late is not None and broken is not None and late != broken)


def amounts(steps: Sequence[Step], demand: Demand) -> Amounts:
    """What to reserve for these attempts, each measure at its own dearest."""
    call = demand.call
    return Amounts(
        requests=1,
        tokens=most(steps, demand.tokens),
        input_tokens=demand.bound.input_tokens,
        output_stated=demand.stated is not None or call.operation != "chat",
        cost_nano_usd=most(steps, demand.cost_nano_usd),
        choices=max(choices(step.target, call) for step in steps),
    )


def largest_fitting(fits: Callable[[int], bool], upto: int) -> int:
    """The largest number up to `upto` for which `fits` (falling) is true; 0 when there is none."""
    low, high = 0, upto
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return low
