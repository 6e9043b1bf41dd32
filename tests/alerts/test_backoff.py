"""How long to wait between attempts."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.alerts.backoff import (
    ATTEMPTS,
    MOST_MS,
    REST_MS,
    REST_MS_MAX,
    rest_ms,
    retry_after_ms,
    wait_ms,
)

NOW_MS = 1_795_701_600_000


@given(st.integers(0, 1 << 30), st.integers(0, 40), st.integers(0, MOST_MS))
def test_waits_grow_and_are_bounded(seed: int, attempt: int, asked_ms: int) -> None:
    """P2, alerts: doubling with jitter; never less than the target asked for."""
    found = wait_ms(attempt, asked_ms, Random(seed))
    usual = min(MOST_MS, 1_000 << attempt)
    assert max(asked_ms, usual // 2) <= found <= max(asked_ms, usual)


def test_gateways_do_not_knock_together() -> None:
    """P2, alerts: chance spreads the attempts."""
    assert len({wait_ms(3, 0, Random(seed)) for seed in range(20)}) > 10
    assert ATTEMPTS > 2


def test_rests_double_up_to_four_hours() -> None:
    """P2, alerts: a wrong address is not asked for ever, nor given up on the first day."""
    assert [rest_ms(n, 0) // REST_MS for n in (1, 2, 3, 4)] == [1, 2, 4, 8]
    assert rest_ms(50, 0) == rest_ms(1, 10**12) == REST_MS_MAX
    assert rest_ms(1, REST_MS + 1) == REST_MS + 1


@pytest.mark.parametrize(
    ("header", "wanted_ms"),
    [(None, 0), ("", 0), ("7", 7_000), (" 7 ", 7_000), ("-7", 0), ("soon", 0), ("1.5", 0),
     ("Thu, 26 Nov 2026 14:02:00 GMT", 120_000), ("Thu, 26 Nov 2026 13:00:00 GMT", 0),
     ("9" * 60, REST_MS_MAX), ("9" * 5_000, 0), ("Fri, 31 Dec 9999 23:59:59 GMT", REST_MS_MAX)],
)  # fmt: skip
def test_retry_after_in_both_its_forms(header: str | None, wanted_ms: int) -> None:
    """P2, alerts: RFC 9110 10.2.3; nonsense counts as unsaid."""
    assert retry_after_ms(header, NOW_MS) == wanted_ms


@given(st.text(max_size=70))
def test_any_text_is_bounded(header: str) -> None:
    """P2, alerts: a header cannot stop the desk."""
    assert 0 <= retry_after_ms(header, NOW_MS) <= REST_MS_MAX
