"""Reads the counts of a provider's `usage` object, trusting none of them.

A count that is negative, boolean, fractional or beyond any model's reach makes the whole usage
unsound: the gateway then charges what it counted itself instead of a lie (P2).
"""

from __future__ import annotations

from typing import Any

from extproc.usage.usage import Unsound

TOKENS_MAX = 10**9
"""No context window is a thousandth of it, and its cost still fits the store (`AMOUNT_MAX`)."""
NEGATIVE, ABSURD, MALFORMED = -1, -2, -3

MISSHAPEN = Unsound("provider_usage_malformed")
INCONSISTENT = Unsound("provider_usage_inconsistent")
_UNSOUND = {
    NEGATIVE: Unsound("provider_usage_negative"),
    ABSURD: Unsound("provider_usage_absurd"),
    MALFORMED: MISSHAPEN,
}


def count(holder: Any, key: str) -> int:
    """The count under `key`: 0 when absent or null, one of the marks above when unsound."""
    if type(holder) is not dict:
        return 0 if holder is None else MALFORMED
    value = holder.get(key)
    if value is None:
        return 0
    if type(value) is not int:
        return MALFORMED
    if value < 0:
        return NEGATIVE
    return value if value <= TOKENS_MAX else ABSURD


def fault(*counts: int) -> Unsound | None:
    """What is wrong with the worst of these counts."""
    worst = min(counts)
    return None if worst >= 0 else _UNSOUND[worst]


def stated(holder: Any, *keys: str) -> bool:
    """Whether `holder` is an object that states all of these."""
    return type(holder) is dict and all(holder.get(key) is not None for key in keys)
