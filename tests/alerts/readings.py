"""Readings as the ledger gives them: a budget of 100 USD for November 2026, unless said."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from extproc.alerts.values import Alert, Due
from extproc.limits.values import NANO_USD, CounterReading
from extproc.limits.window import calendar

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
MONTH = calendar("month")
SPAN = MONTH.span(1_795_000_000_000)
MIDDLE_MS = (SPAN.start_ms + SPAN.end_ms) // 2
WHOLE = CounterReading(
    rule_id="team-month", kind="budget", counter="budget:team-month:alice@example.com",
    measure="cost", shape="calendar", window="month", window_id=SPAN.id, limit=100 * NANO_USD,
    spent=0, reserved=0, reset_ms=SPAN.end_ms - MIDDLE_MS, elapsed_ms=MIDDLE_MS - SPAN.start_ms,
)  # fmt: skip


def reading(spent_usd: float = 0, now_ms: int = MIDDLE_MS, **more: Any) -> CounterReading:
    """At `now_ms` of that month."""
    moved = {"elapsed_ms": now_ms - SPAN.start_ms, "reset_ms": SPAN.end_ms - now_ms}
    return replace(WHOLE, spent=round(spent_usd * NANO_USD), **{**moved, **more})


def tokens(spent: int, *, of: int, **more: Any) -> CounterReading:
    return replace(reading(measure="tokens", limit=of, **more), spent=spent)


def rolling(spent: int, width: str = "1h", **more: Any) -> CounterReading:
    """A budget of 100 tokens in the last `width`."""
    return tokens(spent, of=100, shape="sliding", window=width, window_id="", elapsed_ms=0,
                  reset_ms=60_000, **more)  # fmt: skip


def alert(due: Due | None = None, **more: Any) -> Alert:
    """75 % of it passed, unless said."""
    due = due or Due("threshold", 75)
    at_ms = more.pop("at_ms", MIDDLE_MS)
    exhausted_ms = more.pop("exhausted_ms", None)
    zone = more.pop("zone", "UTC")
    return Alert(due, reading(more.pop("spent_usd", 76.5), at_ms, **more), at_ms, zone,
                 "production", exhausted_ms)  # fmt: skip
