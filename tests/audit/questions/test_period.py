"""Periods as people say them."""

from __future__ import annotations

import pytest

from extproc.audit.query import parse_time
from extproc.audit.questions.period import parse_period, said

NOW = parse_time("2026-02-10T12:00:00Z", 0)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("last-quarter", "2025-10-01", "2026-01-01"),
        ("last-month", "2026-01-01", "2026-02-01"),
        ("2026-Q4", "2026-10-01", "2027-01-01"),
        ("2026-12", "2026-12-01", "2027-01-01"),
        ("2026", "2026-01-01", "2027-01-01"),
    ],
)
def test_periods_are_whole_and_do_not_overlap(text: str, first: str, last: str) -> None:
    """Contract: the first moment belongs to it, the last does not; UTC."""
    assert parse_period(text, NOW) == (parse_time(first, 0), parse_time(last, 0))


def test_the_first_month_of_a_year_has_one_before_it() -> None:
    """Contract: last-month in January is December."""
    january = parse_time("2026-01-05", 0)
    assert parse_period("last-month", january)[0] == parse_time("2025-12-01", 0)
    assert said(*parse_period("2026-Q1", 0)) == "from 2026-01-01 to 2026-04-01 (exclusive), UTC"
    assert said(None, None) == "everything in the log"


@pytest.mark.parametrize("text", ["", "q3", "2026-Q5", "2026-13", "2026-00", "0000", "next-year"])
def test_what_is_no_period_is_refused(text: str) -> None:
    """Contract: exit 2, not everything."""
    with pytest.raises(ValueError, match="no period"):
        parse_period(text, NOW)
