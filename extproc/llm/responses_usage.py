"""The `usage` object of OpenAI's Responses, read into disjoint buckets and written back.

Wire (platform.openai.com, "The response object"): `input_tokens` includes `input_tokens_details`
(`cached_tokens`, `cache_write_tokens`), `output_tokens` includes `output_tokens_details`
(`reasoning_tokens`). The same counts under other names as in Chat Completions, and read with the
same distrust. Searches are billed apart; an answer tells them as items.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from extproc.llm.call import Json
from extproc.llm.openai_usage import read_openai_usage
from extproc.llm.token_counts import MISSHAPEN, count, fault
from extproc.usage.usage import Reported, Usage

_NAMES = {
    "input_tokens": "prompt_tokens", "output_tokens": "completion_tokens",
    "total_tokens": "total_tokens", "input_tokens_details": "prompt_tokens_details",
    "output_tokens_details": "completion_tokens_details",
}  # fmt: skip


def read_responses_usage(response: Any) -> Reported:
    """Of a whole answer; None when it tells none."""
    if type(response) is not dict or response.get("usage") is None:
        return None
    stated = response["usage"]
    if type(stated) is not dict:
        return MISSHAPEN
    renamed = {new: stated[old] for old, new in _NAMES.items() if stated.get(old) is not None}
    usage = read_openai_usage(renamed)
    if not isinstance(usage, Usage):
        return usage
    searches = _searches(response)
    return fault(searches) or (replace(usage, web_searches=searches) if searches else usage)


def write_responses_usage(usage: Usage) -> Json:
    """The `usage` object a client of the Responses reads."""
    given, written = usage.total_input_tokens, usage.total_output_tokens
    cache = usage.cache_write_tokens + usage.cache_write_1h_tokens
    return {
        "input_tokens": given,
        "input_tokens_details": {
            "cached_tokens": usage.cached_input_tokens,
            "cache_write_tokens": cache,
        },
        "output_tokens": written,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": given + written,
    }


def _searches(response: Json) -> int:
    """What the provider says, else the items of it that searched (opening a page is free)."""
    told = response.get("tool_usage")
    if type(told) is dict and type(told.get("web_search")) is dict:
        return count(told["web_search"], "num_requests")
    items = response.get("output")
    return sum(map(_is_search, items)) if type(items) is list else 0


def _is_search(item: Any) -> bool:
    if type(item) is not dict or item.get("type") != "web_search_call":
        return False
    action = item.get("action")
    return type(action) is not dict or action.get("type", "search") == "search"
