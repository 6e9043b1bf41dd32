"""Numbers, times and names as people read them."""

from __future__ import annotations

import unicodedata
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.alerts.message import facts, fields, sentence, title
from extproc.alerts.text import amount, clean, moment, percent, plain_number
from extproc.alerts.values import Due
from extproc.limits.values import NANO_USD
from tests.alerts.readings import alert


@given(st.integers(0, 2**53))
def test_money_is_exact(nano_usd: int) -> None:
    """P2, alerts: the text is the amount, to the last nano-USD."""
    shown = plain_number("cost", nano_usd)
    assert Decimal(shown) * NANO_USD == nano_usd
    assert len(shown.partition(".")[2]) >= 2


@pytest.mark.parametrize(
    ("measure", "number", "shown"),
    [("cost", 24_050_000_000, "24.05 USD"), ("cost", 1, "0.000000001 USD"),
     ("cost", 10**9, "1.00 USD"), ("tokens", 1_200_000, "1,200,000 tokens"),
     ("requests", 7, "7 requests")],
)  # fmt: skip
def test_amounts(measure: str, number: int, shown: str) -> None:
    """P2, alerts: amounts carry their unit."""
    assert amount(measure, number) == shown  # type: ignore[arg-type]


@given(st.integers(0, 10**15), st.integers(1, 10**15))
def test_a_hundred_percent_never_shows_too_early(spent: int, limit: int) -> None:
    """P2, alerts: 99.99 % is not a budget that is used up."""
    assert (Decimal(percent(spent, limit)) >= 100) == (spent >= limit)


def test_moments_are_in_the_budgets_zone() -> None:
    """P2, alerts: the weekday of the people who pay, winter time and all."""
    at_ms = 1_795_701_600_000
    assert moment(at_ms, "UTC") == "Thursday 2026-11-26 14:00 UTC"
    assert moment(at_ms, "Pacific/Auckland") == "Friday 2026-11-27 03:00 Pacific/Auckland"


@given(st.text(max_size=400))
def test_names_are_one_short_visible_line(name: str) -> None:
    """P4, alerts: a caller's metadata cannot break a line, a header or the direction of text."""
    shown = clean(name)
    assert len(shown) <= 160
    assert not any(unicodedata.category(c)[0] == "C" or c in "\u2028\u2029" for c in shown)


def test_a_message_says_it_all() -> None:
    """P2, alerts: rule, counter, percent, spent, limit, window, forecast."""
    told = alert(spent_usd=76.5, exhausted_ms=1_795_701_600_000, audit_only=True,
                 soft_limit=50 * NANO_USD)  # fmt: skip
    assert title(told) == "Budget team-month: 75 % spent"
    assert facts(told) == (
        ("Rule", "team-month"),
        ("Counter", "alice@example.com"),
        ("Spent", "76.50 USD (76.5 %)"),
        ("Limit", "100.00 USD"),
        ("Soft limit", "50.00 USD"),
        ("Window", "month 2026-11, ends Tuesday 2026-12-01 00:00 UTC"),
        ("Forecast", "at this rate exhausted on Thursday 2026-11-26 14:00 UTC"),
        ("Note", "audit mode: nothing is refused"),
        ("Environment", "production"),
    )
    assert sentence(told).startswith("Budget team-month: 75 % spent. Rule: team-month; ")


@pytest.mark.parametrize(
    ("due", "shown"),
    [(Due("soft_limit"), "soft limit passed"), (Due("threshold", 99.5), "99.5 % spent"),
     (Due("forecast"), "will be used up before its window ends")],
)  # fmt: skip
def test_titles(due: Due, shown: str) -> None:
    """P2, alerts: each kind by its name."""
    assert title(alert(due)) == f"Budget team-month: {shown}"


def test_fields_for_programs_hold_no_floats() -> None:
    """P2, alerts: money travels as decimal text, times as RFC 3339."""
    told = fields(alert(spent_usd=0.1 + 0.2))
    assert (told["spent"], told["limit"], told["unit"]) == ("0.30", "100.00", "USD")
    assert told["at"] == "2026-11-16T00:00:00Z"
    assert told["window_ends_at"] == "2026-12-01T00:00:00Z"
    assert told["exhausted_at"] is told["soft_limit"] is None
    assert fields(alert(limit=-1))["percent"] is None


def test_windows_without_end() -> None:
    """P2, alerts: a rolling window and a total have no end to name."""
    rolling = dict(facts(alert(shape="sliding", window="1h", window_id="")))
    total = dict(facts(alert(window="total", window_id="total")))
    assert (rolling["Window"], total["Window"]) == ("the last 1h", "total, without end")
    assert fields(alert(window="total", window_id="total"))["window_ends_at"] is None
