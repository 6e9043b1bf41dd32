"""Periods as people say them: `last-quarter`, `2026-Q3`, `2026-09`, `2026`. Pure; all UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_NAMED = re.compile(r"(\d{4})(?:-(?:Q([1-4])|(\d{2})))?")
FORMS = "last-quarter, last-month, 2026-Q3, 2026-09 or 2026"


def parse_period(text: str, now_ms: int) -> tuple[int, int]:
    """First millisecond, and the first one after; raises ValueError."""
    now = datetime.fromtimestamp(now_ms / 1000, UTC)
    if text == "last-quarter":
        return _months(now.year, (now.month - 1) // 3 * 3 - 2, 3)
    if text == "last-month":
        return _months(now.year, now.month - 1, 1)
    found = _NAMED.fullmatch(text)
    month = int(found[3]) if found and found[3] else 1
    if not found or not 1 <= month <= 12 or not 1970 <= int(found[1]) < 9999:
        raise ValueError(f"{text!r} is no period: {FORMS}")
    if found[2]:
        return _months(int(found[1]), int(found[2]) * 3 - 2, 3)
    return _months(int(found[1]), month, 1 if found[3] else 12)


def said(since_ms: int | None, until_ms: int | None) -> str:
    """A period for people."""
    if since_ms is None and until_ms is None:
        return "everything in the log"
    start = "the beginning" if since_ms is None else _text(since_ms)
    end = "now" if until_ms is None else f"{_text(until_ms)} (exclusive)"
    return f"from {start} to {end}, UTC"


def _months(year: int, month: int, count: int) -> tuple[int, int]:
    """`month` may lie outside 1 to 12."""
    return _first_of(year, month), _first_of(year, month + count)


def _first_of(year: int, month: int) -> int:
    years, rest = divmod(month - 1, 12)
    return int(datetime(year + years, rest + 1, 1, tzinfo=UTC).timestamp() * 1000)


def _text(at_ms: int) -> str:
    when = datetime.fromtimestamp(at_ms / 1000, UTC)
    whole = (when.hour, when.minute, when.second, when.microsecond) == (0, 0, 0, 0)
    return f"{when:%Y-%m-%d}" if whole else f"{when:%Y-%m-%d %H:%M:%S}"
