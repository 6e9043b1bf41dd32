"""Questions to the log: filters, times, sums, tables."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.audit.query import Filter, look_up, parse_time, parse_where
from extproc.audit.table import columns, entry_cells, printable
from tests.audit.gateway import NOON, entry

ENTRY = entry(
    1,
    metadata={"project_id": "p1", "a.b": "dotted", "team": "shadow"},
    served={"model": "openai-main/gpt-4o-mini", "attempts": 1},
    plan=["x/y", "z/w"],
    decision={"outcome": "refused", "code": "budget_exceeded"},
)


@pytest.mark.parametrize(
    ("filter", "expected"),
    [
        (Filter(), True),
        (Filter(decision="d-1"), True),
        (Filter(decision="d-2"), False),
        (Filter(principal="support-bot", team="support-ai"), True),
        (Filter(team="shadow"), False),
        (Filter(model="prod/assistant"), True),
        (Filter(model="openai-main/*"), True),
        (Filter(model="anthropic-main/*"), False),
        (Filter(code="budget_exceeded", outcome="refused"), True),
        (Filter(code="overloaded"), False),
        (Filter(since_ms=NOON + 1, until_ms=NOON + 2), True),
        (Filter(since_ms=NOON + 2), False),
        (Filter(until_ms=NOON + 1), False),
        (Filter(where=(("metadata.project_id", "p1"), ("served.attempts", "1"))), True),
        (Filter(where=(("metadata.a.b", "dotted"), ("plan.1", "z/w"))), True),
        (Filter(where=(("metadata.nothing", "None"),)), False),
        (Filter(where=(("metadata", "p1"),)), False),
    ],
)
def test_all_parts_of_a_filter_must_match(filter: Filter, expected: bool) -> None:
    """Contract: `audit query`; a field that is not there matches nothing."""
    assert filter.matches(ENTRY) is expected


def test_an_entry_without_a_time_is_in_no_period() -> None:
    """P3: no guess where the time is missing."""
    assert not Filter(since_ms=0).matches({"decision_id": "d"})
    assert not Filter(until_ms=2**60).matches({"decision_id": "d", "at": "yesterday"})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90s", NOON - 90_000), ("1h", NOON - 3_600_000), ("7d", NOON - 604_800_000),
        ("2w", NOON - 1_209_600_000), ("2026-11-20T15:04:05.123Z", 1_795_187_045_123),
        ("2026-11-20T16:04:05.123+01:00", 1_795_187_045_123), ("1970-01-02", 86_400_000),
    ],
)  # fmt: skip
def test_times_are_read(text: str, expected: int) -> None:
    """Contract: `--since 1h|RFC3339`."""
    assert parse_time(text, NOON) == expected


@pytest.mark.parametrize("text", ["", "h", "1", "-1h", "1y", "tomorrow"])
def test_what_is_no_time_is_refused(text: str) -> None:
    """Contract: exit 2, not everything."""
    with pytest.raises(ValueError):
        parse_time(text, NOON)


def test_where_needs_key_and_value() -> None:
    """Contract: `--where key=value`; the value may hold '=' and be empty."""
    assert parse_where("a.b=c=d") == ("a.b", "c=d")
    assert parse_where("a=") == ("a", "")
    for text in ("a", "=b", ""):
        with pytest.raises(ValueError):
            parse_where(text)


@given(st.text(max_size=20))
def test_any_path_can_be_asked(path: str) -> None:
    """P3: a path that leads nowhere is None, never an error."""
    assert look_up(ENTRY, path) is None or path


def test_what_callers_wrote_cannot_drive_the_terminal() -> None:
    """P4: control characters of metadata and model names are not passed on."""
    row = entry_cells(entry(1, request={"model": "x\x1b[2J\nfake\u202erow"}))
    text = columns(["H"] * len(row), [row])
    assert text.count("\n") == 1 and text.replace("\n", "").isprintable()
    assert len(printable("x" * 999)) < 60
