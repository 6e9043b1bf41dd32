"""The ledger over a real store: what is reserved, spent, refused, and when (P2)."""

from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis

from extproc.ledger.redis_ledger import RedisLedger
from extproc.limits.values import NOTHING, Charge, CounterReading, Exceeded, Reserved
from tests.ledger.clock import DAY_MS, Clock, budget, rate
from tests.ledger.conftest import opened

TTL = 60_000


async def reading(ledger: RedisLedger, rule_id: str) -> CounterReading:
    return next(r for r in await ledger.counters() if r.rule_id == rule_id)


async def take(ledger: RedisLedger, name: str, *charges: Charge) -> Reserved | Exceeded:
    return await ledger.reserve(name, "worker-1", charges, TTL)


@pytest.mark.parametrize(
    "charge",
    [
        rate(100),
        rate(100 * 50, 50, measure="tokens"),
        budget(100 * 7_500_001, 7_500_001),
        budget(100 * 900, 900, measure="tokens"),
    ],
)
async def test_concurrent_reserves_stop_exactly_at_the_limit(
    ledger: RedisLedger, client: Redis, clock: Clock, charge: Charge
) -> None:
    """P2: 300 at once over two replicas, room for exactly 100: exactly 100 are let through."""
    other = await opened(client, clock)
    outcomes = await asyncio.gather(
        *(take((ledger, other)[n % 2], f"r{n}", charge) for n in range(300))
    )
    assert sum(isinstance(o, Reserved) for o in outcomes) == 100
    seen = await reading(ledger, charge.rule_id)
    assert (seen.spent, seen.reserved, seen.left) == (0, charge.limit, 0)
    await other.aclose()


async def test_settle_charges_once(ledger: RedisLedger) -> None:
    """P2: settling twice, also at the same moment, charges once."""
    await take(ledger, "a", budget(1_000, 400))
    results = await asyncio.gather(*(ledger.settle("a", {"cost": 150}) for _ in range(5)))
    assert sorted(results) == [False, False, False, False, True]
    seen = await reading(ledger, "day")
    assert (seen.spent, seen.reserved, seen.left) == (150, 0, 850)


async def test_settle_of_an_unknown_reservation_charges_nothing(ledger: RedisLedger) -> None:
    """P2: nothing can be charged that was not reserved."""
    assert await ledger.settle("never", {"cost": 1}) is False
    assert await ledger.counters() == []


async def test_what_the_provider_billed_beyond_the_bound_is_recorded(ledger: RedisLedger) -> None:
    """P2: usage is charged as it was, even above what was reserved; nothing more fits then."""
    await take(ledger, "a", budget(1_000, 400))
    await ledger.settle("a", {"cost": 1_300})
    seen = await reading(ledger, "day")
    assert (seen.spent, seen.reserved, seen.left) == (1_300, 0, 0)
    assert isinstance(await take(ledger, "b", budget(1_000, 1)), Exceeded)


async def test_each_measure_is_settled_by_its_own_amount(ledger: RedisLedger) -> None:
    """P2: requests, tokens and money of one call are three counters; unknown = as reserved."""
    await take(ledger, "a", rate(10), budget(900, 300), budget(800, 80, rule="t", measure="tokens"))
    await ledger.settle("a", {"requests": 1, "cost": 100})
    spent = {r.rule_id: (r.spent, r.reserved) for r in await ledger.counters()}
    assert spent == {"rpm": (1, 0), "day": (100, 0), "t": (80, 0)}


async def test_nothing_gives_everything_back(ledger: RedisLedger) -> None:
    """P2: a call that never left gives back what it held."""
    await take(ledger, "a", rate(1), budget(1_000, 1_000))
    assert await ledger.settle("a", NOTHING) is True
    assert isinstance(await take(ledger, "b", rate(1), budget(1_000, 1_000)), Reserved)


async def test_all_or_nothing(ledger: RedisLedger) -> None:
    """P2: when the last of several counters has no room, none of them is touched."""
    await take(ledger, "a", budget(10, 10, rule="full"))
    before = await ledger.counters()
    refused = await take(ledger, "b", rate(5), budget(100), budget(10, 1, rule="full"))
    assert isinstance(refused, Exceeded)
    assert (refused.rule_id, refused.kind) == ("full", "budget")
    assert [c.left for c in refused.counters] == [5, 100, 0]
    assert await ledger.counters() == before
    assert await ledger.settle("b", {"cost": 10}) is False


async def test_refused_requests_use_nothing_up(ledger: RedisLedger, clock: Clock) -> None:
    """P2: hammering a used-up limit does not keep it used up."""
    await take(ledger, "a", rate(1))
    for n in range(50):
        clock.now += 1_000
        assert isinstance(await take(ledger, f"x{n}", rate(1)), Exceeded)
    clock.now += 11_000
    assert isinstance(await take(ledger, "b", rate(1)), Reserved)


async def test_the_same_id_takes_once(ledger: RedisLedger) -> None:
    """P2: a reserve that is repeated (lost reply) gets the same answer and takes nothing more."""
    first = await take(ledger, "a", rate(5), budget(100, 40))
    await take(ledger, "other", rate(5), budget(100, 40))
    assert await take(ledger, "a", rate(5), budget(100, 40)) == first
    assert (await reading(ledger, "day")).reserved == 80


async def test_a_crash_is_charged_in_full_after_its_time(ledger: RedisLedger, clock: Clock) -> None:
    """P2: nobody settled: the provider may have billed, so expiry charges all, frees `reserved`."""
    await take(ledger, "lost", rate(9), budget(1_000, 400))
    clock.now += TTL - 1
    await take(ledger, "b", budget(1_000, 1))
    assert (await reading(ledger, "day")).reserved == 401
    clock.now += 1
    await take(ledger, "c", budget(1_000, 1))
    seen = await reading(ledger, "day")
    assert (seen.spent, seen.reserved, ledger.expired) == (400, 2, 1)
    assert await ledger.settle("lost", {"cost": 0}) is False


async def test_renewed_reservations_do_not_expire(
    ledger: RedisLedger, client: Redis, clock: Clock
) -> None:
    """P2: a long stream keeps what it holds; a closed one is not revived."""
    await take(ledger, "long", budget(1_000, 400))
    await take(ledger, "closed", budget(1_000, 100))
    await ledger.settle("closed", {"cost": 7})
    await ledger.renew(["closed"], TTL)
    assert await client.zcard("{envelope}:open") == 1
    for _ in range(5):
        clock.now += TTL - 1
        await ledger.renew(["long", "closed"], TTL)
        await take(ledger, "long", budget(1_000, 400))
    assert await ledger.settle("long", {"cost": 3}) is True
    seen = await reading(ledger, "day")
    assert (seen.spent, seen.reserved) == (10, 0)


async def test_reap_closes_a_dead_worker_at_once(ledger: RedisLedger) -> None:
    """P2: all that a dead worker held is charged in full; the living keep theirs."""
    charge = budget(10_000, 10)
    for n in range(450):
        await ledger.reserve(f"d{n}", "dead", [charge], TTL)
    await ledger.reserve("alive", "living", [charge], TTL)
    assert await ledger.reap("dead") == 450
    assert await ledger.reap("dead") == 0
    seen = await reading(ledger, "day")
    assert (seen.spent, seen.reserved) == (4_500, 10)


async def test_audit_only_records_and_reports(ledger: RedisLedger) -> None:
    """Contract: `audit_mode` budgets are recorded and reported as over, never refused."""
    charge = budget(100, 80, mode="audit")
    first, second = await take(ledger, "a", charge), await take(ledger, "b", charge)
    assert isinstance(first, Reserved) and isinstance(second, Reserved)
    assert [first.counters[0].over, second.counters[0].over] == [False, True]
    assert (first.counters[0].left, second.counters[0].left) == (20, 0)
    seen = await reading(ledger, "day")
    assert (seen.reserved, seen.audit_only) == (160, True)


async def test_no_limit_is_recorded_only(ledger: RedisLedger) -> None:
    """Contract: limit -1 means none: usage is kept, nothing is ever over."""
    outcome = await take(ledger, "a", budget(-1, 10**15))
    assert isinstance(outcome, Reserved)
    assert (outcome.counters[0].left, outcome.counters[0].over) == (-1, False)


async def test_a_limit_of_zero_lets_nothing_through(ledger: RedisLedger) -> None:
    """P2: zero is a limit, not its absence."""
    assert isinstance(await take(ledger, "a", rate(0)), Exceeded)
    assert isinstance(await take(ledger, "b", budget(0)), Exceeded)


async def test_elastic_charges_shrink_to_what_is_left(ledger: RedisLedger) -> None:
    """P2: a call that stated no maximum takes the room there is, never less than its floor."""
    elastic = rate(1_000, 700, floor=101, measure="tokens")
    outcomes = [await take(ledger, name, elastic) for name in "abc"]
    assert [isinstance(o, Reserved) for o in outcomes] == [True, True, False]
    assert (await reading(ledger, "rpm")).reserved == 1_000
    await ledger.settle("a", {"tokens": 150})
    assert isinstance(await take(ledger, "d", elastic), Reserved)


async def test_calendar_windows_end_at_utc_midnight(ledger: RedisLedger, clock: Clock) -> None:
    """P2: a day's budget returns at 00:00 UTC, and retry-after says so."""
    await take(ledger, "a", budget(10, 10))
    refused = await take(ledger, "b", budget(10))
    assert isinstance(refused, Exceeded)
    assert refused.retry_after_ms == DAY_MS // 2
    clock.now += refused.retry_after_ms - 1
    assert isinstance(await take(ledger, "c", budget(10)), Exceeded)
    clock.now += 1
    assert isinstance(await take(ledger, "d", budget(10)), Reserved)


async def test_usage_belongs_to_the_window_it_was_reserved_in(
    ledger: RedisLedger, clock: Clock
) -> None:
    """P2: a call that runs over midnight is charged to the day that let it in."""
    await ledger.reserve("a", "w", [budget(1_000, 900)], DAY_MS)
    clock.now += DAY_MS // 2
    await take(ledger, "b", budget(1_000, 1))
    await ledger.settle("a", {"cost": 500})
    seen = await reading(ledger, "day")
    assert (seen.spent, seen.reserved) == (0, 1)
    clock.now -= 1
    seen = min(await ledger.counters(), key=lambda r: r.reset_ms)
    assert (seen.spent, seen.reserved) == (500, 0)


async def test_sliding_window_never_holds_more_than_the_limit(
    ledger: RedisLedger, clock: Clock
) -> None:
    """P2: no true 60 s window exceeds the limit; room is back one bucket (1 s) later at most."""
    accepted: list[int] = []
    for n in range(400):
        clock.now += 379
        if isinstance(await take(ledger, f"r{n}", rate(7)), Reserved):
            accepted.append(clock.now)
    for first, eighth in zip(accepted, accepted[7:], strict=False):
        assert 60_000 <= eighth - first < 60_000 + 1_000 + 379
    assert len(accepted) > 14


@pytest.mark.parametrize("offset", [0, 1, 500, 999])
async def test_retry_after_of_a_sliding_window_is_right(
    ledger: RedisLedger, clock: Clock, offset: int
) -> None:
    """P2: one millisecond before `retry_after_ms` there is no room, at it there is."""
    clock.now += offset
    for n, amount in enumerate([3, 4, 3]):
        assert isinstance(await take(ledger, f"r{n}", rate(10, amount)), Reserved)
        clock.now += 7_000
    refused = await take(ledger, "x", rate(10, 6))
    assert isinstance(refused, Exceeded)
    clock.now += refused.retry_after_ms - 1
    assert isinstance(await take(ledger, "y", rate(10, 6)), Exceeded)
    clock.now += 1
    assert isinstance(await take(ledger, "z", rate(10, 6)), Reserved)


async def test_an_open_call_leaves_a_sliding_window_too(ledger: RedisLedger, clock: Clock) -> None:
    """P2: a requests-per-minute limit does not become a limit of concurrent long streams."""
    await ledger.reserve("stream", "w", [rate(1)], 10 * 60_000)
    clock.now += 61_000
    assert isinstance(await take(ledger, "b", rate(1)), Reserved)
    await ledger.settle("stream", NOTHING)  # what its window lost gives no room to the next one
    seen = await reading(ledger, "rpm")
    assert (seen.spent, seen.reserved) == (0, 1)
    assert isinstance(await take(ledger, "c", rate(1)), Exceeded)
    clock.now += 61_000
    assert isinstance(await take(ledger, "d", rate(1)), Reserved)


async def test_a_sliding_counter_forgets_what_has_left(
    ledger: RedisLedger, client: Redis, clock: Clock
) -> None:
    """P8: buckets are dropped as they leave, so a counter's size is bounded for ever."""
    for n in range(200):
        clock.now += 1_000
        await take(ledger, f"r{n}", rate(1_000))
        await ledger.settle(f"r{n}", {})
    assert await client.hlen("{envelope}:s:minute:requests::rate:rpm:") <= 5 + 2 * 61


async def test_a_counter_that_expired_stays_gone(ledger: RedisLedger, client: Redis) -> None:
    """P2: settling into a window that the store has already dropped brings nothing back."""
    await take(ledger, "a", rate(5), budget(10))
    await client.delete(*await client.keys("{envelope}:[sc]:*"))
    assert await ledger.settle("a", {"requests": 1, "cost": 1}) is True
    assert await client.keys("{envelope}:[sc]:*") == []
    assert await ledger.counters() == []


async def test_a_clock_that_steps_back_frees_nothing(ledger: RedisLedger, clock: Clock) -> None:
    """P2: after a fail-over to a store with a slower clock the window still holds."""
    clock.now += 120_000
    await take(ledger, "a", rate(1))
    clock.now -= 30_000
    assert isinstance(await take(ledger, "b", rate(1)), Exceeded)


async def test_a_changed_limit_holds_at_once(ledger: RedisLedger) -> None:
    """P2: the counter outlives a reload; raising or lowering the limit needs no reset."""
    await take(ledger, "a", budget(10, 10))
    assert isinstance(await take(ledger, "b", budget(20, 10)), Reserved)
    assert isinstance(await take(ledger, "c", budget(15, 1)), Exceeded)
    seen = await reading(ledger, "day")
    assert (seen.limit, seen.reserved) == (15, 20)


async def test_a_limit_that_refuses_every_call_is_a_change(ledger: RedisLedger) -> None:
    """P2: one lowered below what is spent shows, once: alerts look at changed counters alone."""
    await take(ledger, "a", budget(20, 10))
    await ledger.settle("a", {"cost": 10})
    _, _, seq = await ledger.changed(0, 0) or ([], 0, 0)
    for name, limits in (("b", [5]), ("c", [])):
        assert isinstance(await take(ledger, name, budget(5, 1)), Exceeded)
        found, _, now = await ledger.changed(seq, seq) or ([], 0, 0)
        assert [(c.limit, c.spent) for c in found] == [(limit, 10) for limit in limits]
        seq = now


async def test_integers_are_exact_up_to_nine_million_dollars(ledger: RedisLedger) -> None:
    """P2: nano-USD stay integers through Lua's doubles, to the last one."""
    limit = 9_000_000 * 10**9
    await take(ledger, "a", budget(limit, limit - 1))
    assert await ledger.settle("a", {"cost": limit - 2}) is True
    outcome = await take(ledger, "b", budget(limit, 1))
    assert isinstance(outcome, Reserved) and outcome.counters[0].left == 1
    assert isinstance(await take(ledger, "c", budget(limit, 2)), Exceeded)
    assert (await reading(ledger, "day")).spent == limit - 2


async def test_counters_never_overflow(ledger: RedisLedger) -> None:
    """P2: absurd amounts saturate instead of wrapping round or failing half way."""
    charge = budget(100, 2**53 - 1, mode="audit")
    for name in "abc":
        assert isinstance(await take(ledger, name, charge), Reserved)
    assert (await reading(ledger, "day")).reserved == 2**53 - 1
    for name in "abc":
        assert await ledger.settle(name, {"cost": 2**70}) is True
    seen = await reading(ledger, "day")
    assert (seen.spent, seen.reserved) == (2**53 - 1, 0)


async def test_every_key_is_in_one_slot_and_expires(ledger: RedisLedger, client: Redis) -> None:
    """P2: one hash tag (Redis Cluster); counters vanish on their own, so nothing grows for ever."""
    await take(ledger, "a", rate(10), budget(100))
    keys = await client.keys("*")
    assert keys and all(k.startswith(b"{envelope}:") for k in keys)
    counters = [k for k in keys if k[11:13] in (b"s:", b"c:")]
    assert len(counters) == 2
    assert all([await client.pttl(k) > 0 for k in counters])
    await ledger.settle("a", {})
    assert {k[11:] for k in await client.keys("*")} == {
        b"epoch",
        b"changes",
        *(k[11:] for k in counters),
    }


async def test_a_charge_out_of_range_is_refused_before_the_store(ledger: RedisLedger) -> None:
    """P2: a negative or inexact amount is a defect of ours and never reaches a counter."""
    for bad in (budget(10, -1), budget(10, 2**53), budget(2**53, 1)):
        with pytest.raises(ValueError, match="out of range"):
            await take(ledger, "a", bad)
    with pytest.raises(ValueError, match="negative"):
        await ledger.settle("a", {"cost": -1})


async def test_many_counters_are_each_read_once(ledger: RedisLedger) -> None:
    """P2: over pages, with many counters of one call at a page's end: all of them, once."""
    for n in range(0, 450, 3):
        charges = [budget(10, 1, rule=f"r{n + k}") for k in range(3)]
        await take(ledger, f"a{n}", *charges)
    await take(ledger, "wide", *(budget(10, 1, rule=f"w{k}") for k in range(450)))
    seen = [r.rule_id for r in await ledger.counters()]
    assert sorted(seen) == sorted([*(f"r{n}" for n in range(450)), *(f"w{k}" for k in range(450))])
