"""Slots, soft budgets, soft limits and degradation, as the store decides them (P2)."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from redis.asyncio import Redis

from extproc.ledger.redis_ledger import RedisLedger
from extproc.limits.values import NOTHING, Degrade, Exceeded, Reserved
from extproc.limits.window import Calendar, Sliding
from tests.ledger.clock import DAY_MS, Clock, budget, rate, slots
from tests.ledger.conftest import opened

TTL = 60_000


async def spend(ledger: RedisLedger, name: str, amount: int, limit: int = 1_000) -> None:
    assert isinstance(await ledger.reserve(name, "w", [budget(limit, amount)], TTL), Reserved)
    await ledger.settle(name, {"cost": amount})


# --- slots -------------------------------------------------------------------------------------


async def test_so_many_in_flight_and_no_more(
    ledger: RedisLedger, client: Redis, clock: Clock
) -> None:
    """P2: 60 at once over two replicas with 7 slots: 7 run; as each ends, one more may."""
    other = await opened(client, clock)
    outcomes = await asyncio.gather(
        *((ledger, other)[n % 2].reserve(f"r{n}", "w", [slots(7)], TTL) for n in range(60))
    )
    running = [f"r{n}" for n, outcome in enumerate(outcomes) if isinstance(outcome, Reserved)]
    assert len(running) == 7
    refused = next(o for o in outcomes if isinstance(o, Exceeded))
    assert (refused.kind, refused.retry_after_ms) == ("concurrency", 1_000)
    for actual in ({}, {"requests": 1, "cost": 5}, NOTHING):  # however a call ends
        await ledger.settle(running.pop(), actual)
        assert isinstance(await ledger.reserve(f"n{len(running)}", "w", [slots(7)], TTL), Reserved)
        assert isinstance(await ledger.reserve("x", "w", [slots(7)], TTL), Exceeded)
    await other.aclose()


@pytest.mark.parametrize("end", ["expiry", "reap"])
async def test_a_slot_never_leaks(ledger: RedisLedger, clock: Clock, end: str) -> None:
    """P2: a worker that dies gives its slots back; money it held is charged, slots are not."""
    await ledger.reserve("a", "dead", [slots(1), budget(1_000, 400)], TTL)
    if end == "reap":
        await ledger.reap("dead")
    else:
        clock.now += TTL
    assert isinstance(await ledger.reserve("b", "w", [slots(1), budget(1_000, 1)], TTL), Reserved)
    seen = {r.rule_id: (r.spent, r.reserved) for r in await ledger.counters()}
    assert seen == {"parallel": (0, 1), "day": (400, 1)}


async def test_a_slot_is_held_over_any_window(ledger: RedisLedger, clock: Clock) -> None:
    """P2: a long stream keeps its slot past midnight, as long as it is renewed."""
    await ledger.reserve("a", "w", [slots(1)], TTL)
    for _ in range(40):
        clock.now += DAY_MS // 20
        await ledger.renew(["a"], DAY_MS)
    assert isinstance(await ledger.reserve("b", "w", [slots(1)], TTL), Exceeded)


# --- modes -------------------------------------------------------------------------------------


async def test_soft_budgets_refuse_only_together(ledger: RedisLedger) -> None:
    """Contract: `soft_enforce` blocks only when every matching budget is over."""
    one = budget(10, 6, rule="one", mode="soft")
    two = budget(20, 6, rule="two", mode="soft")
    first = await ledger.reserve("a", "w", [one, two], TTL)
    second = await ledger.reserve("b", "w", [one, two], TTL)
    assert isinstance(first, Reserved) and isinstance(second, Reserved)
    assert [c.over for c in first.counters + second.counters] == [False, False, True, False]
    third = await ledger.reserve("c", "w", [one, two], TTL)
    assert isinstance(third, Reserved)
    refused = await ledger.reserve("d", "w", [one, two], TTL)
    assert isinstance(refused, Exceeded) and refused.rule_id == "one"


async def test_a_hard_budget_beside_soft_ones_still_holds(ledger: RedisLedger) -> None:
    """P2: no soft budget lets a hard one be passed."""
    soft, hard = budget(100, 6, rule="soft", mode="soft"), budget(10, 6, rule="hard")
    assert isinstance(await ledger.reserve("a", "w", [soft, hard], TTL), Reserved)
    refused = await ledger.reserve("b", "w", [soft, hard], TTL)
    assert isinstance(refused, Exceeded) and refused.rule_id == "hard"


async def test_a_soft_limit_is_only_told(ledger: RedisLedger) -> None:
    """Contract: passing `soft_limit_to` is recorded; the hard limit alone refuses."""
    charge = budget(10, 4, soft_limit=5)
    states = []
    for name in ("a", "b"):
        outcome = await ledger.reserve(name, "w", [charge], TTL)
        assert isinstance(outcome, Reserved)
        states.append(outcome.counters[0].over_soft)
    assert states == [False, True]
    assert isinstance(await ledger.reserve("c", "w", [charge], TTL), Exceeded)
    assert (await ledger.counters())[0].soft_limit == 5


# --- degradation -------------------------------------------------------------------------------


async def test_a_budget_asks_for_less_once_so_much_is_spent(ledger: RedisLedger) -> None:
    """P2: at the threshold nothing is taken and the caller is told; a smaller request passes."""
    await spend(ledger, "a", 799)
    charge = budget(1_000, 50, degrade_at=800)
    assert isinstance(await ledger.reserve("b", "w", [charge], TTL), Reserved)
    await ledger.settle("b", {"cost": 1})
    assert await ledger.reserve("c", "w", [charge], TTL) == Degrade(0, 800, False)
    assert (await ledger.counters())[0].reserved == 0
    smaller = replace(charge, amount=5, floor=5, degrade_at=-1)
    assert isinstance(await ledger.reserve("c", "w", [smaller], TTL), Reserved)
    assert ledger.spent_seen(charge) == 800


async def test_no_room_asks_for_less_too(ledger: RedisLedger) -> None:
    """P2: a request that does not fit is made smaller before it is refused."""
    charge = budget(1_000, 1_001, degrade_at=900)
    assert await ledger.reserve("a", "w", [rate(9), charge], TTL) == Degrade(1, 0, True)


async def test_a_smaller_request_is_no_help_against_a_count_of_requests(
    ledger: RedisLedger,
) -> None:
    """P2: where requests themselves are used up, nothing is degraded: it is refused."""
    await spend(ledger, "a", 900)
    charges = [rate(0), budget(1_000, 5, degrade_at=800)]
    refused = await ledger.reserve("b", "w", charges, TTL)
    assert isinstance(refused, Exceeded) and refused.rule_id == "rpm"


async def test_what_was_seen_belongs_to_its_window(ledger: RedisLedger, clock: Clock) -> None:
    """P2: a new day begins with nothing spent, also in memory."""
    await spend(ledger, "a", 900)
    charge = budget(1_000, 5, degrade_at=800)
    assert ledger.spent_seen(charge) == 900
    clock.now += DAY_MS
    assert ledger.spent_seen(charge) == 0


# --- windows -----------------------------------------------------------------------------------


@pytest.mark.parametrize("period", ["hour", "day", "week", "month", "quarter", "year"])
@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Kathmandu"])
async def test_a_calendar_budget_returns_when_its_span_ends(
    ledger: RedisLedger, clock: Clock, period: str, zone: str
) -> None:
    """P2: one millisecond before the end of the span it is used up, at the end it is whole."""
    window = Calendar(period, zone)  # type: ignore[arg-type]
    charge = budget(10, 10, window=window)
    assert isinstance(await ledger.reserve("a", "w", [charge], 10**12), Reserved)
    refused = await ledger.reserve("b", "w", [charge], TTL)
    assert isinstance(refused, Exceeded)
    end_ms = window.span(clock.now).end_ms
    assert clock.now + refused.retry_after_ms == end_ms
    clock.now = end_ms - 1
    assert isinstance(await ledger.reserve("c", "w", [charge], TTL), Exceeded)
    clock.now = end_ms
    assert isinstance(await ledger.reserve("d", "w", [charge], TTL), Reserved)


async def test_a_total_never_returns(ledger: RedisLedger, clock: Clock) -> None:
    """P2: a budget without a window is spent once and for all."""
    charge = budget(10, 10, window=Calendar("total"))
    await ledger.reserve("a", "w", [charge], TTL)
    await ledger.settle("a", {"cost": 10})
    clock.now += 4_000 * DAY_MS
    assert isinstance(await ledger.reserve("b", "w", [charge], TTL), Exceeded)


async def test_a_rolling_month_never_holds_more_than_its_budget(
    ledger: RedisLedger, clock: Clock
) -> None:
    """P2: what was spent counts for thirty days, and at most one bucket (twelve hours) longer."""
    charge = budget(10, 10, window=Sliding("1M", 30 * DAY_MS))
    await ledger.reserve("a", "w", [charge], TTL)
    await ledger.settle("a", {"cost": 10})
    clock.now += 30 * DAY_MS - 1
    assert isinstance(await ledger.reserve("b", "w", [charge], TTL), Exceeded)
    clock.now += DAY_MS // 2 + 1
    assert isinstance(await ledger.reserve("c", "w", [charge], TTL), Reserved)
