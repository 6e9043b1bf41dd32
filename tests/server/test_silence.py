"""Streams that say nothing more are given up; a fake clock tells the time."""

from __future__ import annotations

from extproc.server.silence import Silence


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0


def test_who_says_nothing_for_too_long_is_given_up_once() -> None:
    """P2: a silent stream is ended, so that its reservation is; the others go on."""
    clock, given_up = Clock(), list[str]()
    silence = Silence(lambda: clock.now_s)
    talking = silence.begin(1, 2.0, lambda: given_up.append("talking"))
    silence.begin(2, 2.0, lambda: given_up.append("silent"))
    clock.now_s += 1.9
    silence.look()
    talking.at_s = clock.now_s
    clock.now_s += 0.2
    silence.look()
    silence.look()
    assert given_up == ["silent"]
    clock.now_s += 1.9
    silence.look()
    assert given_up == ["silent", "talking"]


def test_a_stream_that_has_ended_is_left_alone() -> None:
    """P2: nothing is done to an exchange that is over."""
    clock, given_up = Clock(), list[str]()
    silence = Silence(lambda: clock.now_s)
    silence.begin(1, 2.0, lambda: given_up.append("x"))
    silence.end(1)
    silence.end(1)
    clock.now_s += 10
    silence.look()
    assert given_up == []
