"""Counters without number become gauges of bounded number."""

from __future__ import annotations

import pytest

from extproc.admin.limit_gauges import RULES_MAX, RuleFigures
from extproc.limits.values import CounterReading
from extproc.telemetry import catalog
from extproc.telemetry.catalog import Definition
from tests.limits.shown import shown

NO_LIMIT = -1


def _samples(definition: Definition, *readings: CounterReading) -> dict[tuple[str, ...], float]:
    """Label values -> value of one family."""
    figures = RuleFigures()
    figures.add(readings)
    (family,) = (f for f in figures.families() if f.name == definition.name)
    return {tuple(sample.labels.values()): sample.value for sample in family.samples}


def test_only_the_fullest_rules_are_shown() -> None:
    """P4: the page is bounded; what is left out is counted, and is the least urgent."""
    readings = [shown(f"rule-{n:03}", n) for n in range(RULES_MAX + 30)]
    used = _samples(catalog.LIMIT_USED, *readings)
    assert len(used) == RULES_MAX
    assert min(used.values()) == 30
    assert _samples(catalog.LIMITS_OMITTED, *readings) == {(): 30}


def test_rule_with_many_counters_shows_its_fullest() -> None:
    """P4: callers' names are no labels; the counter that will refuse first is what matters."""
    readings = [shown("day", n, 10, counter=f"budget:day:{n}") for n in (1, 9, 4)]
    key = ("day", "budget", "tokens", "month")
    assert _samples(catalog.LIMIT_LEFT, *readings) == {key: 1}
    assert _samples(catalog.LIMIT_COUNTERS, *readings) == {key: 3}
    assert _samples(catalog.LIMIT_RATIO, *readings) == {key: 0.9}


def test_windows_of_a_rule_are_apart() -> None:
    """Contract 3, `/metrics`: one document may limit the day and the month."""
    found = _samples(catalog.LIMIT_USED, shown("t", 5), shown("t", 2, window="day"))
    assert found == {("t", "budget", "tokens", "month"): 5, ("t", "budget", "tokens", "day"): 2}


@pytest.mark.parametrize(("limit", "left"), [(0, [0.0]), (10, [3.0]), (NO_LIMIT, [])])
def test_left_is_shown_where_there_is_a_limit(limit: int, left: list[float]) -> None:
    """P2: no limit is not `-1 left`; a limit of zero has nothing left."""
    assert list(_samples(catalog.LIMIT_LEFT, shown("r", 7, limit)).values()) == left
    assert len(_samples(catalog.LIMIT_RATIO, shown("r", 7, limit))) == len(left)


def test_money_is_in_usd() -> None:
    """Contract 3, `/metrics`: base units."""
    reading = shown("r", 1_500_000_000, 2 * 10**9, measure="cost", soft_limit=10**9)
    assert list(_samples(catalog.LIMIT_USED, reading).values()) == [1.5]
    assert list(_samples(catalog.LIMIT_SOFT, reading).values()) == [1.0]
    assert _samples(catalog.LIMIT_SOFT, shown()) == {}
