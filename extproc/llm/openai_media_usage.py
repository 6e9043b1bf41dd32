"""OpenAI's `usage` of pictures and of transcripts, read into disjoint buckets.

Wire (platform.openai.com, "The image generation response", "The transcription object"):
- pictures: `input_tokens` with `input_tokens_details` (text and image), `output_tokens` with
  `output_tokens_details`; without details all output is picture;
- transcripts: `{"type": "tokens"}` with `input_token_details` (text and audio), or `{"type":
  "duration", "seconds": n}`; a verbose answer has `duration` beside it.

Seconds are billed whole: a fraction counts as one.
"""

from __future__ import annotations

import math
from typing import Any

from extproc.llm.call import Json
from extproc.llm.token_counts import INCONSISTENT, MISSHAPEN, count, fault, stated
from extproc.usage.usage import Reported, Units, Usage

SECONDS_MAX = 10_000_000


def read_image_usage(usage: Any, images: int) -> Reported:
    """`images`: as many as the answer holds. None where no tokens are told."""
    if usage is None:
        return None
    if not stated(usage, "input_tokens", "output_tokens"):
        return MISSHAPEN
    prompt, output = count(usage, "input_tokens"), count(usage, "output_tokens")
    before, after = usage.get("input_tokens_details"), usage.get("output_tokens_details")
    shown, written = count(before, "image_tokens"), count(after, "text_tokens")
    unsound = fault(prompt, output, shown, written)
    if unsound is not None:
        return unsound
    if shown > prompt or written > output:
        return INCONSISTENT
    told = Usage(prompt - shown, written, image_input_tokens=shown,
                 image_output_tokens=output - written)  # fmt: skip
    if not told.total_tokens:
        return told  # who does not count tokens is not believed in the number of pictures either
    return _with_units(told, Units(images=images))


def read_transcript_usage(body: Json) -> Reported:
    usage = body.get("usage")
    if usage is None:
        return _by_length(body.get("duration"))
    if type(usage) is not dict:
        return MISSHAPEN
    if usage.get("type") == "duration" or "seconds" in usage:
        told = _by_length(usage.get("seconds"))
        return MISSHAPEN if told is None else told
    return _by_tokens(usage)


def _by_tokens(usage: Json) -> Reported:
    if not stated(usage, "input_tokens", "output_tokens"):
        return MISSHAPEN
    given, output = count(usage, "input_tokens"), count(usage, "output_tokens")
    heard = count(usage.get("input_token_details"), "audio_tokens")
    unsound = fault(given, output, heard)
    if unsound is not None:
        return unsound
    if heard > given:
        return INCONSISTENT
    if usage.get("input_token_details") is None:
        heard = given
    return Usage(given - heard, output, audio_input_tokens=heard)


def _by_length(seconds: Any) -> Reported:
    """Verbose answers of some servers tell the length as a string."""
    if seconds is None:
        return None
    try:
        length = float(seconds) if type(seconds) in (int, float, str) else -1.0
    except ValueError:
        return MISSHAPEN
    if not 0 <= length <= SECONDS_MAX:  # not a number fails too
        return MISSHAPEN
    return Usage(units=Units(audio_ms=math.ceil(length) * 1_000))


def _with_units(usage: Usage, units: Units) -> Usage:
    return Usage(usage.input_tokens, usage.output_tokens, units=units,
                 image_input_tokens=usage.image_input_tokens,
                 image_output_tokens=usage.image_output_tokens)  # fmt: skip
