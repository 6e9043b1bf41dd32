"""OpenAI's `usage` object, read into disjoint buckets and written back.

Wire (platform.openai.com, "The chat completion object"): `prompt_tokens` includes
`prompt_tokens_details`: `cached_tokens`, `cache_write_tokens`, `audio_tokens`, `image_tokens`;
`completion_tokens` includes `completion_tokens_details`: `reasoning_tokens`, `audio_tokens`,
`accepted_prediction_tokens` and `rejected_prediction_tokens`, both billed as output.

Not everybody keeps to that, and what a provider bills must not be lost (P2):
- Some leave hidden reasoning out of `completion_tokens` (xAI; Gemini's OpenAI endpoint). Then
  `total_tokens` is above the sum, or is not told and `reasoning_tokens` are above the completion:
  what is missing is output. A total below the sum cannot be.
- Nobody says whether cached tokens that were audio stand in both details. Where the details add up
  to more than the prompt, the cheaper bucket gives way.
"""

from __future__ import annotations

from typing import Any

from extproc.llm.call import Json
from extproc.llm.token_counts import INCONSISTENT, MISSHAPEN, count, fault, stated
from extproc.usage.usage import Reported, Usage


def read_openai_usage(usage: Any, *, completion: bool = True) -> Reported:
    """None when absent. `completion=False`: embeddings, which state no output."""
    if usage is None:
        return None
    needed = ("prompt_tokens", "completion_tokens") if completion else ("prompt_tokens",)
    if not stated(usage, *needed):
        return MISSHAPEN
    prompt, output = count(usage, "prompt_tokens"), count(usage, "completion_tokens")
    total = count(usage, "total_tokens")
    unsound = fault(prompt, output, total)
    if unsound is not None:
        return unsound
    summed = usage.get("total_tokens") is not None
    if summed:
        if total < prompt + output or (total > prompt + output and not completion):
            return INCONSISTENT
        output = total - prompt
    before, after = usage.get("prompt_tokens_details"), usage.get("completion_tokens_details")
    if before is None and after is None:
        return Usage(prompt, output)
    reasoning = count(after, "reasoning_tokens")
    if reasoning > output and not summed:
        output += reasoning
    return _detailed(prompt, output, reasoning, before, after)


def _detailed(prompt: int, output: int, reasoning: int, before: Any, after: Any) -> Reported:
    cached, written = count(before, "cached_tokens"), count(before, "cache_write_tokens")
    audio, image = count(before, "audio_tokens"), count(before, "image_tokens")
    spoken, accepted = count(after, "audio_tokens"), count(after, "accepted_prediction_tokens")
    rejected = count(after, "rejected_prediction_tokens")
    unsound = fault(cached, written, audio, image, reasoning, spoken, accepted, rejected)
    if unsound is not None:
        return unsound
    if cached > prompt or audio + image > prompt or max(spoken, reasoning) > output:
        return INCONSISTENT
    rest = prompt - audio - image
    written = min(written, rest)
    cached = min(cached, rest - written)
    return Usage(
        rest - written - cached, output - spoken, cached, written, reasoning, 0,
        audio, spoken, image, accepted, rejected,
    )  # fmt: skip


def larger(told: Reported, so_far: Reported) -> Reported:
    """Of two totals of one stream the larger: they are running totals, and are never added up."""
    if isinstance(told, Usage) and isinstance(so_far, Usage):
        return told if told.total_tokens >= so_far.total_tokens else so_far
    return told


def write_openai_usage(usage: Usage) -> Json:
    """The `usage` object an OpenAI client reads."""
    prompt, completion = usage.total_input_tokens, usage.total_output_tokens
    written = usage.cache_write_tokens + usage.cache_write_1h_tokens
    before = {
        "cached_tokens": usage.cached_input_tokens,
        "cache_write_tokens": written,
        "audio_tokens": usage.audio_input_tokens,
        "image_tokens": usage.image_input_tokens,
    }
    after = {
        "reasoning_tokens": usage.reasoning_tokens,
        "audio_tokens": usage.audio_output_tokens,
        "accepted_prediction_tokens": usage.accepted_prediction_tokens,
        "rejected_prediction_tokens": usage.rejected_prediction_tokens,
    }
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": _told(before, "cached_tokens"),
        "completion_tokens_details": _told(after, "reasoning_tokens"),
    }


def _told(details: dict[str, int], always: str) -> dict[str, int]:
    return {name: value for name, value in details.items() if value or name == always}
