"""Calls as the ledger sees them: three counters each, of any number of callers."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Sequence
from typing import Literal

from bench.scale.matching import AMOUNTS, config_of
from bench.scale.store import Store
from extproc.config.limit_model import BudgetRule, LimitWhen, RateLimitRule
from extproc.identity.principal import Principal
from extproc.ledger.redis_ledger import RedisLedger
from extproc.limits.match import LimitMatcher
from extproc.limits.values import Charge, Measure, Reserved

MODELS = ("openai-main/gpt-4o-mini",)
PER = ("virtualaccount",)
TTL_MS = 600_000
USED: dict[Measure, int] = {"requests": 1, "tokens": 900, "cost": 1_000_000}
COUNTERS_PER_RESERVE = 60
"""How many counters one step of the filling touches; a call touches three."""
_numbers = itertools.count()


def _limits(rate_unit: Literal["requests_per_minute", "requests_per_hour"]) -> LimitMatcher:
    everybody = LimitWhen()
    rate = RateLimitRule(
        id="rpm", when=everybody, limit_to=10**6, unit=rate_unit,
        rate_limit_applies_per=PER,
    )  # fmt: skip
    day, month = (
        BudgetRule(id=unit, when=everybody, limit_to=10**6, unit=unit, budget_applies_per=PER)
        for unit in ("cost_per_day", "cost_per_month")
    )
    return LimitMatcher(config_of([rate], [day, month]))


HOURLY, MINUTELY = _limits("requests_per_hour"), _limits("requests_per_minute")


def charges_of(caller: int, limits: LimitMatcher = HOURLY) -> list[Charge]:
    """A rolling hour (it outlives the benchmark), a day and a month, each the caller's own."""
    principal = Principal("virtual-account", f"bot-{caller:07}", "first", team="bench")
    return limits.charges(principal, MODELS, "chat", {}, AMOUNTS)


def new_id() -> str:
    """As long as a decision id."""
    return f"019392a0-0000-7000-8000-{next(_numbers):012}"


async def one_call(ledger: RedisLedger, charges: Sequence[Charge]) -> None:
    """Reserve, then settle."""
    name = new_id()
    taken = await ledger.reserve(name, "bench", charges, TTL_MS)
    assert isinstance(taken, Reserved), taken
    assert await ledger.settle(name, USED)


async def fill(
    ledger: RedisLedger, first: int, last: int, at_once: int = 8,
    progress: Callable[[int], None] = lambda done: None,
) -> None:  # fmt: skip
    """Touch every counter of the callers `first` to before `last`, many in one step."""
    step = COUNTERS_PER_RESERVE // 3
    starts = iter(range(first, last, step))

    async def worker() -> None:
        for start in starts:
            batch = [c for n in range(start, min(last, start + step)) for c in charges_of(n)]
            await one_call(ledger, batch)
            progress(start - first)

    await asyncio.gather(*(worker() for _ in range(at_once)))


async def cost(store: Store, ledger: RedisLedger, callers: Sequence[int]) -> tuple[float, float]:
    """Of one call, reserve and settle, in microseconds: the store's CPU, and the whole time of one
    after the other. A call of each of these callers."""
    charges = [charges_of(caller) for caller in callers]
    cpu, began = await store.cpu_us(), time.perf_counter_ns()
    for mine in charges:
        await one_call(ledger, mine)
    wall = (time.perf_counter_ns() - began) / 1_000
    return (await store.cpu_us() - cpu) / len(callers), wall / len(callers)
