"""How long a call may take and how often it is tried, as the caller and its rule said."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """None: nobody said. Times in milliseconds.

    `attempt_ms`: until an attempt's answer begins (a stream's first token, nearly). `tries`:
    further ones on the same target, `try_on`: after these statuses.
    """

    attempt_ms: int | None = None
    tries: int | None = None
    try_on: tuple[int, ...] = ()
