"""The circuit breaker: a dead service is left alone, and found again."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from extproc.guardrails.services.breaker import FAILURES, Breaker, Breakers


def opened(failures_max: int = 3, open_s: float = 10.0, now: float = 0.0) -> Breaker:
    breaker = Breaker(failures_max, open_s)
    for _ in range(failures_max):
        assert breaker.allows(now)
        breaker.failed(now)
    return breaker


def test_failures_in_a_row_open_it() -> None:
    """P5: after the last of them nobody waits for a dead service."""
    breaker = Breaker(3, 10.0)
    breaker.failed(0)
    breaker.failed(1)
    assert breaker.allows(2) and not breaker.is_open
    breaker.failed(2)
    assert breaker.is_open and not breaker.allows(2) and not breaker.allows(11.9)


def test_a_success_between_failures_starts_the_count_again() -> None:
    """P5: only failures in a row count."""
    breaker = Breaker(2, 10.0)
    for now in range(10):
        breaker.failed(now)
        breaker.succeeded()
    assert breaker.allows(10)


def test_exactly_one_probe_then_closed_or_open_again() -> None:
    """P5: a service that comes back is not run over; one that does not is left alone."""
    breaker = opened()
    assert [breaker.allows(10) for _ in range(5)] == [True, False, False, False, False]
    breaker.failed(12)
    assert not breaker.allows(21.9) and breaker.allows(22)
    breaker.succeeded()
    assert not breaker.is_open and all(breaker.allows(22) for _ in range(5))


def test_a_probe_that_never_reports_back_locks_nothing() -> None:
    """P5: its caller may have gone away."""
    breaker = opened()
    assert breaker.allows(10)
    assert not breaker.allows(19.9) and breaker.allows(20) and not breaker.allows(20)


def test_what_a_text_can_cause_opens_nothing() -> None:
    """P5: no caller can switch a guardrail off for everybody with a text it cannot digest."""
    assert not FAILURES & {"bad_answer", "too_large", "unauthorized", "budget", "defect"}
    assert {"timeout", "unreachable"} <= FAILURES


def test_endpoints_have_their_own() -> None:
    """P5: one dead service says nothing of another."""
    breakers = Breakers(1, 10.0)
    breakers.of("a").failed(0)
    assert not breakers.of("a").allows(1) and breakers.of("b").allows(1)
    assert breakers.of("a").is_open and not breakers.of("b").is_open


STEPS = st.lists(st.tuples(st.sampled_from("?+-"), st.floats(0, 4)), max_size=60)


@given(STEPS, st.integers(1, 4))
def test_it_is_the_machine_of_its_description(
    steps: list[tuple[str, float]], failures_max: int
) -> None:
    """P5: against a model that keeps the whole history."""
    breaker = Breaker(failures_max, 10.0)
    now, row, next_at = 0.0, 0, None
    for step, passed in steps:
        now += passed
        if step == "+":
            breaker.succeeded()
            row, next_at = 0, None
        elif step == "-":
            breaker.failed(now)
            row += 1
            if row >= failures_max or next_at is not None:
                next_at = now + 10.0
        else:
            expected = next_at is None or now >= next_at
            assert breaker.allows(now) == expected
            if expected and next_at is not None:
                next_at = now + 10.0


@given(st.lists(st.integers(0, 30), min_size=1, max_size=80))
def test_an_open_one_lets_at_most_one_through_per_period(waits: list[int]) -> None:
    """P5: whatever the clock does, and though no probe ever reports back."""
    breaker, now, let = opened(), 0, []
    for wait in waits:
        now += wait
        if breaker.allows(now):
            let.append(now)
    assert all(b - a >= 10.0 for a, b in pairwise(let))
    assert breaker.allows(now + 10.0)
