"""When a limit will be used up: two horizons that must agree."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.alerts.forecast import SLOTS, History, can_forecast, exhausted_ms, horizon_ms
from extproc.limits.values import NANO_USD
from tests.alerts.readings import DAY_MS, HOUR_MS, MIDDLE_MS, SPAN, reading, rolling

MINUTE_MS = 60_000
Spent = Callable[[int], float]


def forecast(spent_usd_at: Spent, now_ms: int, since_ms: int) -> int | None:
    """Looks every minute from `since_ms` on; the forecast at `now_ms`."""
    history = History()
    for at_ms in range(since_ms, now_ms + 1, MINUTE_MS):
        seen = reading(spent_usd_at(at_ms), at_ms)
        history.add(at_ms, seen.spent, horizon_ms(seen))
    return exhausted_ms(reading(spent_usd_at(now_ms), now_ms), history, now_ms)


def steady(usd_per_day: float) -> Spent:
    return lambda at_ms: usd_per_day * (at_ms - SPAN.start_ms) / DAY_MS


def test_a_steady_rate_ends_when_it_must() -> None:
    """P2, alerts: 5 USD a day of 100 in a month: used up after twenty days."""
    now_ms = SPAN.start_ms + 10 * DAY_MS
    found = forecast(steady(5), now_ms, now_ms - 2 * HOUR_MS)
    assert found is not None
    assert abs(found - (SPAN.start_ms + 20 * DAY_MS)) < MINUTE_MS


@pytest.mark.parametrize("usd_per_day", [0.5, 3, 3.3])
def test_what_lasts_is_not_told(usd_per_day: float) -> None:
    """P2, alerts: 30 days at that rate are within the limit, or just about."""
    now_ms = SPAN.start_ms + 10 * DAY_MS
    assert forecast(steady(usd_per_day), now_ms, now_ms - 2 * HOUR_MS) is None


def test_a_past_spree_is_not_told() -> None:
    """P2, alerts: much was spent early, hardly anything is spent now: both horizons must agree."""
    now_ms = SPAN.start_ms + 10 * DAY_MS
    calm: Spent = lambda at_ms: 60 + (at_ms - SPAN.start_ms) / DAY_MS / 1000  # noqa: E731
    assert forecast(calm, now_ms, now_ms - 2 * HOUR_MS) is None


def test_one_busy_hour_is_not_told() -> None:
    """P2, alerts: a busy hour in a quiet month, which would have to last for half a day."""
    now_ms = SPAN.start_ms + 10 * DAY_MS
    begin_ms = now_ms - HOUR_MS
    busy: Spent = lambda at_ms: 8 + max(0, at_ms - begin_ms) / HOUR_MS * 8  # noqa: E731
    assert forecast(busy, now_ms, now_ms - 2 * HOUR_MS) is None


def test_a_runaway_is_told_within_the_hour() -> None:
    """P2, alerts: a loop that will have eaten the month's budget in three hours."""
    now_ms = SPAN.start_ms + 20 * DAY_MS
    begin_ms = now_ms - HOUR_MS
    wild: Spent = lambda at_ms: 10 + max(0, at_ms - begin_ms) / HOUR_MS * 25  # noqa: E731
    found = forecast(wild, now_ms, now_ms - 2 * HOUR_MS)
    assert found is not None
    assert 2 * HOUR_MS < found - now_ms < 3 * HOUR_MS


def test_it_does_not_guess_early() -> None:
    """P2, alerts: neither in the window's first tenth, nor from next to nothing, nor from a glance.

    A quarter of the limit is enough, however early.
    """
    second_day_ms = SPAN.start_ms + 2 * DAY_MS
    since_ms = second_day_ms - 2 * HOUR_MS
    assert forecast(steady(12), second_day_ms, since_ms) is None
    assert forecast(steady(13), second_day_ms, since_ms) is not None
    assert forecast(steady(13), second_day_ms, second_day_ms - 29 * MINUTE_MS) is None
    assert forecast(steady(13), second_day_ms, second_day_ms - 31 * MINUTE_MS) is not None


@pytest.mark.parametrize(
    "seen",
    [rolling(90), reading(90, window="total"), reading(100), reading(120), reading(5, limit=-1)],
    ids=["rolling", "total", "used up", "over", "no limit"],
)
def test_some_windows_have_no_forecast(seen: object) -> None:
    """P2, alerts: nothing is foretold where nothing ends, or has ended already."""
    assert not can_forecast(seen)  # type: ignore[arg-type]


def test_reserved_amounts_are_no_spend() -> None:
    """P2, alerts: what calls in flight hold does not bring the end nearer."""
    now_ms, history = MIDDLE_MS, History()
    history.add(now_ms - HOUR_MS, 70 * NANO_USD, HOUR_MS)
    plain, held = reading(71), reading(71, reserved=20 * NANO_USD)
    found = exhausted_ms(plain, history, now_ms)
    assert found is not None
    assert found == exhausted_ms(held, history, now_ms)


@given(st.lists(st.tuples(st.integers(-HOUR_MS, DAY_MS), st.integers(-5, 10**12)), max_size=80))
def test_a_history_is_bounded_and_in_order(steps: list[tuple[int, int]]) -> None:
    """P8, alerts: whatever the clock and the counter do, few samples are kept, oldest first."""
    history, now_ms, spent = History(), MIDDLE_MS, 10**9
    for step_ms, more in steps:
        now_ms, spent = now_ms + step_ms, max(0, spent + more)
        history.add(now_ms, spent, HOUR_MS)
        assert list(history.samples) == sorted(history.samples)
        assert len(history.samples) <= SLOTS + 3
        assert history.samples[-1] == (now_ms, spent)


@given(st.lists(st.floats(0, 20), min_size=3, max_size=40), st.integers(1, 29))
def test_a_forecast_lies_ahead_and_inside_the_window(hourly: list[float], day: int) -> None:
    """P2, alerts: whatever was spent, what is told is after now and before the window's end."""
    now_ms = SPAN.start_ms + day * DAY_MS + HOUR_MS
    history, total = History(), 0.0
    for n, usd in enumerate(hourly):
        total = min(99.0, total + usd)
        at_ms = now_ms - (len(hourly) - 1 - n) * 10 * MINUTE_MS
        history.add(at_ms, round(total * NANO_USD), HOUR_MS)
    found = exhausted_ms(reading(total, now_ms), history, now_ms)
    assert found is None or now_ms <= found < SPAN.end_ms
