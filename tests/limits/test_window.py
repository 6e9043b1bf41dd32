"""Windows: calendar spans in any zone, rolling durations, and what is in flight (P2)."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from extproc.limits.values import Span
from extproc.limits.window import (
    ALIGNED,
    TOTAL,
    WIDTH_MS,
    Calendar,
    Flight,
    Period,
    Sliding,
    calendar,
    rolling,
)

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
PERIODS: tuple[Period, ...] = ("hour", "day", "week", "month", "quarter", "year")
TROUBLED = (
    "UTC", "America/New_York", "Australia/Lord_Howe", "Antarctica/Troll", "America/St_Johns",
    "Pacific/Apia", "Asia/Pyongyang", "Asia/Kathmandu", "Africa/Casablanca", "America/Caracas",
    "Africa/Cairo", "Asia/Beirut", "America/Asuncion", "Pacific/Chatham", "Europe/Dublin",
)  # fmt: skip
ZONES = st.sampled_from(TROUBLED) | st.sampled_from(sorted(available_timezones()))
INSTANTS = st.integers(  # 2000 to 2100
    min_value=946_684_800_000, max_value=4_102_444_800_000
)


def instant(zone: str, *wall: int, fold: int = 0) -> int:
    return int(datetime(*wall, tzinfo=ZoneInfo(zone), fold=fold).timestamp()) * 1000  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(
    ("period", "wall", "span_id", "first", "after"),
    [
        ("hour", (2026, 11, 21, 13, 5), "2026-11-21T13", (2026, 11, 21, 13), (2026, 11, 21, 14)),
        ("day", (2026, 11, 21, 13), "2026-11-21", (2026, 11, 21), (2026, 11, 22)),
        ("week", (2026, 11, 21), "2026-W47", (2026, 11, 16), (2026, 11, 23)),
        ("week", (2027, 1, 1), "2026-W53", (2026, 12, 28), (2027, 1, 4)),
        ("week", (2024, 12, 30), "2025-W01", (2024, 12, 30), (2025, 1, 6)),
        ("month", (2026, 11, 21), "2026-11", (2026, 11, 1), (2026, 12, 1)),
        ("month", (2028, 2, 29), "2028-02", (2028, 2, 1), (2028, 3, 1)),
        ("month", (2026, 12, 31), "2026-12", (2026, 12, 1), (2027, 1, 1)),
        ("quarter", (2026, 11, 21), "2026-Q4", (2026, 10, 1), (2027, 1, 1)),
        ("quarter", (2026, 3, 31), "2026-Q1", (2026, 1, 1), (2026, 4, 1)),
        ("year", (2026, 11, 21), "2026", (2026, 1, 1), (2027, 1, 1)),
    ],
)
@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu"])
def test_spans_are_those_of_the_wall_calendar(
    period: Period, wall: tuple[int, ...], span_id: str, first: tuple[int, ...],
    after: tuple[int, ...], zone: str,
) -> None:  # fmt: skip
    """Contract: calendar windows follow the named zone; weeks are ISO weeks from Monday."""
    window = Calendar(period, zone)
    start = instant(zone, *(first if len(first) > 3 else (*first, 0)))
    end = instant(zone, *(after if len(after) > 3 else (*after, 0)))
    assert window.span(instant(zone, *wall, *([0] if len(wall) == 3 else []))) == Span(
        span_id, start, end
    )
    assert (window.label, window.shape, window.width_ms) == (period, "calendar", WIDTH_MS[period])


@given(ZONES, st.sampled_from(PERIODS), INSTANTS)
@example("Pacific/Apia", "day", 1_325_190_000_000)  # 2011-12-30 never was
@example("America/St_Johns", "day", 1_257_044_400_000)  # 2009: back from 00:01 to the day before
@example("Antarctica/Troll", "hour", 1_792_890_000_000)  # two hours repeat
def test_spans_tile_time(zone: str, period: Period, now: int) -> None:
    """P2: every moment is in exactly one span: no gap lets spend escape, no overlap counts twice.

    Any millisecond of a span gives that span, and the next one starts where it ends.
    """
    span = Calendar(period, zone).span(now)
    assert span.start_ms <= now < span.end_ms
    for inside in (span.start_ms, (span.start_ms + span.end_ms) // 2, span.end_ms - 1):
        assert Calendar(period, zone).span(inside) == span
    following = Calendar(period, zone).span(span.end_ms)
    assert following.start_ms == span.end_ms
    assert following.id > span.id
    assert abs(span.end_ms - span.start_ms - WIDTH_MS[period]) <= 3 * DAY_MS


@pytest.mark.parametrize("zone", TROUBLED)
@pytest.mark.parametrize("period", ["hour", "day", "week"])
def test_ids_never_repeat_and_follow_time(zone: str, period: Period) -> None:
    """P2: over years of clock changes no id comes twice, and ids sort as time runs."""
    window = Calendar(period, zone)
    now, end = instant("UTC", 2026, 1, 1), instant("UTC", 2027 if period == "hour" else 2036, 1, 1)
    ids = []
    while now < end:
        span = window.span(now)
        ids.append(span.id)
        now = span.end_ms
    assert ids == sorted(set(ids))


@settings(max_examples=50)
@given(ZONES, INSTANTS)
def test_no_hour_is_longer_than_an_hour(zone: str, now: int) -> None:
    """P2: where the clock goes back, the hour that comes twice is two windows."""
    span = Calendar("hour", zone).span(now)
    assert span.end_ms - span.start_ms <= HOUR_MS


def test_the_repeated_hour_has_an_id_of_its_own() -> None:
    """P2: 01:30 before and after the clock goes back are an hour apart, in two windows."""
    window, zone = Calendar("hour", "America/New_York"), "America/New_York"
    first = window.span(instant(zone, 2026, 11, 1, 1, 30))
    second = window.span(instant(zone, 2026, 11, 1, 1, 30, fold=1))
    assert (first.id, second.id) == ("2026-11-01T01", "2026-11-01T01b")
    assert second.start_ms - first.start_ms == HOUR_MS
    assert window.span(second.end_ms).id == "2026-11-01T02"


@pytest.mark.parametrize(
    ("zone", "wall", "span_id", "hours"),
    [
        ("Europe/Berlin", (2026, 3, 29, 12), "2026-03-29", 23),
        ("Europe/Berlin", (2026, 10, 25, 12), "2026-10-25", 25),
        ("Australia/Lord_Howe", (2026, 4, 5, 12), "2026-04-05", 24.5),
        ("Africa/Cairo", (2026, 4, 24, 12), "2026-04-24", 23),  # midnight itself is skipped
        ("Pacific/Apia", (2011, 12, 29, 12), "2011-12-29", 24),  # the 30th never was
        ("Pacific/Apia", (2011, 12, 31, 12), "2011-12-31", 24),
    ],
)
def test_days_are_as_long_as_the_zone_says(
    zone: str, wall: tuple[int, ...], span_id: str, hours: float
) -> None:
    """Contract: a day ends at the zone's midnight, whatever its clocks did."""
    span = Calendar("day", zone).span(instant(zone, *wall))
    assert (span.id, (span.end_ms - span.start_ms) / HOUR_MS) == (span_id, hours)


def test_total_never_ends() -> None:
    """Contract: `*_total` is one span, from the first moment to the last."""
    for now in (0, 1_795_000_000_000, TOTAL.end_ms - 1):
        assert Calendar("total", "Europe/Berlin").span(now) == Span("total", 0, 253402300800000)


def test_the_running_span_is_kept() -> None:
    """P8: while now stays in the span the very same value is returned."""
    window = calendar("day", "Europe/Berlin")
    now = instant("Europe/Berlin", 2026, 11, 21, 13)
    assert window.span(now) is window.span(now + HOUR_MS)
    assert calendar("day", "Europe/Berlin") is window
    assert window.span(now + DAY_MS).id == "2026-11-22"
    assert window.span(now).id == "2026-11-21"  # a clock that went back


@pytest.mark.parametrize(
    ("duration", "width_ms"),
    [
        ("5m", 300_000), ("1h", HOUR_MS), ("36h", 36 * HOUR_MS), ("1d", DAY_MS),
        ("1w", 7 * DAY_MS), ("1M", 30 * DAY_MS), ("1Q", 90 * DAY_MS), ("1Y", 365 * DAY_MS),
    ],
)  # fmt: skip
def test_rolling_durations(duration: str, width_ms: int) -> None:
    """Contract: `m` minutes, `M` 30 days, `Q` 90, `Y` 365; the text itself is the label."""
    window = rolling(duration)
    assert (window.label, window.width_ms, window.shape) == (duration, width_ms, "sliding")
    assert window.label.isalnum()


def test_only_calendar_windows_have_spans() -> None:
    """P2: asking anything else for a span is a mistake of the program, never an empty window."""
    for window in (Sliding("minute", 60_000), Flight()):
        with pytest.raises(TypeError):
            window.span(0)
    assert (Flight().label, Flight().shape, Flight().width_ms) == ("flight", "flight", 0)
    assert set(ALIGNED.values()) == set(PERIODS)
