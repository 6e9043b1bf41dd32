"""The state table of one exchange."""

from __future__ import annotations

import itertools

import pytest

from extproc.exchange.state import TABLE, Event, OutOfOrder, State, advance


def test_done_is_reached_only_by_a_verdict_or_a_whole_answer() -> None:
    """P1: no event other than these leads to the one state from which a stream ends with OK."""
    into_done = {event for (state, event), to in TABLE.items()
                 if to is State.DONE and state is not State.DONE}  # fmt: skip
    assert into_done == {Event.STOP, Event.BODY, Event.LAST_PIECE, Event.HEAD_ONLY}


def test_nothing_is_sent_without_governing_first() -> None:
    """P1: SENT has exactly one way in, from GOVERNING, by ALLOW."""
    ways = [(state, event) for (state, event), to in TABLE.items() if to is State.SENT]
    assert ways == [(State.GOVERNING, Event.ALLOW)]


@pytest.mark.parametrize("state", [s for s in State if s is not State.DONE])
def test_a_lost_stream_is_aborted_from_everywhere(state: State) -> None:
    """P2: wherever a stream breaks, the exchange ends as aborted, hence is settled."""
    if state is not State.ABORTED:
        assert advance(state, Event.LOST) is State.ABORTED


def test_what_is_not_in_the_table_is_refused() -> None:
    """P1: every pair outside the table raises."""
    outside = [pair for pair in itertools.product(State, Event) if pair not in TABLE]
    assert outside
    for state, event in outside:
        with pytest.raises(OutOfOrder):
            advance(state, event)


def test_every_state_can_end() -> None:
    """P3: from every state DONE or ABORTED can be reached, so every exchange gets its entry."""
    for start in State:
        seen, todo = set(), [start]
        while todo:
            state = todo.pop()
            seen.add(state)
            todo += [to for (at, _), to in TABLE.items() if at is state and to not in seen]
        assert seen & {State.DONE, State.ABORTED}
