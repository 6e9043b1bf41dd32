"""Which alerts a counter's reading calls for. Pure; what was told before is `watch.py`'s.

What counts is `spent`: settled, real spend. `reserved` (the worst case of calls in flight) does
NOT count: it would raise alarms that take themselves back a second later.
"""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache

from extproc.alerts.values import Due, threshold_name
from extproc.config.alert_model import Alerts
from extproc.limits.values import CounterReading


def passed(reading: CounterReading, alerts: Alerts) -> tuple[float, ...]:
    """The thresholds (percent of the limit) that spent has reached, lowest first.

    Nothing spent passes nothing, whatever the limit; with a limit of 0 any spend passes them all.
    """
    if reading.limit < 0 or reading.spent <= 0:
        return ()
    return tuple(t for t in alerts.thresholds if _reached(t, reading.spent, reading.limit))


def _reached(threshold: float, spent: int, limit: int) -> bool:
    numerator, denominator = _exact(threshold)
    return numerator * limit <= 100 * spent * denominator


@lru_cache(maxsize=1_024)
def _exact(threshold: float) -> tuple[int, int]:
    """As it is written: 33.3 is no binary fraction."""
    return Decimal(repr(threshold)).as_integer_ratio()


def over_soft_limit(reading: CounterReading) -> bool:
    return 0 <= reading.soft_limit < reading.spent


def due(reading: CounterReading, alerts: Alerts, exhausted_ms: int | None) -> tuple[Due, ...]:
    """What holds now: the highest threshold (it speaks for the lower ones), soft limit, forecast.

    `exhausted_ms`: the forecast, or None.
    """
    found: list[Due] = []
    if thresholds := passed(reading, alerts):
        *lower, highest = thresholds
        found.append(Due("threshold", highest, tuple(map(threshold_name, lower))))
    if over_soft_limit(reading):
        found.append(Due("soft_limit"))
    if alerts.forecast and exhausted_ms is not None:
        found.append(Due("forecast"))
    return tuple(found)
