"""The attempts of a plan: where each ending leads, and what a reservation has to count."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from extproc.config.model import ModelSpec, ProviderAccount
from extproc.routing.attempts import (
    ATTEMPTS_MAX,
    BROKEN,
    KEY_REFUSED,
    LATE,
    SILENT,
    Step,
    steps,
    without,
)
from extproc.routing.values import Target

CODES = (401, 408, 429, 500, 502, 503, 504)
SOME = st.lists(st.sampled_from(CODES), unique=True, max_size=5).map(tuple)


def target(
    name: str, retries: int = 0, again: Sequence[int] = (), onward: Sequence[int] = ()
) -> Target:
    account = ProviderAccount(
        type="provider-account", name=name, provider="openai",
        base_url="http://127.0.0.1:1", models=(ModelSpec(id="m"),),
    )  # fmt: skip
    return Target(account, account.models[0], retries, tuple(again), tuple(onward))


@st.composite
def plans(draw: st.DrawFn) -> list[Target]:
    """Some targets, some of them with several keys."""
    found: list[Target] = []
    for n in range(draw(st.integers(1, 4))):
        plain = target(f"t{n}", draw(st.integers(0, 4)), draw(SOME), draw(SOME))
        keys = draw(st.integers(0, 3))
        found += [replace(plain, key=f"k{k}", unkeyed=plain) for k in range(keys)] or [plain]
    return found


def table(planned: Sequence[Step]) -> list[tuple[str, str]]:
    return [(step.target.account.name, step.retry_on) for step in planned]


def test_the_contracts_sample() -> None:
    """Contract 2: 429 and 500 are tried once more; 502 and 503 go to the next target at once."""
    planned = steps([target("a", 1, (429, 500), (429, 500, 502, 503)), target("b")])
    assert table(planned) == [
        ("a", "429>2:a,500>2:a,502>3:b,503>3:b,broken>3:b"),
        ("a", "429>3:b,500>3:b,502>3:b,503>3:b,broken>3:b"),
        ("b", ""),
    ]


def test_silence_leads_on_where_its_statuses_are_listed() -> None:
    """P2: 408 or 504 stand for no answer in time, 502 or 503 for a broken connection."""
    for code, may_time_out, may_break in (
        (408, True, False), (504, True, False), (502, False, True), (503, False, True),
        (429, False, False),
    ):  # fmt: skip
        first, *_ = steps([target("a", onward=(code,)), target("b")])
        assert (first.may_time_out, first.may_break) == (may_time_out, may_break)


def test_a_retry_status_wins_over_a_fallback_status() -> None:
    """Contract 2: a target has its own tries first; a status for the next target alone has not."""
    first, second, _ = steps([target("a", 1, (504, 500), (408, 504, 500)), target("b")])
    assert {e: lead.slot for e, lead in first.leads.items()} == {
        "504": 2, "500": 2, "408": 3, LATE: 2,
    }  # fmt: skip
    assert {lead.slot for lead in second.leads.values()} == {3}


def test_what_nothing_leads_to_is_left_out() -> None:
    """P2: no attempt is announced, reserved or sent that cannot happen."""
    assert len(steps([target("a"), target("b")])) == 1
    assert len(steps([target("a", 3), target("b")])) == 1
    assert len(steps([target("a", 2, (500,)), target("b")])) == 3


def test_of_tries_that_all_lead_away_one_is_counted() -> None:
    """P2: a time-out that goes to the next target happens once, however many tries there are."""
    away = steps([target("a", 2, (500,), (408,)), target("b")])
    assert [step.billable for step in away] == [False, False, True, False]
    again = steps([target("a", 2, (504,), (408,)), target("b")])
    assert [step.billable for step in again] == [True, True, True, False]
    never = steps([target("a", 2, (429,), (500,)), target("b")])
    assert not any(step.billable for step in never)


@given(plans())
def test_every_plan_goes_forward_and_ends(targets: list[Target]) -> None:
    """P2: no more attempts than there are slots for; each leads to a later one or nowhere."""
    planned = steps(targets)
    assert 1 <= len(planned) <= ATTEMPTS_MAX
    assert not planned[-1].leads
    for slot, step in enumerate(planned, 1):
        for ending, lead in step.leads.items():
            assert slot < lead.slot <= len(planned)
            onto = planned[lead.slot - 1].target
            assert onto.connection == lead.account
            listed = (*step.target.retry_codes, *step.target.fallback_codes)
            if onto is not step.target and onto.base is step.target.base:
                assert int(ending) in KEY_REFUSED
                continue
            assert set(SILENT.get(ending, (0,)) if ending in SILENT else (int(ending),)) & {*listed}


@given(plans(), st.integers(0, 6))
def test_every_listed_target_is_reached(targets: list[Target], more: int) -> None:
    """Route: as long as there are slots for all, none is crowded out by another's tries, and none
    has more than its own."""
    listed = [replace(t, fallback_codes=(503,)) for t in (*targets, *map(named, range(more)))]
    planned = steps(listed)
    bases = list(dict.fromkeys(t.base for t in listed))
    reached = list(dict.fromkeys(s.target.base for s in planned))
    assert reached == bases[:ATTEMPTS_MAX]
    for one in listed:
        tries = sum(step.target is one for step in planned)
        assert tries <= 1 + (one.retries if one.retry_codes else 0)


def named(number: int) -> Target:
    return target(f"more{number}")


@given(plans())
def test_no_way_through_a_plan_costs_more_than_is_counted(targets: list[Target]) -> None:
    """P2: on every way, attempts without an answer are covered by those that are billable."""
    planned = steps(targets)
    for way in _ways(planned, 1):
        answered, *silent = reversed(way)
        counted = [s.target.base for s in planned[: answered - 1] if s.billable]
        for slot in silent:
            counted.remove(planned[slot - 1].target.base)


def _ways(planned: Sequence[Step], slot: int) -> Iterator[list[int]]:
    """Every way: the slots that stay silent, then the one that answers."""
    yield [slot]
    step = planned[slot - 1]
    for following in {lead.slot for ending, lead in step.leads.items() if ending not in SILENT}:
        yield from _ways(planned, following)
    if step.silent is not None:
        yield from ([slot, *rest] for rest in _ways(planned, step.silent.slot))


@given(plans(), st.sets(st.integers(0, 3), max_size=3))
def test_a_target_that_falls_out_is_passed_over(targets: list[Target], gone: set[int]) -> None:
    """P2: no attempt is added; what led to one of the lost leads past them."""
    lost = {id(target) for n, target in enumerate(targets) if n in gone}
    planned = steps(targets)
    left = without(planned, lambda target: id(target) in lost)
    kept = [s.target for s in planned if id(s.target) not in lost]
    assert [s.target for s in left] == kept[: len(left)]
    for slot, step in enumerate(left, 1):
        for lead in step.leads.values():
            assert slot < lead.slot <= len(left)
            assert left[lead.slot - 1].target.connection == lead.account
    assert bool(left) == bool(kept)
    assert without(planned, lambda _: False) == planned


def test_the_retries_of_a_lost_target_are_lost_with_it() -> None:
    """P2: a plan of three targets without its second."""
    a, b, c = target("a", 1, (500,), (503,)), target("b", 1, (500,), (503,)), target("c")
    left = without(steps([a, b, c]), lambda target: target is b)
    assert table(left) == [
        ("a", "500>2:a,503>3:c,broken>3:c"), ("a", "503>3:c,broken>3:c"), ("c", ""),
    ]  # fmt: skip
    assert BROKEN in left[0].leads
