"""Which alerts a reading calls for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.alerts.evaluate import due, over_soft_limit, passed
from extproc.alerts.values import Due
from extproc.config.alert_model import Alerts
from extproc.limits.values import NANO_USD
from tests.alerts.readings import reading, tokens

USUAL = Alerts()


@pytest.mark.parametrize(
    ("spent_usd", "wanted"),
    [(0, ()), (74.999999999, ()), (75, (75,)), (96, (75, 90, 95)), (100, USUAL.thresholds),
     (250, USUAL.thresholds)],
)  # fmt: skip
def test_a_threshold_is_passed_when_it_is_reached(
    spent_usd: float, wanted: tuple[float, ...]
) -> None:
    """P2, alerts: the default thresholds are 75, 90, 95 and 100 %, to the nano-USD."""
    assert passed(reading(spent_usd), USUAL) == wanted


def test_what_is_reserved_does_not_count() -> None:
    """P2, alerts: an alarm tells of spend, not of what calls in flight might cost."""
    assert due(reading(10, reserved=90 * NANO_USD), USUAL, None) == ()


def test_thresholds_are_exact() -> None:
    """P2, alerts: 33.3 % of 1000 is 333, although 33.3 is no binary fraction."""
    odd = Alerts(thresholds=(33.3,))
    assert passed(tokens(332, of=1_000), odd) == ()
    assert passed(tokens(333, of=1_000), odd) == (33.3,)


def test_a_limit_of_nothing_is_passed_by_any_spend_and_no_limit_by_none() -> None:
    """P2, alerts: no division by zero, and no alarm about a budget that nobody touched."""
    assert passed(reading(0, limit=0), USUAL) == ()
    assert passed(reading(0.000000001, limit=0), USUAL) == USUAL.thresholds
    assert passed(reading(1_000, limit=-1), USUAL) == ()


def test_the_highest_speaks_for_the_lower_ones() -> None:
    """P2, alerts: a jump from 10 % to 96 % is one message."""
    assert due(reading(96), USUAL, None) == (
        Due("threshold", 95, ("threshold:75", "threshold:90")),
    )


def test_soft_limit_and_forecast_stand_beside_thresholds() -> None:
    """P2, alerts: each kind is told by itself."""
    kinds = [d.kind for d in due(reading(80, soft_limit=50 * NANO_USD), USUAL, 1)]
    assert kinds == ["threshold", "soft_limit", "forecast"]


@pytest.mark.parametrize(("spent_usd", "wanted"), [(50, False), (50.000000001, True)])
def test_a_soft_limit_is_passed_by_more_than_it(spent_usd: float, wanted: bool) -> None:
    """P2, alerts: as the ledger says it (`over_soft`)."""
    assert over_soft_limit(reading(spent_usd, soft_limit=50 * NANO_USD)) is wanted


def test_no_soft_limit_is_never_passed() -> None:
    """P2, alerts: -1 means none."""
    assert not over_soft_limit(reading(1_000_000))


def test_a_forecast_that_is_not_wanted_is_not_told() -> None:
    """Contract 2, alerts: `forecast: false`."""
    assert due(reading(50), Alerts(forecast=False), 1) == ()


@given(st.integers(0, 10**15), st.integers(0, 10**15), st.integers(0, 10**12))
def test_more_spend_never_passes_less(limit: int, spent: int, more: int) -> None:
    """P2, alerts: what is passed grows with spend."""
    before = passed(tokens(spent, of=limit), USUAL)
    after = passed(tokens(spent + more, of=limit), USUAL)
    assert set(before) <= set(after)
