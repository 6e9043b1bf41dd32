"""What one exchange tells the figures: how each of its attempts ended, how fast the answer was.

Promises: a time is told only where it is that of one attempt alone. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from extproc.routing.figures import Figures
from extproc.routing.values import Ended, Ending, Target

TOKENS_MIN = 2
"""Fewer output tokens have no time between them."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Milliseconds; None where it cannot be told."""

    first_token_ms: float | None = None
    per_token_ms: float | None = None


def timing(
    *, sent_ns: int, first_token_ns: int, last_token_ns: int, ended_ns: int, output_tokens: int,
    attempts: int,
) -> Timing:  # fmt: skip
    """Of the attempt that answered. Nanoseconds, monotonic; 0 = it never came to that.

    A stream: until its first token, and from token to token. A whole answer: all of it, per token.
    """
    alone, enough = attempts == 1, output_tokens >= TOKENS_MIN
    if first_token_ns:
        first = (first_token_ns - sent_ns) / 1e6 if alone and sent_ns else None
        spent = (last_token_ns - first_token_ns) / 1e6
        return Timing(first, spent / (output_tokens - 1) if enough else None)
    if alone and enough and sent_ns and ended_ns > sent_ns:
        return Timing(None, (ended_ns - sent_ns) / 1e6 / output_tokens)
    return Timing()


def observe(
    figures: Figures, slots: Sequence[Target], made: Sequence[Ended], took: Timing, now_ms: int,
    *, broke_off: bool = False,
) -> None:  # fmt: skip
    """Tell the figures of every attempt. `slots`: the target of each slot of the plan; `made`: the
    attempts, the one that answered last; `broke_off`: its answer ended before its end. Of several
    tries of one call at one target only the last counts: it failed one call."""
    lasts = {(slots[e.slot - 1].connection, slots[e.slot - 1].model.id): e for e in made}
    for (connection, model), ended in lasts.items():
        if ended.ending is not Ending.ANSWERED:
            figures.failed(connection, model, now_ms)
            continue
        last = ended is made[-1]
        figures.answered(
            connection, model, ended.status,
            took.first_token_ms if last else None, took.per_token_ms if last else None,
            now_ms, ended.retry_after_s,
        )  # fmt: skip
        if last and broke_off and ended.status < 400:
            figures.failed(connection, model, now_ms)
