"""OpenAI's `usage` object, read into disjoint buckets and written back.

Wire (platform.openai.com, "The chat completion object"): `prompt_tokens` includes
`prompt_tokens_details.cached_tokens` and `.cache_write_tokens`; `completion_tokens` includes
`completion_tokens_details.reasoning_tokens`.
"""

from __future__ import annotations

from typing import Any

from extproc.llm.call import Json
from extproc.llm.token_counts import count, stated
from extproc.usage.usage import Usage


def read_openai_usage(usage: Any, *, completion: bool = True) -> Usage | None:
    """None when absent or absurd. `completion=False`: embeddings, which state no output."""
    needed = ("prompt_tokens", "completion_tokens") if completion else ("prompt_tokens",)
    if not stated(usage, *needed):
        return None
    details = usage.get("prompt_tokens_details")
    prompt, output = count(usage, "prompt_tokens"), count(usage, "completion_tokens")
    cached, written = count(details, "cached_tokens"), count(details, "cache_write_tokens")
    reasoning = count(usage.get("completion_tokens_details"), "reasoning_tokens")
    if min(prompt, output, cached, written, reasoning) < 0 or cached > prompt:
        return None
    written = min(written, prompt - cached)
    return Usage(
        input_tokens=prompt - cached - written,
        output_tokens=output,
        cached_input_tokens=cached,
        cache_write_tokens=written,
        reasoning_tokens=reasoning,
    )


def write_openai_usage(usage: Usage) -> Json:
    """The `usage` object an OpenAI client reads."""
    prompt = usage.input_tokens + usage.cached_input_tokens + usage.cache_write_tokens
    details = {"cached_tokens": usage.cached_input_tokens}
    if usage.cache_write_tokens:
        details["cache_write_tokens"] = usage.cache_write_tokens
    return {
        "prompt_tokens": prompt,
        "completion_tokens": usage.output_tokens,
        "total_tokens": prompt + usage.output_tokens,
        "prompt_tokens_details": details,
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }
