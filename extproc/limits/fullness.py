"""How full a counter is: the order in which operators want to see them. Pure, integers inside.

What is used and what is reserved count together: that is what refuses the next call.
"""

from __future__ import annotations

from extproc.limits.values import CounterReading


def share(reading: CounterReading) -> float:
    """Part of the limit that is gone, 0 to 1 (more where nothing is refused); 0 without a limit.

    A limit of zero has no room at all: 1.
    """
    if reading.limit < 0:
        return 0.0
    return (reading.spent + reading.reserved) / reading.limit if reading.limit else 1.0


def fullness(reading: CounterReading) -> tuple[float, int]:
    """A sort key: the share, then the amount (which alone counts without a limit)."""
    return share(reading), reading.spent + reading.reserved


def percent(reading: CounterReading) -> float | None:
    """Percent of the limit that is gone, rounded down to hundredths; None without a limit.

    Rounded down, so that 100 means there is no room.
    """
    if reading.limit <= 0:
        return 100.0 if reading.limit == 0 else None
    return (reading.spent + reading.reserved) * 10_000 // reading.limit / 100
