"""Anthropic's `usage` object, read into disjoint buckets and written back.

Wire (platform.claude.com, "Messages"): total input is the sum of `input_tokens`,
`cache_read_input_tokens` and `cache_creation_input_tokens`; `output_tokens` includes
`output_tokens_details.thinking_tokens`.
"""

from __future__ import annotations

from typing import Any

from extproc.llm.call import Json
from extproc.llm.token_counts import count, stated
from extproc.usage.usage import Usage


def read_anthropic_usage(usage: Any, before: Usage | None = None) -> Usage | None:
    """None when absurd or when input or output stay unknown.

    `before`: what an earlier event of the same stream said; fields this one leaves out keep it
    (`message_delta` counts are cumulative, "Streaming messages").
    """
    if not stated(usage, "output_tokens"):
        return None
    if before is None and not stated(usage, "input_tokens"):
        return None
    old = before or Usage()
    counts = (
        _or(usage, "input_tokens", old.input_tokens),
        count(usage, "output_tokens"),
        _or(usage, "cache_read_input_tokens", old.cached_input_tokens),
        _or(usage, "cache_creation_input_tokens", old.cache_write_tokens),
        _or(usage.get("output_tokens_details"), "thinking_tokens", old.reasoning_tokens),
    )
    return None if min(counts) < 0 else Usage(*counts)


def write_anthropic_usage(usage: Usage) -> Json:
    """The `usage` object an Anthropic client reads."""
    return {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cache_read_input_tokens": usage.cached_input_tokens,
        "cache_creation_input_tokens": usage.cache_write_tokens,
    }


def _or(usage: Any, key: str, old: int) -> int:
    if usage is None or (type(usage) is dict and usage.get(key) is None):
        return old
    return count(usage, key)
