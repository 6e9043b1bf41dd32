"""Time in milliseconds that moves when told, and the charges most tests use."""

from __future__ import annotations

from dataclasses import dataclass

from extproc.limits.values import Charge, Measure

DAY_MS = 86_400_000
NOON = 20_000 * DAY_MS + DAY_MS // 2


@dataclass
class Clock:
    now: int = NOON

    def __call__(self) -> int:
        return self.now


def rate(limit: int, amount: int = 1, *, rule: str = "rpm", floor: int | None = None,
         measure: Measure = "requests", window_ms: int = 60_000) -> Charge:  # fmt: skip
    """A sliding one-minute limit."""
    least = amount if floor is None else floor
    return Charge("rate", rule, f"rate:{rule}:", measure, amount, least, limit,
                  "sliding", window_ms)  # fmt: skip


def budget(limit: int, amount: int = 1, *, rule: str = "day", measure: Measure = "cost",
           audit_only: bool = False) -> Charge:  # fmt: skip
    """A budget per UTC day."""
    return Charge("budget", rule, f"budget:{rule}:", measure, amount, amount, limit,
                  "calendar", DAY_MS, audit_only)  # fmt: skip
