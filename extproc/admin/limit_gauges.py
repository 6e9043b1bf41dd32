"""Live counters of the limits store -> gauges, one set per rule and window. Pure.

A rule may have a counter per caller; their names are callers' data and without bound, so that only
the fullest counter of each rule is shown, and how many there are. `envelope limits` lists them all.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable

from prometheus_client.core import Metric

from extproc.limits.fullness import fullness, share
from extproc.limits.values import NANO_USD, CounterReading
from extproc.telemetry import catalog
from extproc.telemetry.catalog import Definition
from extproc.telemetry.collect import gauge

RULES_MAX = 200
Rule = tuple[str, str, str, str]
Amount = Callable[[CounterReading], int]


class RuleFigures:
    """What was seen of each rule: its fullest counter, and how many. One entry per rule."""

    def __init__(self) -> None:
        self._fullest: dict[Rule, CounterReading] = {}
        self._counters: dict[Rule, int] = {}

    def add(self, readings: Iterable[CounterReading]) -> None:
        for reading in readings:
            rule = (reading.rule_id, reading.kind, reading.measure, reading.window)
            self._counters[rule] = self._counters.get(rule, 0) + 1
            fullest = self._fullest.get(rule)
            if fullest is None or fullness(reading) > fullness(fullest):
                self._fullest[rule] = reading

    def families(self) -> list[Metric]:
        """Of the RULES_MAX fullest rules; how many there are besides is a figure of its own."""
        shown = heapq.nsmallest(RULES_MAX, self._fullest, key=self._order)
        rows = [(rule, self._fullest[rule]) for rule in shown]
        limited = [(rule, reading) for rule, reading in rows if reading.limit >= 0]
        soft = [(rule, reading) for rule, reading in rows if reading.soft_limit >= 0]
        return [
            _amounts(catalog.LIMIT_USED, rows, lambda r: r.spent),
            _amounts(catalog.LIMIT_RESERVED, rows, lambda r: r.reserved),
            _amounts(catalog.LIMIT_LEFT, limited, lambda r: r.left),
            gauge(catalog.LIMIT_RATIO, ((rule, share(reading)) for rule, reading in limited)),
            _amounts(catalog.LIMIT_SOFT, soft, lambda r: r.soft_limit),
            gauge(catalog.LIMIT_COUNTERS, ((rule, self._counters[rule]) for rule in shown)),
            gauge(catalog.LIMITS_OMITTED, [((), len(self._fullest) - len(shown))]),
        ]

    def _order(self, rule: Rule) -> tuple[float, int, Rule]:
        full, gone = fullness(self._fullest[rule])
        return -full, -gone, rule


def _amounts(
    definition: Definition, rows: Iterable[tuple[Rule, CounterReading]], amount: Amount
) -> Metric:
    """Cost in USD, everything else as it is counted."""
    return gauge(
        definition,
        ((rule, amount(r) / NANO_USD if r.measure == "cost" else amount(r)) for rule, r in rows),
    )
