"""Lengths of time as operators write them: `30d`, `24h`, `90m`, `45s`, `2w`.

Refuses whatever could be misread: no unit (but plain 0), fractions, signs, months.
"""

from __future__ import annotations

import re

_UNITS_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_DURATION = re.compile(r"([0-9]{1,9})([smhdw])")
DURATION_MS_MAX = 100 * 365 * 86_400_000


def duration_ms(text: str) -> int:
    """Milliseconds of a duration, at most a hundred years. Raises ValueError with a sentence."""
    if text == "0":
        return 0
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError("write a number and a unit: 45s, 90m, 24h, 30d or 2w")
    total = int(match[1]) * _UNITS_MS[match[2]]
    if total > DURATION_MS_MAX:
        raise ValueError("is longer than a hundred years")
    return total
