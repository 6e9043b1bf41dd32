"""Counters as an operator reads them: which of them, in which order, as rows. Pure.

Promises: the fullest comes first; what is left out is counted. Money is in USD, in JSON in integer
nano-USD too; -1 means there is no limit.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from extproc.audit.spend import usd
from extproc.audit.table import columns
from extproc.limits.fullness import fullness, percent
from extproc.limits.values import NANO_USD, CounterReading, Kind

LEFT_COLUMNS = ("RULE", "COUNTER", "UNIT", "WINDOW")
RIGHT_COLUMNS = ("LIMIT", "SOFT", "USED", "RESERVED", "LEFT", "FULL", "RESETS IN")
_DAY_S, _HOUR_S, _MINUTE_S = 86_400, 3_600, 60
_LATEST_MS = 253_402_300_799_999
"""The last instant that RFC 3339 can write; `*_total` never resets."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which counters. None: all. `over_percent`: at least so full; one without a limit is not."""

    rules: Collection[str] = ()
    kind: Kind | None = None
    over_percent: float | None = None

    def holds(self, reading: CounterReading) -> bool:
        if self.rules and reading.rule_id not in self.rules:
            return False
        if self.kind is not None and reading.kind != self.kind:
            return False
        if self.over_percent is None:
            return True
        full = percent(reading)
        return full is not None and full >= self.over_percent


def choose(
    readings: Iterable[CounterReading], wanted: Wanted, top: int | None
) -> tuple[list[CounterReading], int]:
    """The `top` fullest of the wanted ones (None: all), and how many more there are."""
    found = [reading for reading in readings if wanted.holds(reading)]
    if top is None or top >= len(found):
        return sorted(found, key=_order), 0
    return heapq.nsmallest(top, found, key=_order), len(found) - top


def _order(reading: CounterReading) -> tuple[Any, ...]:
    full, gone = fullness(reading)
    return -full, -gone, reading.kind, reading.rule_id, reading.counter, reading.measure


# --- for programs ------------------------------------------------------------------------------


def as_json(reading: CounterReading, now_ms: int, touched: bool = True) -> dict[str, Any]:
    """One counter. Amounts are in the rule's own unit (USD for cost).

    `percent_used`: used and reserved together; null without a limit. `resets_at`: null where
    nothing resets by time. `touched`: false for a rule that has no counter yet.
    """
    return {
        "rule_id": reading.rule_id, "kind": reading.kind, "counter": reading.counter,
        "unit": reading.unit, "shape": reading.shape, "window": reading.window,
        "window_id": reading.window_id, **_amounts(reading), "percent_used": percent(reading),
        "audit_mode": reading.audit_only, "resets_in_ms": reading.reset_ms,
        "resets_at": resets_at(reading, now_ms), "touched": touched,
    }  # fmt: skip


def _amounts(reading: CounterReading) -> dict[str, Any]:
    amounts = {"limit": reading.limit, "soft_limit": reading.soft_limit, "used": reading.spent,
               "reserved": reading.reserved, "left": reading.left}  # fmt: skip
    if reading.measure != "cost":
        return amounts
    shown = {name: float(Decimal(n) / NANO_USD) if n >= 0 else -1 for name, n in amounts.items()}
    return shown | {f"{name}_nano_usd": n for name, n in amounts.items()}


def resets_at(reading: CounterReading, now_ms: int) -> str | None:
    """RFC 3339, UTC, seconds (rounded up: not before there is room); None = never by time."""
    at_ms = now_ms + reading.reset_ms
    if reading.reset_ms <= 0 or at_ms > _LATEST_MS - 1_000 or reading.window == "total":
        return None
    return datetime.fromtimestamp(-(-at_ms // 1000), UTC).isoformat().replace("+00:00", "Z")


# --- for people --------------------------------------------------------------------------------


def table(readings: list[CounterReading]) -> str:
    """Aligned columns; the soft limit has one only where a rule has one."""
    soft = any(reading.soft_limit >= 0 for reading in readings)
    right = [name for name in RIGHT_COLUMNS if soft or name != "SOFT"]
    rows = [_row(reading, soft) for reading in readings]
    return columns((*LEFT_COLUMNS, *right), rows, right=len(right))


def _row(reading: CounterReading, soft: bool) -> list[str]:
    name = reading.rule_id + (" (audit)" if reading.audit_only else "")
    full = percent(reading)
    limits = (reading.limit, reading.soft_limit) if soft else (reading.limit,)
    numbers = (*limits, reading.spent, reading.reserved, reading.left)
    return [
        name,
        reading.counter.split(":", 2)[2] or "-",
        reading.unit,
        reading.window_id or "-",
        *(_amount(reading, number) for number in numbers),
        "-" if full is None else f"{full:g} %",
        _resets_in(reading),
    ]


def _amount(reading: CounterReading, number: int) -> str:
    if number < 0:
        return "none"
    if reading.measure != "cost":
        return f"{number:,}"
    whole, _, digits = usd(number).partition(".")
    return f"${int(whole):,}.{digits}"


def _resets_in(reading: CounterReading) -> str:
    if reading.shape == "flight":
        return "-"
    if reading.window == "total":
        return "never"
    seconds = -(-reading.reset_ms // 1000)
    if seconds >= _DAY_S:
        return f"{seconds // _DAY_S} d {seconds % _DAY_S // _HOUR_S} h"
    if seconds >= _HOUR_S:
        return f"{seconds // _HOUR_S} h {seconds % _HOUR_S // _MINUTE_S} min"
    return f"{seconds // _MINUTE_S} min" if seconds >= 600 else f"{seconds} s"
