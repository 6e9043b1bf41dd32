"""Several keys of one account: who is asked with which, and which of them rest."""

from __future__ import annotations

from collections import Counter

from extproc.routing.attempts import ATTEMPTS_MAX, Step, steps
from extproc.routing.figures import LIMITED_REST_MS, REFUSED_REST_MS, Figures
from extproc.routing.plan import Router
from tests.routing.world import NOW_MS, ask, router

RULE = """
  - id: k
    type: priority-based-routing
    when: {models: [prod/k]}
    load_balance_targets:
      - {target: k/m, priority: 0, retry_config: {attempts: 1, on_status_codes: ["500"]}}
      - {target: a/big, priority: 1}
"""


def connections(routes: Router, draw: float = 0.0, now_ms: int = NOW_MS) -> list[str]:
    routed = routes.route(ask("prod/k", now_ms=now_ms))
    assert routed is not None
    return [one.connection for one in routes.keyed(routed.targets, draw, now_ms)]


def planned(routes: Router) -> tuple[Step, ...]:
    routed = routes.route(ask("prod/k"))
    assert routed is not None
    return steps(routes.keyed(routed.targets, 0.0, NOW_MS))


def test_keys_share_by_weight_and_the_others_follow() -> None:
    """Route: every key stands in the plan once, one of them first by its weight."""
    routes = router(RULE)
    assert connections(routes) == ["k.key.one", "k.key.two", "a"]
    assert connections(routes, 0.8) == ["k.key.two", "k.key.one", "a"]
    found = Counter(connections(routes, n / 1000)[0] for n in range(1000))
    assert found == {"k.key.one": 750, "k.key.two": 250}


def test_a_refused_key_leads_to_its_sibling() -> None:
    """Route: 401 and 429 go to another key of the model before its own retry or fallback; all else
    as the target says."""
    table = [(step.target.connection, step.retry_on) for step in planned(router(RULE))]
    onward = "403>4:a,404>4:a,408>4:a,{0}502>4:a,503>4:a,late>4:a,broken>4:a"
    one, two = "k.key.one", "k.key.two"
    assert table[0][1].split(",")[:3] == [f"401>3:{two}", f"429>3:{two}", f"500>2:{one}"]
    assert table[1][1].split(",")[:2] == [f"401>3:{two}", f"429>3:{two}"]
    assert table[2] == (two, "401>4:a,403>4:a,404>4:a,408>4:a,429>4:a,500>4:a,502>4:a,503>4:a,"
                        "late>4:a,broken>4:a")  # fmt: skip
    assert table[0][1].endswith(onward.format(""))
    assert [connection for connection, _ in table] == [one, one, two, "a"]


def test_of_siblings_that_all_lead_away_one_is_counted() -> None:
    """P2: only one of them can end without an answer and another target follow."""
    assert [step.billable for step in planned(router(RULE))] == [False, False, True, False]


def test_a_key_that_was_refused_rests() -> None:
    """Route: 401 for five minutes, whatever the model; 429 for what it says, else a minute."""
    figures = Figures()
    routes = router(RULE, figures)
    figures.answered("k.key.one", "other", 401, None, None, NOW_MS)
    assert connections(routes, 0.0, NOW_MS + REFUSED_REST_MS - 1)[:2] == ["k.key.two", "k.key.one"]
    assert connections(routes, 0.0, NOW_MS + REFUSED_REST_MS)[0] == "k.key.one"

    later = NOW_MS + REFUSED_REST_MS
    figures.answered("k.key.one", "m", 429, None, None, later)
    assert connections(routes, 0.0, later + LIMITED_REST_MS - 1)[0] == "k.key.two"
    assert connections(routes, 0.0, later + LIMITED_REST_MS)[0] == "k.key.one"
    figures.answered("k.key.one", "m", 429, None, None, later + LIMITED_REST_MS, retry_after_s=7)
    assert connections(routes, 0.0, later + LIMITED_REST_MS + 6_999)[0] == "k.key.two"
    assert connections(routes, 0.0, later + LIMITED_REST_MS + 7_000)[0] == "k.key.one"


def test_a_target_is_ill_when_all_its_keys_are() -> None:
    """Route: one resting key changes nothing for its model; all of them put it last."""
    figures = Figures()
    routes = router(RULE, figures)
    figures.answered("k.key.one", "m", 429, None, None, NOW_MS, retry_after_s=60)
    assert connections(routes)[-1] == "a"
    figures.answered("k.key.two", "m", 429, None, None, NOW_MS, retry_after_s=60)
    assert connections(routes)[0] == "a"
    assert len(connections(routes)) == 3


def test_plans_are_remembered_by_their_targets() -> None:
    """P8: the same few plans serve all requests, with keys too."""
    routes = router(RULE)
    routed = routes.route(ask("prod/k"))
    assert routed is not None
    once, again = (routes.keyed(routed.targets, 0.5, NOW_MS) for _ in range(2))
    assert once == again and steps(once) is steps(again)
    assert {one.base for one in once} == set(routed.targets)


def test_no_key_takes_the_place_of_another_target() -> None:
    """Route: eight attempts in all; models first, then keys, then further tries."""
    routes = router(RULE.replace("attempts: 1", "attempts: 10"))
    found = [step.target.connection for step in planned(routes)]
    assert len(found) == ATTEMPTS_MAX
    assert found == ["k.key.one"] * 6 + ["k.key.two", "a"]
