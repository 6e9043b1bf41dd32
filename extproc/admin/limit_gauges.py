"""Live counters of the limits store -> gauges, one set per rule. Pure.

A rule may have a counter per caller; their names are callers' data and without bound, so that only
the fullest counter of each rule is shown, and how many there are. `envelope limits` lists them all.
"""

from __future__ import annotations

from collections.abc import Sequence

from prometheus_client.core import Metric

from extproc.limits.values import NANO_USD, CounterReading
from extproc.telemetry import catalog
from extproc.telemetry.collect import gauge

RULES_MAX = 200
Rule = tuple[str, str, str]


def limit_gauges(readings: Sequence[CounterReading]) -> list[Metric]:
    """Used, reserved, left and number of counters of the RULES_MAX fullest rules."""
    fullest: dict[Rule, CounterReading] = {}
    counters: dict[Rule, int] = {}
    for reading in readings:
        rule = (reading.rule_id, reading.kind, reading.measure)
        counters[rule] = counters.get(rule, 0) + 1
        if rule not in fullest or _fullness(reading) > _fullness(fullest[rule]):
            fullest[rule] = reading
    shown = sorted(fullest, key=lambda rule: (_rank(fullest[rule]), rule))[:RULES_MAX]
    rows = [(rule, fullest[rule]) for rule in shown]
    return [
        gauge(catalog.LIMIT_USED, ((rule, _shown(r, r.spent)) for rule, r in rows)),
        gauge(catalog.LIMIT_RESERVED, ((rule, _shown(r, r.reserved)) for rule, r in rows)),
        gauge(catalog.LIMIT_LEFT, ((rule, _shown(r, r.left)) for rule, r in rows if r.left >= 0)),
        gauge(catalog.LIMIT_COUNTERS, ((rule, counters[rule]) for rule in shown)),
        gauge(catalog.LIMITS_OMITTED, [((), len(fullest) - len(shown))]),
    ]


def _fullness(reading: CounterReading) -> tuple[float, int]:
    """Share of the limit that is gone, then the amount (which alone counts without a limit)."""
    gone = reading.spent + reading.reserved
    if reading.limit < 0:
        return 0.0, gone
    return (gone / reading.limit if reading.limit else 1.0), gone


def _rank(reading: CounterReading) -> tuple[float, int]:
    share, gone = _fullness(reading)
    return -share, -gone


def _shown(reading: CounterReading, amount: int) -> float:
    return amount / NANO_USD if reading.measure == "cost" else float(amount)
