"""Reads all counters of the store for a scrape, page by page, and keeps one figure set per rule.

Promises: one scan at a time; scans take at most a twentieth of the time, so that a million counters
load the store no more than a few do; a scrape that comes in between gets the last whole scan, and
how old it is. What a store that no longer answers said before is not shown.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Protocol

from prometheus_client.core import Metric

from extproc.admin.limit_gauges import RuleFigures
from extproc.limits.values import CounterReading, LedgerUnavailable
from extproc.telemetry import catalog
from extproc.telemetry.collect import gauge

REST_PER_SCAN = 19
"""Times as long as a scan took, until the next may begin."""


class Pages(Protocol):
    """The part of `RedisLedger` that is needed."""

    async def page(self, cursor: int) -> tuple[list[CounterReading], int]: ...


class LimitScan:
    """Owns the running scan and the result of the last one."""

    def __init__(self, ledger: Pages, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._ledger, self._clock_s = ledger, clock_s
        self._running: asyncio.Task[None] | None = None
        self._figures: RuleFigures | None = None
        self._finished_s = self._rested_s = float("-inf")

    async def families(self, within_s: float) -> Iterable[Metric]:
        """The newest figures that can be had in `within_s`; none when there are none yet."""
        if self._running is None and self._clock_s() >= self._rested_s:
            self._running = asyncio.create_task(self._scan())
        if self._running is not None:
            await asyncio.wait((self._running,), timeout=within_s)
            if self._running.done():
                self._running = None
        if self._figures is None:
            return ()
        age_s = self._clock_s() - self._finished_s
        return [*self._figures.families(), gauge(catalog.LIMITS_AGE, [((), age_s)])]

    async def close(self) -> None:
        """End a scan that still runs."""
        if self._running is not None:
            self._running.cancel()
            with suppress(asyncio.CancelledError):
                await self._running

    async def _scan(self) -> None:
        began_s, cursor, figures = self._clock_s(), 0, RuleFigures()
        seen: set[int] = set()
        try:
            while cursor >= 0:
                page, cursor = await self._ledger.page(cursor)
                figures.add(_unseen(page, seen))
        except LedgerUnavailable:
            self._figures = None
            return
        self._figures, self._finished_s = figures, self._clock_s()
        self._rested_s = self._finished_s + REST_PER_SCAN * (self._finished_s - began_s)


def _unseen(page: Iterable[CounterReading], seen: set[int]) -> Iterator[CounterReading]:
    """The store may give a counter twice while all are read: it counts once."""
    for reading in page:
        identity = hash((reading.counter, reading.measure, reading.window, reading.window_id))
        if identity not in seen:
            seen.add(identity)
            yield reading
