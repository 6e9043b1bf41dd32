"""Weights, sessions, speed and health: who goes first, and who goes last."""

from __future__ import annotations

import random
from collections import Counter
from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.routing.figures import FAILED_WITHIN_MS, Figures
from extproc.routing.plan import Router
from extproc.routing.track import LONG_MS
from tests.routing.world import MINUTE_MS, NOW_MS, ask, names, router


def weights(*pairs: tuple[str, float], more: str = "") -> str:
    targets = ", ".join(f"{{target: {name}, weight: {weight}}}" for name, weight in pairs)
    return f"""
  - id: w
    type: weight-based-routing
    when: {{models: [prod/w]}}
{more}    load_balance_targets: [{targets}]
"""


THREE = (("a/big", 50), ("a/small", 30), ("b/big", 20))
STICKY = """    sticky_routing:
      ttl_seconds: 600
      session_identifiers: [{key: x-session, source: headers}, {key: user, source: metadata}]
"""


def first(routes: Router, model: str = "prod/w", **more: object) -> str:
    return names(routes.route(ask(model, **more)))[0]  # type: ignore[arg-type]


# --- weights -------------------------------------------------------------------------------------


def test_weights_share_the_traffic_exactly_over_even_draws() -> None:
    """Route: every target gets its share of [0, 1); the others follow by weight."""
    routes = router(weights(("a/big", 80), ("a/small", 20), ("b/big", 0)))
    found = Counter(first(routes, draw=n / 1000) for n in range(1000))
    assert found == {"a/big": 800, "a/small": 200}
    assert names(routes.route(ask("prod/w", draw=0.0))) == ["a/big", "a/small", "b/big"]
    assert names(routes.route(ask("prod/w", draw=0.9))) == ["a/small", "a/big", "b/big"]


def test_weights_hold_within_a_binomial_interval() -> None:
    """Route (reference 19): 4,000 seeded draws stay within four standard deviations."""
    routes, chance, calls = router(weights(*THREE)), random.Random(5), 4_000
    found = Counter(first(routes, draw=chance.random()) for _ in range(calls))
    for name, weight in THREE:
        share = weight / 100
        assert abs(found[name] - calls * share) < 4 * sqrt(calls * share * (1 - share))


@given(st.floats(0, 1, exclude_max=True), st.lists(st.integers(0, 9), min_size=3, max_size=3))
def test_no_draw_leaves_the_shares(draw: float, shares: list[int]) -> None:
    """Route: whatever is drawn, each target stands in the order once, and one of weight 0 is not
    first."""
    if not any(shares):
        return
    listed = dict(zip(("a/big", "a/small", "b/big"), shares, strict=True))
    found = names(router(weights(*listed.items())).route(ask("prod/w", draw=draw)))
    assert sorted(found) == sorted(listed)
    assert listed[found[0]] > 0


# --- sessions ------------------------------------------------------------------------------------


def test_a_session_keeps_its_target() -> None:
    """Route: whatever is drawn and whenever it is asked; other sessions share by weight."""
    routes = router(weights(*THREE, more=STICKY))
    for n in range(40):
        headers = {"x-session": f"s{n}"}
        found = {
            first(routes, headers=headers, draw=draw, now_ms=NOW_MS + later * MINUTE_MS)
            for draw in (0.0, 0.4, 0.99)
            for later in (0, 5, 9)
        }
        assert len(found) == 1
    calls = 3_000
    shares = Counter(first(routes, headers={"x-session": str(n)}) for n in range(calls))
    for name, weight in THREE:
        share = weight / 100
        assert abs(shares[name] - calls * share) < 4 * sqrt(calls * share * (1 - share))


def test_a_call_without_a_session_is_drawn() -> None:
    """Route: nothing to hold on to is no session that all such calls share."""
    routes = router(weights(*THREE, more=STICKY))
    assert {first(routes, draw=d) for d in (0.1, 0.6, 0.9)} == {"a/big", "a/small", "b/big"}
    by_user = [first(routes, metadata={"user": "ann"}, draw=d) for d in (0.1, 0.6, 0.9)]
    assert len(set(by_user)) == 1


def test_a_lost_target_moves_its_own_sessions_alone() -> None:
    """Route: the others stay where they are; when it is well again its sessions come back."""
    figures = Figures()
    routes = router(weights(*THREE, more=STICKY), figures)
    sessions = [{"x-session": f"s{n}"} for n in range(300)]
    before = [first(routes, headers=one) for one in sessions]
    for _ in range(2):
        figures.failed("a", "small", NOW_MS)
    during = [first(routes, headers=one) for one in sessions]
    after = [first(routes, headers=one, now_ms=NOW_MS + 3 * MINUTE_MS) for one in sessions]
    assert "a/small" not in during and after == before
    moved = [was for was, now in zip(before, during, strict=True) if was != now]
    assert set(moved) == {"a/small"} and len(moved) == before.count("a/small")


# --- health --------------------------------------------------------------------------------------

PRIORITY = """
  - id: p
    type: priority-based-routing
    when: {models: [prod/p]}
    load_balance_targets:
      - {target: a/big, priority: 0%s}
      - {target: b/big, priority: 1}
      - {target: a/small, priority: 2, fallback_candidate: false}
"""
BAD = (401, 403, 408, 429, 500, 503)


@pytest.mark.parametrize("status", BAD)
def test_two_failures_in_two_minutes_put_a_target_last(status: int) -> None:
    """Route (reference 7.1): last and not gone; it recovers by itself."""
    figures = Figures()
    routes = router(PRIORITY % "", figures)

    def order(now_ms: int) -> list[str]:
        return names(routes.route(ask("prod/p", now_ms=now_ms)))

    figures.answered("a", "big", status, None, None, NOW_MS)
    assert order(NOW_MS) == ["a/big", "b/big"]
    figures.answered("a", "big", status, None, None, NOW_MS + 1)
    assert order(NOW_MS + 1) == ["b/big", "a/big"]
    assert order(NOW_MS + FAILED_WITHIN_MS - 1) == ["b/big", "a/big"]
    assert order(NOW_MS + FAILED_WITHIN_MS) == ["a/big", "b/big"]


def test_what_is_no_failure_changes_nothing() -> None:
    """Route: a caller's own mistakes (400, 404, 422) say nothing about the target."""
    figures = Figures()
    for status in (200, 400, 404, 422) * 3:
        figures.answered("a", "big", status, 1.0, 1.0, NOW_MS)
    assert figures.calm(NOW_MS)


def test_failures_far_apart_are_no_illness() -> None:
    """Route: two failures count when they are within two minutes of now."""
    figures = Figures()
    figures.failed("a", "big", NOW_MS)
    figures.failed("a", "big", NOW_MS + FAILED_WITHIN_MS)
    assert not figures.ill(("a", "big"), NOW_MS + FAILED_WITHIN_MS)


def test_the_last_one_is_never_dropped() -> None:
    """Route: when all are ill, they are asked in their own order."""
    figures = Figures()
    routes = router(PRIORITY % "", figures)
    for name in ("a", "b"):
        for _ in range(2):
            figures.failed(name, "big", NOW_MS)
    assert names(routes.route(ask("prod/p"))) == ["a/big", "b/big"]
    assert names(routes.route(ask("a/big"))) == ["a/big"]


def test_an_ill_first_is_not_replaced_by_one_that_is_no_fallback() -> None:
    """Contract (reference 19): `fallback_candidate: false` is never used as fallback."""
    figures = Figures()
    routes = router(PRIORITY % "", figures)
    for model in (("a", "big"), ("b", "big")):
        figures.failed(*model, NOW_MS)
        figures.failed(*model, NOW_MS)
    assert "a/small" not in names(routes.route(ask("prod/p")))


def test_the_share_of_an_ill_target_goes_to_the_others_by_weight() -> None:
    """Route: those that are well keep their draws."""
    figures = Figures()
    routes = router(weights(*THREE), figures)
    before = [first(routes, draw=n / 1000) for n in range(1000)]
    figures.failed("a", "big", NOW_MS)
    figures.failed("a", "big", NOW_MS)
    during = [first(routes, draw=n / 1000) for n in range(1000)]
    assert Counter(during) == {"a/small": 600, "b/big": 400}
    assert all(n == b for b, n in zip(before, during, strict=True) if b != "a/big")
    assert names(routes.route(ask("prod/w", draw=0.0)))[-1] == "a/big"


def test_a_provider_that_says_when_is_left_alone_until_then() -> None:
    """Route: `retry-after` of a single 429 puts the target last for as long as it says."""
    figures = Figures()
    routes = router(PRIORITY % "", figures)
    figures.answered("a", "big", 429, None, None, NOW_MS, retry_after_s=30)
    assert first(routes, "prod/p", now_ms=NOW_MS + 29_000) == "b/big"
    assert first(routes, "prod/p", now_ms=NOW_MS + 30_000) == "a/big"


@pytest.mark.parametrize("cutoff", ["time_to_first_token_ms: 500", "time_per_output_token_ms: 20"])
def test_a_slow_target_goes_last(cutoff: str) -> None:
    """Route (reference 19): three slow samples demote it; fast ones, or three minutes, restore."""
    figures = Figures()
    routes = router(PRIORITY % f", sla_cutoff: {{{cutoff}}}", figures)
    for n in range(3):
        assert first(routes, "prod/p") == "a/big"
        figures.answered("a", "big", 200, 900.0, 40.0, NOW_MS + n)
    assert first(routes, "prod/p", now_ms=NOW_MS + 10) == "b/big"
    assert first(routes, "prod/p", now_ms=NOW_MS + 180_000) == "a/big"
    for _ in range(6):
        figures.answered("a", "big", 200, 10.0, 1.0, NOW_MS + 20)
    assert first(routes, "prod/p", now_ms=NOW_MS + 30) == "a/big"


# --- speed ---------------------------------------------------------------------------------------

LATENCY = """
  - id: l
    type: latency-based-routing
    when: {models: [prod/l]}
    load_balance_targets: [{target: a/big}, {target: a/small}, {target: b/big}]
"""


def paced(figures: Figures, now_ms: int = NOW_MS, **pace: float) -> Figures:
    for name, per_token_ms in pace.items():
        account, _, model = name.partition("_")
        for _ in range(3):
            figures.answered(account, model, 200, 5.0, per_token_ms, now_ms)
    return figures


def test_the_fastest_goes_first() -> None:
    """Route (reference 7.1): the lowest time per output token; the others by theirs."""
    figures = paced(Figures(), a_big=30, a_small=10, b_big=20)
    found = router(LATENCY, figures).route(ask("prod/l", draw=0.5, now_ms=NOW_MS + 1))
    assert names(found) == ["a/small", "b/big", "a/big"]


def test_a_caller_stays_with_one_of_the_fastest_for_an_epoch() -> None:
    """Route: nearly equal targets share the callers; within ten minutes each keeps its own."""
    figures = paced(Figures(), a_big=10, a_small=10.5, b_big=30)
    routes = router(LATENCY, figures)
    later = NOW_MS + LONG_MS
    shares = Counter()
    for n in range(200):
        seen = {
            first(routes, "prod/l", draw=draw, caller_id=f"c{n}", now_ms=later + offset)
            for draw in (0.1, 0.9)
            for offset in (0, LONG_MS - 1)
        }
        assert len(seen) == 1
        shares.update(seen)
    assert set(shares) == {"a/big", "a/small"} and min(shares.values()) > 50


def test_whole_epochs_decide_as_long_as_they_tell() -> None:
    """Route: what happens within an epoch moves nobody before the next one."""
    figures = paced(Figures(), a_big=10, a_small=20, b_big=30)
    routes, later = router(LATENCY, figures), NOW_MS + LONG_MS
    paced(figures, later, a_big=90)
    assert first(routes, "prod/l", draw=0.5, now_ms=later + 1) == "a/big"
    assert first(routes, "prod/l", draw=0.5, now_ms=later + LONG_MS) == "a/small"
    assert figures.per_token_ms([("a", "small")], later + 3 * LONG_MS) is None


def test_an_unknown_target_gets_tried() -> None:
    """Route: now and then, so that it becomes known; when nobody is known, callers share them."""
    figures = paced(Figures(), a_big=10, a_small=20)
    routes = router(LATENCY, figures)
    chance, calls = random.Random(3), 2_000
    found = Counter(first(routes, "prod/l", draw=chance.random()) for _ in range(calls))
    assert set(found) == {"a/big", "b/big"} and 50 < found["b/big"] < 150
    fresh = router(LATENCY)
    assert len({first(fresh, "prod/l", caller_id=str(n)) for n in range(50)}) == 3


@given(st.floats(0, 1, exclude_max=True))
def test_somebody_elses_trouble_changes_no_order(draw: float) -> None:
    """Route: the short way, while nothing is ill anywhere, says what the long one says."""
    tied = """
  - id: t
    type: priority-based-routing
    when: {models: [prod/t]}
    load_balance_targets:
      - {target: b/big, priority: 1, weight: 3}
      - {target: a/big, weight: 2}
      - {target: a/small, priority: 1, weight: 4}
      - {target: own/llama, weight: 1, fallback_candidate: false}
"""
    figures = Figures()
    figures.failed("elsewhere", "m", NOW_MS)
    calm, troubled = (router(weights(*THREE) + tied, one) for one in (Figures(), figures))
    assert calm.figures.calm(NOW_MS) and not troubled.figures.calm(NOW_MS)
    for model in ("prod/w", "prod/t"):
        asked = ask(model, draw=draw)
        assert names(calm.route(asked)) == names(troubled.route(asked))
