"""How long to wait before a batch is tried again. Pure: chance is a parameter."""

from __future__ import annotations

from random import Random

FIRST_MS, MOST_MS = 500, 60_000
REFUSED_IN_A_ROW_MAX = 10
"""A sink that refuses more entries than this, and takes none between, refuses everything: from
then on one entry a minute is set aside at most."""


def wait_ms(failures: int, after_ms: int, chance: Random) -> int:
    """After `failures` in a row (from 1): doubling, the upper half by chance, a minute at most.

    `after_ms`: what the sink asked for is the least, up to the same minute.
    """
    most = min(MOST_MS, FIRST_MS << min(failures - 1, 16))
    return max(min(after_ms, MOST_MS), int(most * (0.5 + chance.random() / 2)))


def slow_ms(chance: Random) -> int:
    """Where somebody must change something first."""
    return int(MOST_MS * (0.75 + chance.random() / 4))
