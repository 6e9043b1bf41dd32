"""All counters are read for a scrape, but neither the store nor the scrape waits for it."""

from __future__ import annotations

import asyncio

from extproc.admin.limit_scan import REST_PER_SCAN, LimitScan
from extproc.limits.values import CounterReading, LedgerUnavailable
from tests.limits.shown import shown

SOON_S = 0.05


class Paged:
    """A ledger of two pages; each costs a second of the test's own time."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.scans = 0
        self.gone = False
        self.go = asyncio.Event()
        self.go.set()

    async def page(self, cursor: int) -> tuple[list[CounterReading], int]:
        await self.go.wait()
        if self.gone:
            raise LedgerUnavailable("no answer")
        self.now_s += 1
        if cursor == 0:
            return [shown("a", 1)], 7
        self.scans += 1
        return [shown("b", self.scans)], -1


async def _used(scan: LimitScan) -> dict[str, float]:
    """Rule -> used, and the age of the figures under ''."""
    found: dict[str, float] = {}
    for family in await scan.families(SOON_S):
        for sample in family.samples:
            if family.name in ("envelope_limit_used", "envelope_limits_age_seconds"):
                found[sample.labels.get("rule", "")] = sample.value
    return found


async def test_all_pages_are_read() -> None:
    """Contract 3, `/metrics`: no rule is missing because it stands on a later page."""
    ledger = Paged()
    scan = LimitScan(ledger, lambda: ledger.now_s)
    assert await _used(scan) == {"a": 1, "b": 1, "": 0}


class Busy(Paged):
    """The store gives a counter twice."""

    async def page(self, cursor: int) -> tuple[list[CounterReading], int]:
        return [shown("a", 1), shown("a", 1, window="day")], 7 if cursor == 0 else -1


async def test_counter_that_moves_counts_once() -> None:
    """Contract 3, `/metrics`: `envelope_limit_counters` counts counters, not readings."""
    families = await LimitScan(Busy()).families(SOON_S)
    (counters,) = (f for f in families if f.name == "envelope_limit_counters")
    assert [sample.value for sample in counters.samples] == [1, 1]


async def test_scans_take_a_twentieth_of_the_time() -> None:
    """P8: scraping a million counters every few seconds must not keep the store busy."""
    ledger = Paged()
    scan = LimitScan(ledger, lambda: ledger.now_s)
    await _used(scan)
    ledger.now_s += 2 * REST_PER_SCAN - 1
    assert (await _used(scan))[""] == 2 * REST_PER_SCAN - 1
    assert ledger.scans == 1
    ledger.now_s += 1
    assert await _used(scan) == {"a": 1, "b": 2, "": 0}


async def test_scrape_does_not_wait_for_a_long_scan() -> None:
    """P8: the page comes without these figures; the scan goes on, and is not begun twice."""
    ledger = Paged()
    ledger.go.clear()
    scan = LimitScan(ledger, lambda: ledger.now_s)
    assert await _used(scan) == {}
    assert await _used(scan) == {}
    ledger.go.set()
    assert await _used(scan) == {"a": 1, "b": 1, "": 0}
    assert ledger.scans == 1


async def test_store_that_is_gone_leaves_no_old_figures() -> None:
    """Contract 3, `/metrics`: what nobody can confirm any more is not shown."""
    ledger = Paged()
    scan = LimitScan(ledger, lambda: ledger.now_s)
    assert await _used(scan)
    ledger.gone, ledger.now_s = True, 1_000.0
    assert await _used(scan) == {}


async def test_close_ends_a_scan_that_runs() -> None:
    """Contract 1, `envelope admin`: it ends when it is told to."""
    ledger = Paged()
    ledger.go.clear()
    scan = LimitScan(ledger, lambda: ledger.now_s)
    await _used(scan)
    await scan.close()
    ledger.go.set()
    await asyncio.sleep(0)
    assert ledger.scans == 0
