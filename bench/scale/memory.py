"""(c) What one counter weighs in the store."""

from __future__ import annotations

from bench.scale.calls import (
    HOURLY,
    MINUTELY,
    TTL_MS,
    charges_of,
    fill,
    new_id,
    one_call,
)
from bench.scale.store import Steps, open_store, store
from extproc.ledger.redis_ledger import RedisLedger
from extproc.limits.match import LimitMatcher

COUNT, FULL, OPEN, STEP = 50_000, 2_000, 5_000, 50
BUCKETS = 60
KINDS = {"minute, rolling": (MINUTELY, 0), "day": (HOURLY, 1), "month": (HOURLY, 2)}


async def measure() -> dict[str, float]:
    """Bytes of one counter of each kind, and of one open reservation. A store for each."""
    found = {f"counter: {name}": await _counter(*kind) for name, kind in KINDS.items()}
    found["counter: minute, rolling, a call in every second of it"] = await _full_minute()
    found["open reservation of three counters"] = await _reservation()
    return found


async def _counter(limits: LimitMatcher, kind: int) -> float:
    """A store that holds COUNT of them, beside one that holds none."""
    async with store() as running:
        ledger = await open_store(running.client)
        await _touch(ledger, limits, kind, 100)
        before = await running.memory_bytes()
        await _touch(ledger, limits, kind, COUNT)
        after = await running.memory_bytes()
        await ledger.aclose()
        return (after - before) / (COUNT - 100)


async def _touch(ledger: RedisLedger, limits: LimitMatcher, kind: int, count: int) -> None:
    for start in range(0, count, STEP):
        callers = range(start, min(count, start + STEP))
        await one_call(ledger, [charges_of(n, limits)[kind] for n in callers])


async def _full_minute() -> float:
    """By a clock of our own: a call of each caller in every second of a minute."""
    clock = Steps()
    async with store() as running:
        ledger = await open_store(running.client, clock)
        await _touch(ledger, MINUTELY, 0, 100)
        before = await running.memory_bytes()
        for _ in range(BUCKETS):
            clock.now_ms += 1_000
            await _touch(ledger, MINUTELY, 0, FULL)
        after = await running.memory_bytes()
        await ledger.aclose()
        return (after - before) / FULL


async def _reservation() -> float:
    async with store() as running:
        ledger = await open_store(running.client)
        await fill(ledger, 0, OPEN)
        before = await running.memory_bytes()
        for caller in range(OPEN):
            await ledger.reserve(new_id(), "bench", charges_of(caller), TTL_MS)
        after = await running.memory_bytes()
        await ledger.aclose()
        return (after - before) / OPEN
