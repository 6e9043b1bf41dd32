"""What one exchange is charged: the attempt that answered, and earlier ones nobody saw the end of.

Promises: each attempt at the price of the model that served it, by the price table the exchange
began with; never more than was reserved for it, unless the provider honestly used more (flagged
`above_reservation`; P2). What nobody saw is charged as its worst case
and flagged. Integers: tokens, nano-USD.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from extproc.errors import Code
from extproc.exchange import bounds
from extproc.exchange.record import Billed
from extproc.exchange.request import Request
from extproc.limits.values import NOTHING, Measure
from extproc.routing.values import Ended, Ending, Target
from extproc.usage.checked import checked
from extproc.usage.prices import FREE_OPERATIONS, cost_nano_usd
from extproc.usage.usage import Reported, Usage

ANSWER_NOT_SEEN = "answer_not_seen"
EARLIER_TIMED_OUT = "earlier_attempt_timed_out"
EARLIER_BROKE = "earlier_attempt_broke"


def take_usage(
    request: Request, target: Target, reported: Reported, output_counted: Callable[[], int]
) -> None:
    """The usage of the attempt that answered: as the provider says, where it can be true.

    `output_counted`: our own count of the answer's tokens, asked for only when needed.
    """
    usage, flags = checked(
        reported,
        lambda: Usage(request.input_tokens, output_counted(), source="counted"),
        input_bound=request.input_tokens,
        output_bound=request.demand.output(target),
        open_ended=request.bound.open_ended,
        reach=request.demand.reach(target),
        price=request.world.prices.price(target.name),
    )
    request.record.usage = usage
    request.record.usage_flags += flags


def bill(request: Request, made: Sequence[Ended], *, complete: bool) -> None:
    """Fix usage and cost of an exchange that is over.

    `made`: every attempt, the one that answered last; empty: not known. `complete`: its answer was
    seen to the end.
    """
    if not request.sent:
        return
    if _unseen(request, made, complete=complete):
        _note_unseen_answer(request)
    for ended in made[:-1]:
        if ended.silent:
            _bill_unanswered(request, ended)
    record = request.record
    record.cost_nano_usd = _answer_cost(request) + sum(b.cost_nano_usd for b in record.billed)


def actual(request: Request) -> dict[Measure, int]:
    """What replaces the reservation. A slot is free again however the call ended. A count of tokens
    that the gateway made itself is a request like one that a provider answered."""
    if request.counts_itself and request.record.outcome == "answered":
        return {**NOTHING, "requests": 1, "slots": 0}
    if not request.sent:
        return {**NOTHING, "slots": 0}
    record = request.record
    used = [b.usage for b in record.billed] + ([record.usage] if record.usage else [])
    tokens = sum(usage.total_tokens for usage in used)
    return {"requests": 1, "tokens": tokens, "cost": record.cost_nano_usd, "slots": 0}


def _unseen(request: Request, made: Sequence[Ended], *, complete: bool) -> bool:
    """Whether the last attempt reached its provider and nobody saw what that made of it.

    An error status has said it all, also where the caller did not wait for the text.
    """
    if request.cut:
        return True
    if made:
        return made[-1].silent or (not complete and made[-1].status < 400)
    refusal = request.record.refusal
    timed_out = refusal is not None and refusal.code is Code.UPSTREAM_TIMEOUT
    return timed_out or not complete


def _note_unseen_answer(request: Request) -> None:
    """The provider has had the input; what it made of it nobody saw."""
    record = request.record
    if record.usage is None:
        units = request.bound.reach.units
        record.usage = Usage(request.input_tokens, 0, source="counted", units=units)
        record.usage_flags.append(ANSWER_NOT_SEEN)


def _bill_unanswered(request: Request, ended: Ended) -> None:
    record, demand = request.record, request.demand
    target = request.attempts[ended.slot - 1].target
    usage = Usage(
        request.input_tokens, demand.output(target), source="counted",
        units=demand.reach(target).units,
    )  # fmt: skip
    record.billed.append(Billed(target, usage, demand.cost_nano_usd(target)))
    flag = EARLIER_TIMED_OUT if ended.ending is Ending.LATE else EARLIER_BROKE
    if flag not in record.usage_flags:
        record.usage_flags.append(flag)


def _answer_cost(request: Request) -> int:
    """Only what a provider bills: an answer of its own with usage, or a stream that was cut."""
    record = request.record
    if record.usage is None:
        return 0
    if record.served is not None:
        return _cost(request, record.served, record.usage)
    # The caller left before any answer: whose turn it was nobody knows.
    return max(_cost(request, attempt.target, record.usage) for attempt in request.attempts)


def _cost(request: Request, target: Target, usage: Usage) -> int:
    if request.operation in FREE_OPERATIONS:
        return 0
    flags, price = request.record.usage_flags, request.world.prices.price(target.name)
    if price is None:
        flags += ["unpriced"] if "unpriced" not in flags else []
        return 0
    tier = bounds.lane_of(target, request.lane)
    return cost_nano_usd(usage, price.in_service_tier(tier))
