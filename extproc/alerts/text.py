"""Numbers, times and names as people read them. Pure.

Money is exact: integer nano-USD, never a float. Names may come from callers: they are cut and lose
everything that is not a visible character (line ends, control and direction characters).
"""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from extproc.limits.values import NANO_USD, Measure

NAME_CHARS_MAX = 160
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def clean(text: str, chars_max: int = NAME_CHARS_MAX) -> str:
    """One line of visible characters; what is cut shows as `…`."""
    kept = "".join("?" if _hidden(c) else c for c in text[: chars_max + 1])
    return kept if len(kept) <= chars_max else kept[: chars_max - 1] + "…"


def _hidden(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def plain_number(measure: Measure, amount: int) -> str:
    """Exact: USD with at least two decimals (`24.05`, `0.000000001`), else a whole number."""
    if measure != "cost":
        return str(amount)
    whole, nano = divmod(amount, NANO_USD)
    decimals = f"{nano:09d}".rstrip("0")
    return f"{whole}.{decimals:0<2}"


def unit(measure: Measure) -> str:
    return "USD" if measure == "cost" else measure


def amount(measure: Measure, number: int) -> str:
    """`24.05 USD`, `1,200,000 tokens`."""
    shown = plain_number(measure, number) if measure == "cost" else f"{number:,}"
    return f"{shown} {unit(measure)}"


def percent(spent: int, limit: int) -> str:
    """One decimal, rounded down: 100.0 never shows before the limit is reached."""
    if limit <= 0:
        return "100.0" if spent > 0 else "0.0"
    tenths = spent * 1000 // limit
    return f"{tenths // 10}.{tenths % 10}"


def moment(at_ms: int, zone: str) -> str:
    """`Thursday 2026-11-26 14:00 UTC`, in the time of `zone` (IANA name)."""
    at = datetime.fromtimestamp(at_ms // 1000, ZoneInfo(zone))
    return f"{DAYS[at.weekday()]} {at:%Y-%m-%d %H:%M} {zone}"


def instant(at_ms: int) -> str:
    """RFC 3339 in UTC, for programs."""
    return f"{datetime.fromtimestamp(at_ms // 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"
