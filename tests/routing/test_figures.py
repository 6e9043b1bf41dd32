"""What workers know of their providers, and what they tell each other."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.config.model import ModelSpec, ProviderAccount
from extproc.routing import figures as module
from extproc.routing.figures import FAILED_WITHIN_MS, TRACKS_MAX, Figures
from extproc.routing.observed import Timing, observe, timing
from extproc.routing.values import Ended, Ending, Target
from tests.routing.world import NOW_MS

KEY = ("a", "m")


def told(figures: Figures, now_ms: int = NOW_MS) -> Any:
    """As it travels: through JSON."""
    return json.loads(json.dumps(figures.encode(now_ms)))


def test_workers_add_up_what_they_saw() -> None:
    """Route: one failure at each of two workers is two; samples count together."""
    one, two = Figures(), Figures()
    for worker in (one, two):
        worker.failed("a", "m", NOW_MS)
        worker.answered("a", "m", 200, 100.0, 10.0, NOW_MS)
    one.answered("a", "m", 200, 400.0, 40.0, NOW_MS)
    assert not one.ill(KEY, NOW_MS)
    one.merge([told(two)])
    assert one.ill(KEY, NOW_MS)
    seen = one.averages([KEY], NOW_MS)
    assert (seen.first_token_ms, seen.per_token_ms) == (200.0, 20.0)
    assert one.per_token_ms([KEY], NOW_MS) == 20.0


def test_merging_again_replaces() -> None:
    """Route: a worker is not counted twice, and one that is gone not at all."""
    one, two = Figures(), Figures()
    two.failed("a", "m", NOW_MS)
    for _ in range(3):
        one.merge([told(two)])
    assert not one.ill(KEY, NOW_MS)
    two.failed("a", "m", NOW_MS)
    one.merge([told(two)])
    assert one.ill(KEY, NOW_MS)
    one.merge([])
    assert not one.ill(KEY, NOW_MS)


BAD_ROWS = [[1], [[[], [["a"]]]], [[[["a"]], []]], [[[], [["a", "m", 1]]]]]


@pytest.mark.parametrize("told_us", BAD_ROWS)
def test_what_is_no_figures_changes_nothing(told_us: list[Any]) -> None:
    """Route: rows that nobody understands are a ValueError, and what was known stays."""
    one, two = Figures(), Figures()
    two.failed("a", "m", NOW_MS)
    two.failed("a", "m", NOW_MS)
    one.merge([told(two)])
    with pytest.raises(ValueError):
        one.merge(told_us)
    assert one.ill(KEY, NOW_MS)


def test_rests_travel_and_end() -> None:
    """Route: a key that rests at one worker rests at all of them, until the same moment."""
    one, two = Figures(), Figures()
    two.answered("k.key.x", "m", 401, None, None, NOW_MS)
    two.answered("a", "m", 429, None, None, NOW_MS, retry_after_s=9)
    one.merge([told(two)])
    assert one.rests(("k.key.x", "other"), NOW_MS) and one.ill(KEY, NOW_MS)
    assert not one.ill(KEY, NOW_MS + 9_000)
    assert not one.rests(("k.key.x", "m"), NOW_MS + module.REFUSED_REST_MS)
    assert told(two, NOW_MS + 10 * module.REFUSED_REST_MS) == [[], [], []]


def test_memory_is_bounded() -> None:
    """P8: a track per connection and model, up to a number; the oldest goes."""
    figures = Figures()
    for n in range(TRACKS_MAX + 10):
        figures.answered("a", str(n), 200, 1.0, 1.0, NOW_MS)
    assert len(figures.encode(NOW_MS)[1]) == TRACKS_MAX
    busy = Figures()
    for n in range(5_000):
        busy.answered("a", "m", 200, 1.0, 1.0, NOW_MS + n * 7_000)
    assert len(json.dumps(busy.encode(NOW_MS + 5_000 * 7_000))) < 400


@given(st.lists(st.integers(0, 4 * FAILED_WITHIN_MS), max_size=8), st.integers(0, 600_000))
def test_illness_is_two_failures_within_the_window(failures: list[int], later: int) -> None:
    """Route: in whatever order they are told, and however they are split between workers."""
    whole, half, other = Figures(), Figures(), Figures()
    for n, at in enumerate(failures):
        whole.failed("a", "m", NOW_MS + at)
        (half if n % 2 else other).failed("a", "m", NOW_MS + at)
    now_ms = NOW_MS + later
    wanted = sum(NOW_MS + at > now_ms - FAILED_WITHIN_MS for at in failures) > 1
    half.merge([told(other, now_ms)])
    assert whole.ill(KEY, now_ms) == half.ill(KEY, now_ms) == wanted
    assert not (wanted and whole.calm(now_ms))


# --- what an exchange tells ----------------------------------------------------------------------


def target(name: str) -> Target:
    account = ProviderAccount(
        type="provider-account", name=name, provider="openai", base_url="http://127.0.0.1:1",
        models=(ModelSpec(id="m"),),
    )  # fmt: skip
    return Target(account, account.models[0])


def test_every_attempt_is_told() -> None:
    """Route: earlier attempts by how they ended, the last one with its times."""
    figures, slots = Figures(), [target(name) for name in "abc"]
    made = [
        Ended(1, Ending.LATE),
        Ended(2, Ending.ANSWERED, 429, 5),
        Ended(3, Ending.ANSWERED, 200),
    ]
    for _ in range(3):
        observe(figures, slots, made, Timing(None, 8.0), NOW_MS)
    assert figures.ill(("a", "m"), NOW_MS) and figures.ill(("b", "m"), NOW_MS)
    assert not figures.ill(("c", "m"), NOW_MS)
    assert figures.per_token_ms([("c", "m")], NOW_MS) == 8.0


def test_an_answer_that_broke_off_is_a_failure() -> None:
    """Route: its status was 200, and its provider did not keep it up."""
    figures = Figures()
    for _ in range(2):
        observe(figures, [target("a")], [Ended(1, Ending.ANSWERED, 200)], Timing(), NOW_MS,
                broke_off=True)  # fmt: skip
    assert figures.ill(KEY, NOW_MS)


def test_times_are_told_where_they_are_one_attempts() -> None:
    """Route: after a fallback the time to the first token is that of several attempts."""
    stream = {"sent_ns": 10**6, "first_token_ns": 5 * 10**6, "last_token_ns": 25 * 10**6,
              "ended_ns": 26 * 10**6, "output_tokens": 11}  # fmt: skip
    assert timing(**stream, attempts=1) == Timing(4.0, 2.0)
    assert timing(**stream, attempts=2) == Timing(None, 2.0)
    assert timing(**{**stream, "output_tokens": 1}, attempts=1) == Timing(4.0, None)
    whole = {**stream, "first_token_ns": 0, "last_token_ns": 0, "ended_ns": 23 * 10**6}
    assert timing(**whole, attempts=1) == Timing(None, 2.0)
    assert timing(**whole, attempts=2) == Timing()
