"""What a gateway notices, and what is old news to it."""

from __future__ import annotations

import pytest

from extproc.alerts.values import Alert, Terms
from extproc.alerts.watch import Watch
from extproc.config.alert_model import Alerts
from extproc.limits.values import CounterReading
from tests.alerts.readings import DAY_MS, HOUR_MS, MIDDLE_MS, SPAN, reading, rolling


def watch(counters_max: int = 100, **alerts: object) -> Watch:
    made = Watch(counters_max)
    made.terms = {"team-month": Terms(Alerts(**alerts), "Europe/Berlin")}  # type: ignore[arg-type]
    return made


def names(alerts: list[Alert]) -> list[str]:
    return [alert.due.name for alert in alerts]


def test_each_threshold_is_news_once() -> None:
    """P2, alerts: the same reading again, or a little more, says nothing new."""
    seen = watch(forecast=False)
    told = [names(seen.look(reading(usd), MIDDLE_MS)) for usd in (10, 75, 76, 75, 96, 97, 100, 120)]
    assert told == [[], ["threshold:75"], [], [], ["threshold:95"], [], ["threshold:100"], []]


def test_lower_ones_stay_told() -> None:
    """P2, alerts: a limit that was raised brings no lower threshold back."""
    seen = watch(forecast=False)
    assert names(seen.look(reading(96), MIDDLE_MS)) == ["threshold:95"]
    assert names(seen.look(reading(80), MIDDLE_MS)) == []


def test_a_new_window_is_a_new_beginning() -> None:
    """P2, alerts: once per window, not once."""
    seen = watch(forecast=False)
    assert names(seen.look(reading(80), MIDDLE_MS)) == ["threshold:75"]
    later_ms = MIDDLE_MS + 31 * DAY_MS
    assert names(seen.look(reading(80, window_id="2026-12"), later_ms)) == ["threshold:75"]


def test_counters_do_not_share_their_news() -> None:
    """P2, alerts: another user, another unit or another window is another counter."""
    seen = watch(forecast=False)
    others = [
        reading(80),
        reading(80, counter="budget:team-month:bob"),
        reading(80, measure="tokens"),
        reading(80, window="day", window_id="2026-11-15"),
    ]
    assert [len(seen.look(other, MIDDLE_MS)) for other in others * 2] == [1, 1, 1, 1, 0, 0, 0, 0]


def test_a_rolling_window_tells_again_after_its_width() -> None:
    """P2, alerts: it has no id; one occasion lasts as long as the window is wide."""
    seen = watch()
    told = [
        names(seen.look(rolling(spent), MIDDLE_MS + after_ms))
        for after_ms, spent in (
            (0, 80), (1_000, 20), (2_000, 80), (HOUR_MS - 1, 80), (HOUR_MS, 80), (HOUR_MS + 1, 80),
        )
    ]  # fmt: skip
    assert told == [["threshold:75"], [], [], [], ["threshold:75"], []]


@pytest.mark.parametrize(
    "other",
    [reading(99, rule_id="unknown"), reading(99, kind="rate"), reading(99, shape="flight")],
    ids=["no alerts", "a rate limit of that name", "no window"],
)
def test_only_budgets_that_want_alerts_are_looked_at(other: CounterReading) -> None:
    """Contract 2, alerts: nobody is told what nobody asked for."""
    assert watch().look(other, MIDDLE_MS) == []


def test_a_forecast_is_told_once_and_stands_in_the_other_messages() -> None:
    """P2, alerts: no flapping: rates move about, the message does not come again."""
    seen, told = watch(), []
    for minute in range(0, 600, 5):
        now_ms = SPAN.start_ms + 5 * DAY_MS + minute * 60_000
        wobble = 0.02 * (minute // 5 % 2)
        told += seen.look(reading(40 + minute / 60 + wobble, now_ms), now_ms)
    assert names(told) == ["forecast"]
    assert told[0].exhausted_ms is not None
    later_ms = SPAN.start_ms + 6 * DAY_MS
    seen.look(reading(60, later_ms - HOUR_MS), later_ms - HOUR_MS)
    (threshold,) = seen.look(reading(75, later_ms), later_ms)
    assert threshold.due.name == "threshold:75"
    assert threshold.exhausted_ms is not None


def test_memory_is_bounded_and_what_is_forgotten_is_asked_again() -> None:
    """P8, alerts: a million counters do not fill the supervisor; the store keeps `once`."""
    seen = watch(counters_max=2, forecast=False)
    told = [
        len(seen.look(reading(80, counter=f"budget:team-month:{name}"), MIDDLE_MS))
        for name in ("a", "b", "a", "c", "a", "b")
    ]
    assert told == [1, 1, 0, 1, 0, 1]


def test_ids_are_the_same_on_every_gateway() -> None:
    """P2, alerts: receivers can drop twins; other alerts and other windows have other ids."""
    (here,), (there,) = (
        watch(forecast=False).look(reading(80 + n), MIDDLE_MS + n * 5_000) for n in (0, 1)
    )
    (higher,) = watch(forecast=False).look(reading(95), MIDDLE_MS)
    (later,) = watch(forecast=False).look(reading(80, window_id="2026-12"), MIDDLE_MS)
    assert (here.id, here.claim) == (there.id, there.claim)
    assert len({here.id, higher.id, later.id}) == len({here.claim, higher.claim, later.claim}) == 3
    assert here.claim in higher.lower_claims
