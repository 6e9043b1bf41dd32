"""When a calendar window's limit will be used up at the present rate. Pure.

Two horizons, as for burn rates of error budgets: the whole window so far, and the last hour (a
twelfth of the window, where that is shorter). Promises: no forecast from one busy hour alone, nor
from a morning that has long been over: either both horizons lead to the limit before the window
ends, or the short one leads there within four times its own length. Refuses to guess early: at
least 5 % must be spent, and a tenth of the window be over or a quarter of the limit spent.
"""

from __future__ import annotations

from collections import deque

from extproc.limits.values import CounterReading
from extproc.limits.window import HOUR_MS

SLOTS = 12
"""Samples per short horizon: one for each slot, its latest."""
SPENT_SHARE_MIN = 20
"""1/20 of the limit."""
FAST = 4
MARGIN = 50
"""A limit that lasts into the last fiftieth of its window is not worth a message."""

Sample = tuple[int, int]
"""Unix time in ms, spent."""


class History:
    """The latest samples of one counter in one window; bounded."""

    __slots__ = ("samples",)

    def __init__(self) -> None:
        self.samples: deque[Sample] = deque(maxlen=SLOTS + 3)

    def add(self, now_ms: int, spent: int, horizon_ms: int) -> None:
        samples = self.samples
        if samples and (now_ms < samples[-1][0] or spent < samples[-1][1]):
            samples.clear()  # a clock was set back, or the counter was corrected
        slot_ms = max(1, horizon_ms // SLOTS)
        if samples and samples[-1][0] // slot_ms == now_ms // slot_ms:
            samples[-1] = (now_ms, spent)
        else:
            samples.append((now_ms, spent))

    def base(self, now_ms: int, horizon_ms: int) -> Sample | None:
        """Where the short horizon begins; None while fewer samples than for half of it are known.

        A counter that rested is measured from its last change on: a lower rate, a later alarm.
        """
        found: Sample | None = None
        for sample in self.samples:
            age_ms = now_ms - sample[0]
            if found is None and age_ms >= horizon_ms // 2:
                found = sample
            if age_ms >= horizon_ms:
                found = sample
        return found


def span_ms(reading: CounterReading) -> int:
    return reading.elapsed_ms + reading.reset_ms


def horizon_ms(reading: CounterReading) -> int:
    return min(HOUR_MS, span_ms(reading) // 12)


def can_forecast(reading: CounterReading) -> bool:
    """Only calendar windows that end, with a limit that is not used up yet."""
    calendar = reading.shape == "calendar" and reading.window != "total"
    return calendar and 0 <= reading.spent < reading.limit and reading.reset_ms > 0


def exhausted_ms(reading: CounterReading, history: History, now_ms: int) -> int | None:
    """The Unix time at which the limit is used up; None: not in this window, or too early to say.

    `reading.reserved` does not count: what is in flight may cost less.
    """
    if not can_forecast(reading) or not _enough(reading):
        return None
    base = history.base(now_ms, horizon_ms(reading))
    if base is None or reading.spent <= base[1]:
        return None
    left = reading.limit - reading.spent
    recent_ms = left * (now_ms - base[0]) // (reading.spent - base[1])
    whole_ms = left * reading.elapsed_ms // reading.spent
    in_time_ms = reading.reset_ms - span_ms(reading) // MARGIN
    steady_ms = max(recent_ms, whole_ms)
    if steady_ms < in_time_ms:
        return now_ms + steady_ms
    full = now_ms - base[0] >= horizon_ms(reading)
    fast = full and recent_ms <= FAST * horizon_ms(reading)
    return now_ms + recent_ms if fast and recent_ms < in_time_ms else None


def _enough(reading: CounterReading) -> bool:
    if reading.spent * SPENT_SHARE_MIN < reading.limit:
        return False
    return reading.elapsed_ms * 10 >= span_ms(reading) or reading.spent * 4 >= reading.limit
