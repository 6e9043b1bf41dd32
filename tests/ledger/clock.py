"""Time in milliseconds that moves when told, and the charges most tests use."""

from __future__ import annotations

from dataclasses import dataclass

from extproc.limits.values import Charge, Measure, Mode, Window
from extproc.limits.window import Calendar, Flight, Sliding

DAY_MS = 86_400_000
NOON = 20_000 * DAY_MS + DAY_MS // 2
MINUTE = Sliding("minute", 60_000)
DAY = Calendar("day")
FLIGHT = Flight()


@dataclass
class Clock:
    now: int = NOON

    def __call__(self) -> int:
        return self.now


def rate(limit: int, amount: int = 1, *, rule: str = "rpm", floor: int | None = None,
         measure: Measure = "requests", window: Window = MINUTE,
         mode: Mode = "enforce") -> Charge:  # fmt: skip
    """A sliding one-minute limit."""
    least = amount if floor is None else floor
    return Charge("rate", rule, f"rate:{rule}:", measure, amount, least, limit, window, mode)


def budget(limit: int, amount: int = 1, *, rule: str = "day", measure: Measure = "cost",
           window: Window = DAY, mode: Mode = "enforce", soft_limit: int = -1,
           degrade_at: int = -1) -> Charge:  # fmt: skip
    """A budget per UTC day."""
    return Charge("budget", rule, f"budget:{rule}:", measure, amount, amount, limit, window,
                  mode, soft_limit, degrade_at)  # fmt: skip


def slots(limit: int, *, rule: str = "parallel", mode: Mode = "enforce") -> Charge:
    """So many calls in flight at once."""
    return Charge("concurrency", rule, f"concurrency:{rule}:", "slots", 1, 1, limit, FLIGHT, mode)
