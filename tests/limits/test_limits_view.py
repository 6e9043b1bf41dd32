"""Which counters an operator is shown, in which order, and what is said of each."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.cli.limits_view import Wanted, as_json, choose, resets_at, table
from extproc.limits.fullness import percent, share
from extproc.limits.values import CounterReading
from tests.limits.shown import shown

NOON_MS = 1_795_176_000_000  # 2026-11-20T12:00:00Z
EVERYTHING = Wanted()
COUNTERS = st.builds(
    shown, st.sampled_from("abc"), st.integers(0, 2_000), st.integers(-1, 1_500),
    reserved=st.integers(0, 500), kind=st.sampled_from(["rate", "budget"]),
    counter=st.text("xyz", min_size=1, max_size=3).map("budget:a:{}".format),
)  # fmt: skip


@given(st.lists(COUNTERS, max_size=30), st.integers(1, 10))
def test_the_fullest_come_first_and_none_is_lost(found: list[CounterReading], top: int) -> None:
    """Contract 1, `envelope limits`: N of them are the N fullest; the others are counted."""
    chosen, hidden = choose(found, EVERYTHING, top)
    assert len(chosen) + hidden == len(found)
    assert [share(r) for r in chosen] == sorted((share(r) for r in found), reverse=True)[:top]
    assert choose(found, EVERYTHING, None) == (choose(found, EVERYTHING, len(found) + 1)[0], 0)


@given(COUNTERS, st.floats(0, 150))
def test_over_is_at_least_so_full(reading: CounterReading, over: float) -> None:
    """P2: the line is drawn at the shown percentage; what has no limit is never over it."""
    full = percent(reading)
    assert Wanted(over_percent=over).holds(reading) == (full is not None and full >= over)
    assert (full is None) == (reading.limit < 0)


@pytest.mark.parametrize(
    ("spent", "limit", "expected"),
    [(0, 10, 0.0), (999_999, 1_000_000, 99.99), (10, 10, 100.0), (25, 10, 250.0), (0, 0, 100.0),
     (7, -1, None), (1, 3, 33.33)],
)  # fmt: skip
def test_percent_is_rounded_down(spent: int, limit: int, expected: float | None) -> None:
    """P2: 100 means that there is no room, never almost none; a limit of zero has none."""
    assert percent(shown(spent=spent, limit=limit)) == expected


def test_what_is_reserved_counts_as_gone() -> None:
    """P2: the next call is refused for what is reserved as for what is spent."""
    assert percent(shown(spent=30, reserved=20, limit=100)) == 50


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Wanted(rules=["rpm"]), ["rpm"]),
        (Wanted(rules=["rpm", "day"]), ["day", "rpm"]),
        (Wanted(kind="concurrency"), ["parallel"]),
        (Wanted(kind="budget", rules=["rpm"]), []),
        (Wanted(over_percent=50), ["day"]),
    ],
)
def test_filters_are_anded(wanted: Wanted, expected: list[str]) -> None:
    """Contract 1, `envelope limits --rule --kind --over`."""
    found = [
        shown("rpm", 1, kind="rate"), shown("day", 900),
        shown("parallel", kind="concurrency", shape="flight"),
    ]  # fmt: skip
    assert [r.rule_id for r in choose(found, wanted, None)[0]] == expected


def test_json_says_all_that_is_known() -> None:
    """Contract 1, `envelope limits --json`: money in USD and in nano-USD, times in RFC 3339."""
    reading = shown("day", 1_500_000_000, 2_000_000_000, measure="cost", soft_limit=10**9,
                    reserved=100_000_000)  # fmt: skip
    assert as_json(reading, NOON_MS, touched=False) == {
        "rule_id": "day", "kind": "budget", "counter": "budget:day:", "unit": "cost_per_month",
        "shape": "calendar", "window": "month", "window_id": "2026-11", "limit": 2.0,
        "soft_limit": 1.0, "used": 1.5, "reserved": 0.1, "left": 0.4,
        "limit_nano_usd": 2_000_000_000, "soft_limit_nano_usd": 1_000_000_000,
        "used_nano_usd": 1_500_000_000, "reserved_nano_usd": 100_000_000,
        "left_nano_usd": 400_000_000, "percent_used": 80.0, "audit_mode": False,
        "resets_in_ms": 3_600_000, "resets_at": "2026-11-20T13:00:00Z", "touched": False,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"reset_ms": 1}, "2026-11-20T12:00:01Z"),
        ({"shape": "flight", "kind": "concurrency", "reset_ms": 0}, None),
        ({"window": "total", "reset_ms": 253_402_300_800_000 - NOON_MS}, None),
        ({"reset_ms": 2**60}, None),
    ],
)
def test_resets_at_is_never_too_early(more: dict[str, Any], expected: str | None) -> None:
    """P2: whoever comes back at that second finds room; what never resets has no time."""
    assert resets_at(shown(**more), NOON_MS) == expected


def test_table_is_for_people() -> None:
    """Contract 1, `envelope limits`: units as configured, digit groups, times a person can read."""
    lines = table([
        shown("day", 1_234_567_890_000, 2 * 10**12, measure="cost", reset_ms=90_000_000),
        shown("all", 12_345, -1, window="total", window_id="total"),
        shown("slots", kind="concurrency", shape="flight", measure="slots", window="flight",
              window_id="", reserved=3, limit=4, reset_ms=0),
        shown("rpm", 5, 10, kind="rate", shape="sliding", window="minute", window_id="",
              reset_ms=59_100, audit_only=True),
    ]).splitlines()  # fmt: skip
    assert [" ".join(line.split()) for line in lines] == [
        "RULE COUNTER UNIT WINDOW LIMIT USED RESERVED LEFT FULL RESETS IN",
        "day - cost_per_month 2026-11 $2,000.00 $1,234.56789 $0.00 $765.43211 61.72 % 1 d 1 h",
        "all - tokens_total total none 12,345 0 none - never",
        "slots - concurrent_requests - 4 0 3 1 75 % -",
        "rpm (audit) - tokens_per_minute - 10 5 0 5 50 % 60 s",
    ]


def test_soft_limit_has_a_column_where_there_is_one() -> None:
    """Contract 1, `envelope limits`: the soft limit is shown beside the hard one."""
    header, first, second = table([shown(soft_limit=800), shown("b")]).splitlines()
    assert header.split()[4:6] == ["LIMIT", "SOFT"]
    assert (first.split()[4:6], second.split()[4:6]) == (["1,000", "800"], ["1,000", "none"])
