"""The ledger when the store misbehaves: fail closed, lose nothing (P2)."""

from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis

from extproc.ledger.redis_ledger import RedisLedger
from extproc.limits.values import LedgerUnavailable, Reserved
from tests.ledger.clock import DAY, NOON, Clock, budget, rate
from tests.ledger.conftest import PrivateStore, opened

CHARGES = [rate(10), budget(1_000, 100)]


async def test_forgotten_scripts_are_taught_again(ledger: RedisLedger, client: Redis) -> None:
    """P2: SCRIPT FLUSH (or a new primary) costs one more round trip, not a request."""
    await ledger.reserve("a", "w", CHARGES, 60_000)
    await client.script_flush()
    assert isinstance(await ledger.reserve("b", "w", CHARGES, 60_000), Reserved)
    await client.script_flush()
    assert await ledger.settle("a", {"cost": 1}) is True


async def test_a_store_that_is_gone_is_unavailable_and_comes_back(
    own_store: PrivateStore, clock: Clock
) -> None:
    """P2: no answer means no request; a store that returns is used again without a restart."""
    client = Redis.from_url(own_store.url)
    ledger = await opened(client, clock, recovery_ms=0)
    await ledger.reserve("a", "w", CHARGES, 60_000)
    own_store.stop()
    for call in (
        ledger.reserve("b", "w", CHARGES, 60_000),
        ledger.settle("a", {}),
        ledger.renew(["a"], 1),
        ledger.reap("w"),
        ledger.counters(),
    ):
        with pytest.raises(LedgerUnavailable):
            await call
    own_store.start()
    assert isinstance(await ledger.reserve("c", "w", CHARGES, 60_000), Reserved)
    await ledger.aclose()
    await client.aclose()


async def test_a_silent_store_times_out_and_every_waiter_is_told(own_store: PrivateStore) -> None:
    """P2: a store that hangs fails all who wait, within the timeout."""
    client, blocker = Redis.from_url(own_store.url), Redis.from_url(own_store.url)
    ledger = RedisLedger(client, timeout_ms=50)
    await ledger.store.begin_first()
    await blocker.execute_command("CLIENT", "PAUSE", "60000", "ALL")
    calls = [ledger.reserve(f"r{n}", "w", CHARGES, 60_000) for n in range(20)]
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(o) for o in outcomes} == {LedgerUnavailable}
    await client.aclose()
    await blocker.aclose()


async def test_nothing_listens_there() -> None:
    """P2: a wrong address is an unavailable store, not an error of another kind."""
    client = Redis.from_url("unix:///nonexistent/socket")
    with pytest.raises(LedgerUnavailable):
        await RedisLedger(client, timeout_ms=2_000).reserve("a", "w", CHARGES, 60_000)


@pytest.mark.parametrize("key", [b"{envelope}:open", b"{envelope}:r:a", b"counter"])
async def test_a_key_of_another_type_changes_nothing(
    ledger: RedisLedger, client: Redis, key: bytes
) -> None:
    """P2: scripts are not transactional: every type is checked before the first write."""
    counter = f"{{envelope}}:c:day:cost:{DAY.span(NOON).id}:budget:day:".encode()
    await client.rpush(counter if key == b"counter" else key, "someone else's")
    before = sorted(await client.keys("*"))
    with pytest.raises(LedgerUnavailable, match="WRONGTYPE"):
        await ledger.reserve("a", "w", CHARGES, 60_000)
    assert sorted(await client.keys("*")) == before


async def test_a_full_store_refuses_new_calls_and_still_settles(
    own_store: PrivateStore, clock: Clock
) -> None:
    """P2: out of memory fails closed; what is under way can still be charged."""
    client = Redis.from_url(own_store.url)
    ledger = await opened(client, clock, recovery_ms=0)
    await ledger.reserve("a", "w", CHARGES, 60_000)
    await ledger.settle("warm-up", {})
    await client.config_set("maxmemory", "1")
    with pytest.raises(LedgerUnavailable, match="OOM"):
        await ledger.reserve("b", "w", CHARGES, 60_000)
    assert await ledger.settle("a", {"requests": 1, "cost": 60}) is True
    assert [(r.spent, r.reserved) for r in await ledger.counters()] == [(60, 0), (1, 0)]
    await ledger.aclose()
    await client.aclose()


async def test_the_same_counter_twice_is_refused_whole(ledger: RedisLedger, client: Redis) -> None:
    """P2: two charges on one counter would each see the same room; the script says no."""
    with pytest.raises(LedgerUnavailable):
        await ledger.reserve("a", "w", [budget(10, 6), budget(10, 6)], 60_000)
    assert await client.keys("*") == [b"{envelope}:epoch"]


async def test_cancelled_callers_do_not_shift_the_replies_of_others(ledger: RedisLedger) -> None:
    """P2: replies reach those who asked, whoever went away; what was taken can be given back."""
    await ledger.counters()  # connected: every task below has sent its command when it first waits
    tasks = [
        asyncio.ensure_future(ledger.reserve(f"r{n}", "w", [budget(10_000, n + 1)], 60_000))
        for n in range(40)
    ]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(o, asyncio.CancelledError) for o in outcomes[::2])
    lefts = [o.counters[0].left for o in outcomes[1::2] if isinstance(o, Reserved)]
    taken = [sum(range(1, n + 2)) for n in range(1, 40, 2)]
    assert lefts == [10_000 - t for t in taken]


async def test_the_stores_own_clock_is_used_by_default(client: Redis) -> None:
    """P2: without a test clock windows come from the store, so skewed gateways agree."""
    ledger = RedisLedger(client, timeout_ms=5_000)
    await ledger.store.begin_first()
    await ledger.reserve("a", "w", CHARGES, 60_000)
    seconds, microseconds = await client.time()
    expires = await client.zscore("{envelope}:open", "a")
    assert expires is not None
    assert 0 <= seconds * 1_000 + microseconds // 1_000 + 60_000 - expires < 60_000
    await ledger.aclose()
