"""Over what time a counter counts: rolling, calendar, or only while a call is in flight.

Promises: the spans of a calendar window tile time without gap or overlap, in any zone, also where
clocks change or a whole day is skipped; their ids are local labels that stay as they are when the
zone's offset is revised, never repeat, and sort in the order of time. Refuses nothing itself.

A span begins at the first instant at which the local clock has reached its label. Where the clock
goes back the label stays; only hours are cut again there, and get ids of their own
(`2026-11-01T01`, `2026-11-01T01b`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Literal
from zoneinfo import ZoneInfo

from extproc.limits.values import Span

HOUR_S = 3_600
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
TOTAL = Span("total", 0, 253_402_300_800_000)
"""All of time, up to the year 10000."""

Period = Literal["hour", "day", "week", "month", "quarter", "year", "total"]
WIDTH_MS: dict[Period, int] = {
    "hour": HOUR_MS, "day": DAY_MS, "week": 7 * DAY_MS, "month": 30 * DAY_MS,
    "quarter": 90 * DAY_MS, "year": 365 * DAY_MS, "total": TOTAL.end_ms,
}  # fmt: skip
UNIT_MS = {
    "m": 60_000, "h": HOUR_MS, "d": DAY_MS, "w": 7 * DAY_MS,
    "M": 30 * DAY_MS, "Q": 90 * DAY_MS, "Y": 365 * DAY_MS,
}  # fmt: skip
ALIGNED: dict[str, Period] = {
    "1h": "hour", "1d": "day", "1w": "week", "1M": "month", "1Q": "quarter", "1Y": "year",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sliding:
    """The last `width_ms`, at any moment."""

    label: str
    width_ms: int
    shape: Literal["sliding"] = field(default="sliding", init=False)

    def span(self, now_ms: int) -> Span:
        raise TypeError("a sliding window has no spans")


@dataclass(frozen=True, slots=True)
class Flight:
    """No time at all: what is open right now."""

    label: str = field(default="flight", init=False)
    width_ms: int = field(default=0, init=False)
    shape: Literal["flight"] = field(default="flight", init=False)

    def span(self, now_ms: int) -> Span:
        raise TypeError("what is in flight has no spans")


@dataclass(frozen=True, slots=True)
class Calendar:
    """One span after the other, in the time of `zone` (IANA name). `label` is the period."""

    label: Period
    zone: str = "UTC"
    shape: Literal["calendar"] = field(default="calendar", init=False)
    _zone: ZoneInfo = field(init=False, repr=False, compare=False)
    _seen: list[Span] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_zone", ZoneInfo(self.zone))  # an unknown zone fails here
        object.__setattr__(self, "_seen", [TOTAL if self.label == "total" else Span("", 0, 0)])

    @property
    def width_ms(self) -> int:
        return WIDTH_MS[self.label]

    def span(self, now_ms: int) -> Span:
        """Hot path: nearly every call falls in the span that the last one fell in."""
        seen = self._seen[0]
        if not seen.start_ms <= now_ms < seen.end_ms:
            seen = self._seen[0] = _span(self.label, self._zone, now_ms // 1000)
        return seen


@lru_cache(maxsize=1_024)
def calendar(period: Period, zone: str = "UTC") -> Calendar:
    """The same window for the same words, so that rules share its cached span."""
    return Calendar(period, zone)


def rolling(duration: str) -> Sliding:
    """`duration` as the configuration writes it: `5m`, `1h`, `1M` (30 days), `1Q` (90 days)."""
    return Sliding(duration, int(duration[:-1]) * UNIT_MS[duration[-1]])


# --- spans, in whole seconds of Unix time ------------------------------------------------------


def _span(period: Period, zone: ZoneInfo, now: int) -> Span:
    begin = _floor(period, _wall(zone, now))
    after = _next(period, begin)
    while _reached(zone, after) <= now:  # the clock went back, or a whole period was skipped
        begin, after = after, _next(period, after)
    start, end = _reached(zone, begin), _reached(zone, after)
    if period == "hour" and end - start > HOUR_S:
        return _cut_hour(zone, begin, start, end, now)
    return Span(_label(period, begin), start * 1000, end * 1000)


def _floor(period: Period, wall: datetime) -> datetime:
    hour = wall.replace(minute=0, second=0, microsecond=0)
    day = hour.replace(hour=0)
    match period:
        case "hour":
            return hour
        case "day":
            return day
        case "week":
            return day - timedelta(days=day.weekday())
        case "month":
            return day.replace(day=1)
        case "quarter":
            return day.replace(day=1, month=day.month - (day.month - 1) % 3)
        case _:
            return day.replace(day=1, month=1)


def _next(period: Period, begin: datetime) -> datetime:
    match period:
        case "hour":
            return begin + timedelta(hours=1)
        case "day":
            return begin + timedelta(days=1)
        case "week":
            return begin + timedelta(days=7)
        case _:
            return _floor(period, begin + timedelta(milliseconds=WIDTH_MS[period] * 1.1))


def _label(period: Period, begin: datetime) -> str:
    match period:
        case "hour":
            return f"{begin:%Y-%m-%dT%H}"
        case "day":
            return f"{begin:%Y-%m-%d}"
        case "week":
            return f"{begin:%G-W%V}"
        case "month":
            return f"{begin:%Y-%m}"
        case "quarter":
            return f"{begin:%Y}-Q{(begin.month + 2) // 3}"
        case _:
            return f"{begin:%Y}"


def _wall(zone: ZoneInfo, instant: int) -> datetime:
    """What a clock on the wall shows, without its zone."""
    return datetime.fromtimestamp(instant, zone).replace(tzinfo=None, fold=0)


def _offset(zone: ZoneInfo, instant: int) -> int:
    offset = datetime.fromtimestamp(instant, zone).utcoffset()
    assert offset is not None
    return int(offset.total_seconds())


def _reached(zone: ZoneInfo, wall: datetime) -> int:
    """The first instant at which the clock on the wall shows `wall` or later.

    Of a time shown twice the first (PEP 495, `fold=0`); for one never shown, the jump over it.
    """
    late = int(wall.replace(tzinfo=zone, fold=0).timestamp())
    if _wall(zone, late) == wall:
        return late
    return _jump(zone, int(wall.replace(tzinfo=zone, fold=1).timestamp()), late)


def _jump(zone: ZoneInfo, before: int, after: int) -> int:
    """The first instant in (before, after] that has the offset of `after`."""
    offset = _offset(zone, before)
    while after - before > 1:
        middle = (before + after) // 2
        if _offset(zone, middle) == offset:
            before = middle
        else:
            after = middle
    return after


def _cut_hour(zone: ZoneInfo, begin: datetime, start: int, end: int, now: int) -> Span:
    """The clock went back: cut where it did and at each full hour, so that none is long."""
    cuts = [start]
    while cuts[-1] < end:
        at = cuts[-1]
        full = min(end, at + HOUR_S - (at + _offset(zone, at)) % HOUR_S)
        went_back = _offset(zone, full - 1) != _offset(zone, at)
        cuts.append(_jump(zone, at, full - 1) if went_back else full)
    part, (first, last) = next((n, c) for n, c in enumerate(pairwise(cuts)) if now < c[1])
    suffix = chr(ord("a") + part) if part else ""
    return Span(_label("hour", begin) + suffix, first * 1000, last * 1000)
