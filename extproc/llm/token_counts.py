"""Reads the token counts of a provider's `usage` object, trusting none of it.

A count that is negative, boolean, fractional or beyond any model's reach makes the whole usage
absurd (None): the gateway then charges what it counted itself instead of a lie (P2).
"""

from __future__ import annotations

from typing import Any

TOKENS_MAX = 10**9
ABSURD = -1


def count(holder: Any, key: str) -> int:
    """Tokens under `key`: 0 when absent or null, ABSURD when it is no sound count."""
    if type(holder) is not dict:
        return 0 if holder is None else ABSURD
    value = holder.get(key)
    if value is None:
        return 0
    return value if type(value) is int and 0 <= value <= TOKENS_MAX else ABSURD


def stated(holder: Any, *keys: str) -> bool:
    """Whether `holder` is an object that states all of these."""
    return type(holder) is dict and all(holder.get(key) is not None for key in keys)
