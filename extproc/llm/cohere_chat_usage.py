"""Cohere's `usage` object of a chat, read into disjoint buckets.

Wire (docs.cohere.com/reference/chat): `billed_units` are what is billed; `tokens` are those the
model saw, Cohere's own template included, and count only where nothing billed is told.
`cached_tokens` of the prompt came out of the cache; they are taken to be among the input. The API
defines all of them as numbers, not integers: `12.0` is twelve.
"""

from __future__ import annotations

from typing import Any

from extproc.llm.token_counts import MISSHAPEN, count, fault, stated
from extproc.usage.usage import Reported, Usage

_NEEDED = ("input_tokens", "output_tokens")


def read_cohere_usage(usage: Any) -> Reported:
    """None when absent."""
    if usage is None:
        return None
    if type(usage) is not dict:
        return MISSHAPEN
    told = next((usage[key] for key in ("billed_units", "tokens")
                 if stated(usage.get(key), *_NEEDED)), None)  # fmt: skip
    if told is None:
        return MISSHAPEN
    plain, output = _count(told, "input_tokens"), _count(told, "output_tokens")
    cached = _count(usage, "cached_tokens")
    unsound = fault(plain, output, cached)
    if unsound is not None:
        return unsound
    cached = min(cached, plain)
    return Usage(plain - cached, output, cached)


def _count(holder: Any, key: str) -> int:
    value = holder.get(key)
    if type(value) is float and value.is_integer():
        return count({key: int(value)}, key)
    return count(holder, key)
