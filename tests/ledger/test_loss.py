"""A store that forgets, lies about the time or may evict: calls wait or are refused (P2)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from extproc.ledger.keeper import LedgerKeeper
from extproc.ledger.redis_ledger import RedisLedger
from extproc.limits.values import NOTHING, Exceeded, LedgerUnavailable, Reserved
from extproc.limits.window import Sliding
from tests.ledger.clock import DAY_MS, Clock, budget, rate, slots
from tests.ledger.conftest import PrivateStore, opened

TTL = 60_000
MINUTE_MS = 60_000


@pytest.fixture
async def keeper(client: Redis, clock: Clock, tmp_path: Path) -> AsyncIterator[LedgerKeeper]:
    made = new_keeper(client, clock, tmp_path)
    yield made
    await made.ledger.aclose()


def new_keeper(client: Redis, clock: Clock, folder: Path) -> LedgerKeeper:
    made = LedgerKeeper(
        client, folder, timeout_ms=5_000, clock_ms=clock, store_ms=clock, recovery_ms=3_000
    )
    made.remember()
    return made


async def spent(ledger: RedisLedger, rule_id: str = "day") -> tuple[int, int]:
    return next((r.spent, r.reserved) for r in await ledger.counters() if r.rule_id == rule_id)


async def test_nobody_but_a_keeper_opens_a_store(client: Redis, clock: Clock) -> None:
    """P2: an empty store is not a fresh budget: a worker alone is refused."""
    worker = RedisLedger(client, timeout_ms=5_000, clock_ms=clock, store_ms=clock)
    with pytest.raises(LedgerUnavailable, match="no ledger yet"):
        await worker.reserve("a", "w", [budget(10)], TTL)
    assert await worker.counters() == []
    assert await client.keys("*") == []


async def test_a_new_store_is_opened_at_once(
    client: Redis, clock: Clock, keeper: LedgerKeeper
) -> None:
    """P2: a first start has nothing to bring back and does not wait."""
    await keeper.tick()
    worker = RedisLedger(client, timeout_ms=5_000, clock_ms=clock, store_ms=clock)
    assert isinstance(await worker.reserve("a", "w", [budget(10)], TTL), Reserved)
    assert await keeper.ledger.health() == "ok"


async def test_calls_wait_while_everybody_brings_back_what_they_know(
    client: Redis, clock: Clock
) -> None:
    """P2: after FLUSHALL no call passes before the others had their time; then all is there."""
    one, two = await opened(client, clock), await opened(client, clock)
    await one.reserve("a", "w1", [budget(1_000, 300)], TTL)
    await one.settle("a", {"cost": 300})
    await two.reserve("b", "w2", [budget(1_000, 500)], TTL)
    await two.settle("b", {"cost": 450})
    await one.reserve("open", "w1", [budget(1_000, 100)], TTL)
    await client.flushall()
    with pytest.raises(LedgerUnavailable, match="brought back"):
        await one.reserve("c", "w1", [budget(1_000, 10)], TTL)
    await two.check()
    assert await spent(one) == (750, 100)
    assert "brought back" in await one.health()
    clock.now += 2_999
    with pytest.raises(LedgerUnavailable, match="brought back"):
        await two.reserve("d", "w2", [budget(1_000, 10)], TTL)
    clock.now += 1
    assert isinstance(await two.reserve("e", "w2", [budget(1_000, 151)], TTL), Exceeded)
    assert isinstance(await two.reserve("f", "w2", [budget(1_000, 150)], TTL), Reserved)


async def test_what_comes_late_still_counts(client: Redis, clock: Clock) -> None:
    """P2: a gateway that was cut off brings its spend in later, once, on top of what is new."""
    one, late = await opened(client, clock), await opened(client, clock)
    await one.reserve("a", "w1", [budget(1_000, 100)], TTL)
    await one.settle("a", {"cost": 100})
    await late.reserve("b", "w2", [budget(1_000, 200)], TTL)
    await late.settle("b", {"cost": 200})
    await client.flushall()
    await one.check()
    clock.now += 3_000
    await one.reserve("c", "w1", [budget(1_000, 50)], TTL)
    await one.settle("c", {"cost": 50})
    assert await spent(one) == (150, 0)
    await late.check()
    assert await spent(one) == (350, 0)
    for ledger in (one, late):
        await ledger.check()
    assert await spent(one) == (350, 0)


async def test_a_settlement_finds_its_reservation_after_the_loss(
    ledger: RedisLedger, client: Redis, clock: Clock
) -> None:
    """P2: what was under way when the store forgot is charged once, by what it used."""
    await ledger.reserve("a", "w", [budget(1_000, 400), slots(2), rate(10)], TTL)
    await client.flushall()
    assert await ledger.settle("a", {"requests": 1, "cost": 123}) is True
    assert await ledger.settle("a", {"requests": 1, "cost": 123}) is False
    assert await spent(ledger) == (123, 0)
    assert await spent(ledger, "parallel") == (0, 0)


async def test_a_settlement_waits_until_its_reservation_is_back(
    ledger: RedisLedger, client: Redis
) -> None:
    """P2: a call that ends while what is known is brought back is charged like any other."""
    await ledger.reserve("a", "w", [budget(1_000, 400)], TTL)
    restore = ledger.store.restore
    assert restore is not None
    settling: list[asyncio.Task[bool]] = []

    async def meanwhile() -> None:
        settling.append(asyncio.create_task(ledger.settle("a", {"requests": 1, "cost": 123})))
        for _ in range(3):  # time for the settlement to overtake, if it may
            await client.ping()
        await restore()

    ledger.store.restore = meanwhile
    await client.flushall()
    await ledger.check()
    assert await settling[0] is True
    assert await spent(ledger) == (123, 0)


async def test_a_gateway_that_restarts_remembers(
    client: Redis, clock: Clock, tmp_path: Path
) -> None:
    """P2: the store lost everything while no gateway ran: its own copy brings all back."""
    keeper = new_keeper(client, clock, tmp_path)
    await keeper.tick()
    worker = await opened(client, clock)
    week = Sliding("1w", 7 * DAY_MS)
    charges = [budget(1_000, 300), budget(9, 5, rule="rolling", window=week), rate(10)]
    await worker.reserve("a", "w", charges, TTL)
    await worker.settle("a", {"requests": 1, "cost": 4})
    await keeper.tick()
    await client.flushall()
    clock.now += 3_600_000
    again = new_keeper(client, clock, tmp_path)
    await again.tick()
    fresh = RedisLedger(client, timeout_ms=5_000, clock_ms=clock, store_ms=clock)
    with pytest.raises(LedgerUnavailable, match="brought back"):
        await fresh.reserve("b", "w", charges, TTL)
    clock.now += 3_000
    assert await spent(fresh) == (4, 0)
    assert await spent(fresh, "rolling") == (4, 0)
    assert "rpm" not in {r.rule_id for r in await fresh.counters()}


async def test_the_worst_case_of_a_lost_primary(
    client: Redis, clock: Clock, tmp_path: Path
) -> None:
    """P2: lost for good is only what a gateway spent since the others last looked, if it dies, disk
    and all, in the same moment as the store's primary."""
    survivor = new_keeper(client, clock, tmp_path)
    await survivor.tick()
    doomed = await opened(client, clock)
    await doomed.reserve("a", "w", [budget(1_000, 300)], TTL)
    await doomed.settle("a", {"cost": 300})
    await survivor.tick()
    await doomed.reserve("b", "w", [budget(1_000, 40)], TTL)
    await doomed.settle("b", {"cost": 40})
    await client.flushall()  # and `doomed` is never heard of again
    await survivor.tick()
    assert await spent(survivor.ledger) == (300, 0)


async def test_a_copy_that_was_torn_or_cannot_be_written(
    client: Redis, clock: Clock, tmp_path: Path
) -> None:
    """P2: a torn line costs that line; a disk that refuses costs the copy, and is tried again."""
    keeper = new_keeper(client, clock, tmp_path)
    worker = await opened(client, clock)
    await worker.reserve("a", "w", [budget(1_000, 300)], TTL)
    await worker.settle("a", {"cost": 7})
    blocked = tmp_path / "marks.jsonl"
    blocked.mkdir()
    await keeper.tick()
    blocked.rmdir()
    await keeper.tick()
    with blocked.open("ab") as file:
        file.write(b'["{envelope}:c:day:cost:2024-10-04:budget:day:", 9999')
    again = new_keeper(client, clock, tmp_path)
    assert [mark.spent for _, mark in again.ledger.marks.items()] == [7]
    assert again.ledger.store.epoch == keeper.ledger.store.epoch


async def test_a_given_up_reservation_is_not_made_any_more(ledger: RedisLedger) -> None:
    """P2: a reserve that reaches a store late, after its caller gave up, takes nothing."""
    assert await ledger.settle("late", NOTHING) is False
    with pytest.raises(LedgerUnavailable, match="given up"):
        await ledger.reserve("late", "w", [budget(10, 10)], TTL)
    assert await ledger.counters() == []


async def test_a_store_that_may_evict_serves_nobody(
    own_store: PrivateStore, clock: Clock, tmp_path: Path
) -> None:
    """P2: an eviction policy set while calls run stops them until it is set back."""
    client = Redis.from_url(own_store.url)
    keeper = new_keeper(client, clock, tmp_path)
    await keeper.tick()
    worker = await opened(client, clock)
    await client.config_set("maxmemory-policy", "allkeys-lru")
    for _ in range(10):
        await keeper.tick()
    with pytest.raises(LedgerUnavailable, match="noeviction"):
        await worker.reserve("a", "w", [budget(10)], TTL)
    assert "noeviction" in await worker.health()
    await client.config_set("maxmemory-policy", "noeviction")
    for _ in range(10):
        await keeper.tick()
    assert isinstance(await worker.reserve("a", "w", [budget(10)], TTL), Reserved)
    for ledger in (worker, keeper.ledger):
        await ledger.aclose()
    await client.aclose()


async def test_an_idle_gateway_closes_what_has_expired(
    ledger: RedisLedger, clock: Clock, keeper: LedgerKeeper
) -> None:
    """P2: an expired reservation is charged, and a slot is free, without another call."""
    await ledger.reserve("a", "w", [budget(1_000, 300), slots(1)], TTL)
    clock.now += TTL
    await keeper.tick()
    assert await spent(ledger) == (300, 0)
    assert await spent(ledger, "parallel") == (0, 0)


# --- clocks ------------------------------------------------------------------------------------


class SkewedClock(Clock):
    """A gateway's own clock, off by a fixed time."""

    def __init__(self, true: Clock, by_ms: int) -> None:
        self.true, self.by_ms = true, by_ms

    def __call__(self) -> int:
        return self.true.now + self.by_ms


@pytest.mark.parametrize("by_ms", [-2 * DAY_MS, -7 * MINUTE_MS, 1_000, 5 * DAY_MS])
async def test_gateways_with_other_clocks_share_one_budget(
    client: Redis, clock: Clock, by_ms: int
) -> None:
    """P2: the store's clock decides the window; a gateway that is days off counts in the same."""
    right = await opened(client, clock)
    skewed = RedisLedger(
        client, timeout_ms=5_000, clock_ms=SkewedClock(clock, by_ms), store_ms=clock
    )
    for n, ledger in enumerate((right, skewed) * 5):
        assert isinstance(await ledger.reserve(f"r{n}", "w", [budget(10)], TTL), Reserved)
    for ledger in (right, skewed):
        assert isinstance(await ledger.reserve("x", "w", [budget(10)], TTL), Exceeded)
    clock.now += DAY_MS
    assert isinstance(await skewed.reserve("y", "w", [budget(10, 10)], TTL), Reserved)
    assert isinstance(await right.reserve("z", "w", [budget(10)], TTL), Exceeded)
    await skewed.aclose()


async def test_a_store_whose_clock_jumps_opens_no_new_window(client: Redis, clock: Clock) -> None:
    """P2: a clock a day ahead would be a fresh budget: refused until it is back."""
    store = Clock()
    ledger = RedisLedger(client, timeout_ms=5_000, clock_ms=clock, store_ms=store)
    await ledger.store.begin_first()
    assert isinstance(await ledger.reserve("a", "w", [budget(10, 10)], TTL), Reserved)
    store.now += 1
    await ledger.reserve("b", "w", [budget(10, 10)], TTL)
    for jump in (DAY_MS, 10 * MINUTE_MS, -DAY_MS):
        store.now += jump
        with pytest.raises(LedgerUnavailable, match="clock"):
            await ledger.reserve("c", "w", [budget(10, 10)], TTL)
        store.now -= jump
    assert isinstance(await ledger.reserve("d", "w", [budget(10, 10)], TTL), Exceeded)
    await ledger.aclose()


async def test_a_sliding_window_survives_a_clock_that_was_far_ahead(
    client: Redis, clock: Clock
) -> None:
    """P2: what was counted in a future that was not to be counts as taken now, and leaves again."""
    clock.now += 1_000 * DAY_MS
    ahead = await opened(client, clock)
    await ahead.reserve("a", "w", [rate(2)], TTL)
    await ahead.reserve("open", "w", [rate(2)], TTL)
    await ahead.settle("a", {"requests": 1})
    clock.now -= 1_000 * DAY_MS
    ledger = await opened(client, clock)
    assert isinstance(await ledger.reserve("b", "w", [rate(2)], TTL), Exceeded)
    assert isinstance(await ledger.reserve("c", "w", [rate(3)], TTL), Reserved)
    assert isinstance(await ledger.reserve("d", "w", [rate(3)], TTL), Exceeded)
    clock.now += 61_000
    assert isinstance(await ledger.reserve("e", "w", [rate(3, 3)], TTL), Reserved)
    await ahead.aclose()


# --- the dead ----------------------------------------------------------------------------------


async def test_the_dead_are_buried_by_their_slate(
    client: Redis, clock: Clock, tmp_path: Path
) -> None:
    """P2: never sent = given back, sent = in full, answered = what it used, unknown = in full."""
    keeper = new_keeper(client, clock, tmp_path)
    await keeper.tick()
    slate = keeper.new_slate("dead")
    worker = RedisLedger(client, timeout_ms=5_000, clock_ms=clock, store_ms=clock, slate=slate)
    for name, cost in (("asked", 1), ("sent", 20), ("used", 300), ("settled", 4_000)):
        await worker.reserve(name, "dead", [budget(100_000, cost), slots(9)], TTL)
    for name in ("sent", "used", "settled"):
        worker.sent(name)
    worker.used("used", {"requests": 1, "tokens": 0, "cost": 177})
    worker.used("settled", {"requests": 1, "tokens": 0, "cost": 2_000})
    await worker.settle("settled", {"cost": 2_000})
    bare = RedisLedger(client, timeout_ms=5_000, clock_ms=clock, store_ms=clock)
    await bare.reserve("not-on-the-slate", "dead", [budget(100_000, 50_000)], TTL)
    assert keeper.abandoned() == []
    slate.leave()
    assert keeper.abandoned() == ["dead"]
    assert await keeper.bury("dead") == (3, 1)
    assert await spent(keeper.ledger) == (20 + 177 + 2_000 + 50_000, 0)
    assert await spent(keeper.ledger, "parallel") == (0, 0)
    assert keeper.abandoned() == []
    for ledger in (worker, bare):
        await ledger.aclose()


@pytest.mark.parametrize("used", [None, 177])
async def test_a_worker_and_the_stores_data_die_together(
    client: Redis, clock: Clock, tmp_path: Path, used: int | None
) -> None:
    """P2: the slate knows what a reservation held, so that it is charged although the store has
    forgotten it before its worker could bring it back."""
    keeper = new_keeper(client, clock, tmp_path)
    await keeper.tick()
    slate = keeper.new_slate("dead")
    worker = RedisLedger(client, timeout_ms=5_000, clock_ms=clock, store_ms=clock, slate=slate)
    charges = [budget(100_000, 400), budget(9_000, 70, rule="t", measure="tokens"), slots(9)]
    await worker.reserve("sent", "dead", charges, TTL)
    worker.sent("sent")
    if used is not None:
        worker.used("sent", {"requests": 1, "tokens": 7, "cost": used})
    await client.flushall()
    slate.leave()
    await worker.aclose()
    await keeper.tick()
    assert await keeper.bury("dead") == (1, 0)
    expected = (400, 70) if used is None else (used, 7)
    assert await spent(keeper.ledger) == (expected[0], 0)
    assert await spent(keeper.ledger, "t") == (expected[1], 0)
    assert "parallel" not in {r.rule_id for r in await keeper.ledger.counters()}


async def test_a_settlement_the_store_did_not_take_is_replayed(
    own_store: PrivateStore, clock: Clock, tmp_path: Path
) -> None:
    """P2: a worker ends while the store is away: the next run settles what it used, not in full."""
    client = Redis.from_url(own_store.url)
    keeper = new_keeper(client, clock, tmp_path)
    await keeper.tick()
    slate = keeper.new_slate("w")
    worker = RedisLedger(client, timeout_ms=5_000, clock_ms=clock, store_ms=clock, slate=slate)
    await worker.reserve("a", "w", [budget(1_000, 900)], TTL)
    worker.sent("a")
    worker.used("a", {"requests": 1, "tokens": 5, "cost": 11})
    await keeper.tick()
    own_store.stop()
    with pytest.raises(LedgerUnavailable):
        await worker.settle("a", {"requests": 1, "tokens": 5, "cost": 11})
    slate.leave()
    with pytest.raises(LedgerUnavailable):
        await keeper.bury("w")
    await worker.aclose()
    await client.aclose()
    assert keeper.abandoned() == ["w"]


# --- what a keeper sees ------------------------------------------------------------------------


async def test_a_keeper_misses_no_change(
    ledger: RedisLedger, keeper: LedgerKeeper, client: Redis
) -> None:
    """P2: counters that change often say so seldom, and still none of their changes is missed."""
    await keeper.tick()
    for n in range(900):
        hot, own = budget(10**9, 1, rule="hot"), budget(10**9, 1, rule=f"r{n % 300}")
        await ledger.reserve(f"a{n}", "w", [hot, own], TTL)
        await ledger.settle(f"a{n}", {"cost": 1})
        if n % 97 == 0:
            await keeper.tick()
    await keeper.tick()
    seen = {key.rpartition("budget:")[2]: mark.spent for key, mark in keeper.ledger.marks.items()}
    assert seen == {"hot:": 900, **{f"r{n}:": 3 for n in range(300)}}
    assert await client.xlen("{envelope}:changes") < 1_000  # of 2,100 changes


async def test_a_keeper_that_was_away_too_long_looks_at_everything(
    ledger: RedisLedger, keeper: LedgerKeeper, client: Redis
) -> None:
    """P2: where the changes since the last look are not kept any more, all counters are read."""
    await keeper.tick()
    await ledger.reserve("a", "w", [budget(10, 1, rule="missed")], TTL)
    await ledger.settle("a", {"cost": 1})
    await client.delete("{envelope}:changes")
    await client.xadd("{envelope}:changes", {"k": "gone"}, id="5000000-0")
    filler = client.pipeline(transaction=False)
    for n in range(100_000):
        filler.xadd("{envelope}:changes", {"k": "gone"}, id=f"{5_000_001 + n}-0")
    await filler.execute()
    await client.hset("{envelope}:epoch", "seq", 6_000_000)
    await keeper.tick()
    assert [mark.spent for _, mark in keeper.ledger.marks.items()] == [1]
