"""Anthropic's `usage` object, read into disjoint buckets and written back.

Wire (platform.claude.com, "Messages"): total input is the sum of `input_tokens`,
`cache_read_input_tokens` and `cache_creation_input_tokens`; `cache_creation` splits the last one by
lifetime (`ephemeral_5m_input_tokens`, `ephemeral_1h_input_tokens`); `output_tokens` includes
`output_tokens_details.thinking_tokens`; `server_tool_use.web_search_requests` are billed each.
What the split leaves out was written for five minutes, the default.
"""

from __future__ import annotations

from typing import Any

from extproc.llm.call import Json
from extproc.llm.token_counts import MISSHAPEN, count, fault, stated
from extproc.usage.usage import Reported, Usage

_NONE = Usage()


def read_anthropic_usage(usage: Any, before: Usage | None = None) -> Reported:
    """None when absent.

    `before`: what an earlier event of the same stream said. Counts are cumulative ("Streaming
    messages"), so they are never added up: fields that this event leaves out keep their value, and
    none becomes smaller, for some servers repeat them as 0.
    """
    if usage is None:
        return None
    if not stated(usage, "output_tokens") or (before is None and not stated(usage, "input_tokens")):
        return MISSHAPEN
    plain, output = count(usage, "input_tokens"), count(usage, "output_tokens")
    cached = count(usage, "cache_read_input_tokens")
    written, hour = _written(usage)
    thought = count(usage.get("output_tokens_details"), "thinking_tokens")
    searches = count(usage.get("server_tool_use"), "web_search_requests")
    unsound = fault(plain, output, cached, written, hour, thought, searches)
    if unsound is not None:
        return unsound
    old = before or _NONE
    hour = max(hour, old.cache_write_1h_tokens)
    written = max(written, old.cache_write_tokens + old.cache_write_1h_tokens)
    return Usage(
        max(plain, old.input_tokens),
        max(output, old.output_tokens),
        max(cached, old.cached_input_tokens),
        written - hour,
        max(thought, old.reasoning_tokens),
        hour,
        web_searches=max(searches, old.web_searches),
    )


def _written(usage: Json) -> tuple[int, int]:
    """(all cache writes, those for an hour); an unsound count comes out as its mark.

    Of a total and a split that do not agree the larger stands.
    """
    written, split = count(usage, "cache_creation_input_tokens"), usage.get("cache_creation")
    if split is None:
        return written, 0
    short = count(split, "ephemeral_5m_input_tokens")
    hour = count(split, "ephemeral_1h_input_tokens")
    worst = min(written, short, hour)
    return (worst, 0) if worst < 0 else (max(written, short + hour), hour)


def write_anthropic_usage(usage: Usage) -> Json:
    """The `usage` object an Anthropic client reads."""
    hour = usage.cache_write_1h_tokens
    told: Json = {
        "input_tokens": usage.input_tokens + usage.audio_input_tokens + usage.image_input_tokens,
        "output_tokens": usage.total_output_tokens,
        "cache_read_input_tokens": usage.cached_input_tokens,
        "cache_creation_input_tokens": usage.cache_write_tokens + hour,
    }
    if hour:
        told["cache_creation"] = {
            "ephemeral_5m_input_tokens": usage.cache_write_tokens,
            "ephemeral_1h_input_tokens": hour,
        }
    if usage.web_searches:
        told["server_tool_use"] = {"web_search_requests": usage.web_searches}
    return told
