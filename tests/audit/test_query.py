"""Questions to the log: filters, times, sums, tables."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.audit.event import event_entry
from extproc.audit.query import Condition, Filter, look_up, parse_time, parse_where
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
        (Filter(kind="call", record_class="refusal"), True),
        (Filter(kind="event"), False),
        (Filter(record_class="exchange"), False),
    ],
)
def test_all_parts_of_a_filter_must_match(filter: Filter, expected: bool) -> None:
    """Contract: `audit query`; a field that is not there matches nothing."""
    assert filter.matches(ENTRY) is expected


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (["metadata.project_id=p1", "served.attempts=1"], True),
        (["metadata.a.b=dotted", "plan.1=z/w"], True),
        (["metadata.nothing=None"], False),
        (["metadata=p1"], False),
        (["metadata.project_id!=p2"], True),
        (["metadata.project_id!=p1"], False),
        (["metadata.nothing!=p1"], False),
        (["usage.input_tokens>=11", "usage.input_tokens<12"], True),
        (["usage.input_tokens>9"], True),
        (["usage.input_tokens<=9.5"], False),
        (["at>=2026-11-20", "at<2026-11-21T00:00:00Z"], True),
        (["at<2026-11-20T13:00:00+01:00"], False),
        (["served.model~openai-main/*"], True),
        (["served.model~gpt*"], False),
        (["decision.code>a", "decision.code<c"], True),
    ],
)
def test_conditions_compare_numbers_times_and_text(where: list[str], expected: bool) -> None:
    """Contract: `--where` on any field; a field that is not there matches nothing."""
    assert Filter(where=tuple(map(parse_where, where))).matches(ENTRY) is expected


def test_who_did_it_is_a_principal_too() -> None:
    """Audit: `--principal` finds what a person did, and what its service called."""
    done = event_entry("key.create", event_id="1", at_ms=NOON, actor=("operator", "mei"))
    assert Filter(principal="mei", kind="event", record_class="admin").matches(done)
    assert not Filter(principal="ada").matches(done)


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
    assert parse_where("a.b=c=d") == Condition("a.b", "=", "c=d")
    assert parse_where("a=") == Condition("a", "=", "")
    assert parse_where("a>=1") == Condition("a", ">=", "1")
    assert parse_where("a~x*=<") == Condition("a", "~", "x*=<")
    for text in ("a", "=b", "", "~b"):
        with pytest.raises(ValueError):
            parse_where(text)


@given(st.text(max_size=20))
def test_any_path_can_be_asked(path: str) -> None:
    """P3: a path that leads nowhere is None, never an error."""
    assert look_up(ENTRY, path) is None or path


def test_an_event_shows_what_was_done_by_whom_to_what() -> None:
    """Audit: a row of the table, and of the CSV, says more of an event than that it is done."""
    happened = event_entry("key.revoke", event_id="e1", at_ms=0, actor=("operator", "mei"),
                           target="abc12345")  # fmt: skip
    row = entry_cells({**happened, "index": 7})
    assert row[3:8] == ["done", "key.revoke", "mei", "-", "abc12345"]


def test_a_team_that_metadata_names_is_shown_as_it_is_filtered() -> None:
    """Audit: who is found by `--team` is shown with that team."""
    nobodys = entry(1, principal={"name": "bot"}, metadata={"team": "ghost"})
    assert "ghost" in entry_cells(nobodys)


def test_what_callers_wrote_cannot_drive_the_terminal() -> None:
    """P4: control characters of metadata and model names are not passed on."""
    row = entry_cells(entry(1, request={"model": "x\x1b[2J\nfake\u202erow"}))
    text = columns(["H"] * len(row), [row])
    assert text.count("\n") == 1 and text.replace("\n", "").isprintable()
    assert len(printable("x" * 999)) < 60
