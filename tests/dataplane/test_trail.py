"""From attributes to endings; `test_attempts.py` shows that Envoy sends these attributes."""

from __future__ import annotations

from typing import Any

import pytest

from extproc.dataplane.trail import (
    CONNECTION,
    COUNT,
    DETAILS,
    RETRY_AFTER,
    TRAIL,
    attempts_made,
)
from extproc.routing.values import Ended, Ending

ANSWERED, LATE, BROKEN, UNSENT = Ending.ANSWERED, Ending.LATE, Ending.BROKEN, Ending.UNSENT
RESET = "upstream_reset_before_response_started{connection_termination}"
REFUSED = "upstream_reset_before_response_started{remote_connection_failure|refused}"


def head(trail: str | None, count: int, details: str, *, connected: bool = True) -> dict[str, Any]:
    attrs: dict[str, Any] = {COUNT: float(count), DETAILS: details}
    if trail is not None:
        attrs[TRAIL] = trail
    if connected:
        attrs[CONNECTION] = "127.0.0.1:1"
    return attrs


@pytest.mark.parametrize(
    ("trail", "count", "details", "connected", "ended"),
    [
        (None, 1, "via_upstream", True, [Ended(1, ANSWERED, 200)]),
        (None, 1, "upstream_per_try_timeout", True, [Ended(1, LATE)]),
        (None, 1, "response_timeout", True, [Ended(1, LATE)]),
        (None, 1, "response_timeout", False, [Ended(1, UNSENT)]),
        (None, 1, RESET, True, [Ended(1, BROKEN)]),
        (None, 1, REFUSED, False, [Ended(1, UNSENT)]),
        (None, 1, "no_healthy_upstream", False, [Ended(1, UNSENT)]),
        ("1", 1, "via_upstream", True, [Ended(1, ANSWERED, 200)]),
        ("1:503,3", 2, "via_upstream", True, [Ended(1, ANSWERED, 503), Ended(3, ANSWERED, 200)]),
        ("1:late,2", 2, RESET, True, [Ended(1, LATE), Ended(2, BROKEN)]),
        ("1:unsent,2:broken", 3, "lua_response", True, [Ended(1, UNSENT), Ended(2, BROKEN)]),
        ("1:503", 1, "via_upstream", True, [Ended(1, ANSWERED, 503)]),
        ("1:503", 2, "no_healthy_upstream", False, [Ended(1, ANSWERED, 503)]),
        ("1:429+30,2", 2, RESET, True, [Ended(1, ANSWERED, 429, 30), Ended(2, BROKEN)]),
    ],
)
def test_every_attempt_is_told(
    trail: str | None, count: int, details: str, connected: bool, ended: list[Ended]
) -> None:
    """P2: in order, each with its slot; the last one by the head's own details."""
    attrs = head(trail, count, details, connected=connected)
    assert attempts_made(attrs, 200 if trail != "1:503" else 503) == tuple(ended)


@pytest.mark.parametrize(
    ("said", "seconds"), [("7", 7), ("", 0), ("-1", 0), ("1.5", 0), ("123456", 0), ("Wed, 21", 0)]
)
def test_what_the_last_answer_asks_for(said: str, seconds: int) -> None:
    """Route: whole seconds; a date and nonsense ask for none."""
    attrs = {**head(None, 1, "via_upstream"), RETRY_AFTER: said}
    assert attempts_made(attrs, 429) == (Ended(1, ANSWERED, 429, seconds),)


def test_what_nobody_saw_counts_as_worked() -> None:
    """P2: another attempt was about to begin and could not; how this one ended is unknown."""
    attrs = head("1:503,2", 3, "no_healthy_upstream", connected=False)
    assert attempts_made(attrs, 503) == (Ended(1, ANSWERED, 503), Ended(2, BROKEN))


def test_only_silence_may_be_billed_unseen() -> None:
    """P2: an error status is free, a connection that never stood is free, silence is not."""
    silent = [ending for ending in Ending if Ended(1, ending).silent]
    assert silent == [LATE, BROKEN]


def test_before_any_attempt_there_is_nothing_to_tell() -> None:
    """P2: what Envoy refused by itself (a body too large) cost nothing at any provider."""
    assert attempts_made({DETAILS: "request_payload_too_large"}, 413) == ()
    assert attempts_made(head(None, 0, "request_payload_too_large"), 413) == ()
