"""What was spent, by whom and on what: sums over entries."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.audit.dimensions import DIMENSIONS, parse_by
from extproc.audit.event import event_entry
from extproc.audit.spend import FIGURES, Spend, add_up, usd
from tests.audit.gateway import entry

USER = {"type": "user", "name": "ann", "team": "ops"}
REFUSED = {"outcome": "refused", "code": "budget_exceeded", "rule_id": "team-day"}
ENTRY = entry(
    1,
    metadata={"project_id": "p1", "team": "shadow", "a.b": "dotted", "ticket_id": "T-1"},
    served={"model": "openai-main/gpt-4o-mini", "provider": "openai", "attempts": 1},
    environment="production",
    limits={"rule_ids": ["team-rpm", "team-day"]},
)


def places(name: str, *entries: dict[str, Any]) -> list[str]:
    """The rows of one dimension."""
    return [place[0] for place in add_up(entries or [ENTRY], [name]).rows]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("team", "support-ai"), ("metadata.team", "shadow"), ("ticket_id", "T-1"),
        ("a.b", "dotted"), ("model", "openai-main/gpt-4o-mini"), ("account", "openai-main"),
        ("provider", "openai"), ("requested_model", "prod/assistant"), ("operation", "chat"),
        ("environment", "production"), ("outcome", "allowed"), ("code", "-"), ("user", "-"),
        ("virtual_account", "support-bot"), ("principal", "support-bot"),
        ("type", "virtual-account"), ("hour", "2026-11-20T12"), ("day", "2026-11-20"),
        ("week", "2026-W47"), ("month", "2026-11"), ("nothing", "-"),
    ],
)  # fmt: skip
def test_dimension_says_where_an_entry_belongs(name: str, expected: str) -> None:
    """Contract 1, `usage --by`: principal's fields, time, what was called, or any metadata key."""
    assert places(name) == [expected]


def test_people_and_machines_are_apart() -> None:
    """Contract 1, `usage --by user`: a virtual account of the same name is somebody else."""
    both = [entry(1, principal=USER), entry(2, principal={**USER, "type": "virtual-account"})]
    assert sorted(places("user", *both)) == ["-", "ann"]
    assert sorted(places("virtual_account", *both)) == ["-", "ann"]
    assert places("principal", *both) == ["ann"]


@pytest.mark.parametrize("name", DIMENSIONS)
def test_entry_that_lacks_everything_has_a_row(name: str) -> None:
    """P3: an exchange that broke off before anything was known is in the sums too."""
    assert places(name, {"decision_id": "d"}, {"principal": [], "limits": 7, "at": None}) == ["-"]


def test_refused_and_degraded_are_counted() -> None:
    """Contract 1, `usage`: what limits refused, and what they made smaller instead."""
    blocked = {"outcome": "refused", "code": "permission_denied"}
    degraded = {"rule_ids": ["d"], "degraded": [{"rule_id": "d", "action": "model"}]}
    entries = [ENTRY, entry(2, decision=REFUSED), entry(3, decision=blocked),
               entry(4, limits=degraded)]  # fmt: skip
    whole = add_up(entries, []).whole
    assert (whole.requests, whole.refused, whole.refused_by_limit, whole.degraded) == (4, 2, 1, 1)


def test_rules_overlap_but_the_whole_does_not() -> None:
    """P2: by rule an entry stands under each rule that applied; the whole counts it once."""
    sums = add_up([ENTRY, entry(2, decision=REFUSED), entry(5)], ["rule"])
    costs = {place[0]: row.cost_nano_usd for place, row in sums.rows.items()}
    assert costs == {"-": 5_000, "team-day": 3_000, "team-rpm": 1_000}
    assert (sums.whole.requests, sums.whole.cost_nano_usd) == (3, 8_000)


def test_earlier_attempt_is_charged_to_its_own_model() -> None:
    """P2: a call that fell back cost something at both providers; it is one request."""
    attempt = {"model": "other/m", "input_tokens": 7, "output_tokens": 0, "cost_nano_usd": 400}
    fell_back = {**ENTRY, "earlier_attempts": [attempt], "cost_nano_usd": 1_000}
    for by in (["account"], ["account", "rule"]):
        sums = add_up([fell_back], by)
        costs = {place[0]: (r.requests, r.cost_nano_usd) for place, r in sums.rows.items()}
        assert costs == {"openai-main": (1, 600), "other": (0, 400)}
        assert (sums.whole.requests, sums.whole.cost_nano_usd) == (1, 1_000)
        assert sums.whole.total_tokens == 11 + 3 + 7


AMOUNTS = st.integers(0, 10**15)
ATTEMPTS = st.lists(st.fixed_dictionaries({"cost_nano_usd": st.integers(0, 10**6)}), max_size=3)


@given(st.lists(st.tuples(st.sampled_from("abc"), AMOUNTS, ATTEMPTS), max_size=20))
def test_rows_sum_up_to_the_whole(charges: list[tuple[str, int, list[Any]]]) -> None:
    """P2: exactly; no cost is lost between rows, nor counted twice."""
    entries = [entry(0, metadata={"k": k}, cost_nano_usd=n, earlier_attempts=attempts)
               for k, n, attempts in charges]  # fmt: skip
    sums = add_up(entries, ["k", "model"])
    assert sum(row.cost_nano_usd for row in sums.rows.values()) == sum(n for _, n, _ in charges)
    assert sums.whole.cost_nano_usd == sum(n for _, n, _ in charges)
    assert add_up(entries, ["rule"]).whole == sums.whole
    listed = [row.cost_nano_usd for row in sums.rows.values()]
    assert listed == sorted(listed, reverse=True), "dearest first"


def test_entries_are_taken_one_by_one() -> None:
    """P8: a log of any length fits; only the rows are kept."""
    alive: list[int] = []

    class Watched(dict[str, Any]):
        def __init__(self) -> None:
            super().__init__(ENTRY)
            alive.append(1)

        def __del__(self) -> None:
            alive.pop()

    def endless() -> Any:
        for _ in range(50):
            assert len(alive) <= 2
            yield Watched()

    assert add_up(endless(), ["team"]).whole.requests == 50


@pytest.mark.parametrize(
    ("text", "expected"),
    [("team, model", ("team", "model")), ("", ()), ("metadata.requests", ("metadata.requests",))],
)
def test_by_is_a_list_of_names(text: str, expected: tuple[str, ...]) -> None:
    """Contract 1, `usage --by`."""
    assert parse_by(text, FIGURES) == expected


@pytest.mark.parametrize("text", ["team,team", "requests", "cost_usd", "metadata."])
def test_by_that_means_nothing_is_refused(text: str) -> None:
    """Contract 1: a figure is no dimension, and no column stands twice."""
    with pytest.raises(ValueError):
        parse_by(text, FIGURES)


def test_figures_are_those_of_a_row() -> None:
    """Contract 1: CSV's header fits its rows."""
    assert tuple(Spend().to_json()) == FIGURES


@pytest.mark.parametrize(
    ("nano", "text"),
    [(0, "0.00"), (150_000, "0.00015"), (1_500_000_000, "1.50"), (1, "0.000000001"),
     (-5, "-0.000000005")],
)  # fmt: skip
def test_money_is_shown_exactly(nano: int, text: str) -> None:
    """P2: no rounding."""
    assert usd(nano) == text


def test_what_is_no_call_is_not_counted() -> None:
    """P2, P3: starts, key changes and other events of the log are nobody's requests."""
    event = event_entry("key.create", event_id="1", at_ms=0, actor=("operator", "mei"))
    assert add_up([event, event], ["team"]).rows == {}
