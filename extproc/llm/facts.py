"""Numbers of a request and reasons of an answer, in any dialect: what a trace may say of them.

Promises: numbers and words of a closed form only, never a text (P4). Places that two dialects share
are looked at whatever the dialect is. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from extproc.llm.call import Json

Numbers = Mapping[str, float]
# Where dialects keep a number -> what it is called here (OpenTelemetry's last word for it).
_NAMES: Final[Mapping[str, str]] = {
    "temperature": "temperature",
    "top_p": "top_p", "topP": "top_p", "p": "top_p",
    "top_k": "top_k", "topK": "top_k", "k": "top_k",
    "frequency_penalty": "frequency_penalty", "frequencyPenalty": "frequency_penalty",
    "presence_penalty": "presence_penalty", "presencePenalty": "presence_penalty",
    "seed": "seed",
}  # fmt: skip
_HOLDERS = ("generationConfig", "generation_config", "inferenceConfig")
"""Objects that Gemini and Bedrock keep their numbers in."""
_BIG = 2**53
_REASON = re.compile(r"[A-Za-z][A-Za-z_ -]{0,39}")
REASONS_MAX = 8


def request_numbers(body: Json) -> dict[str, float]:
    """Sampling parameters that are numbers, by their OpenTelemetry word. What is not one is left
    out."""
    found: dict[str, float] = {}
    inner = (body.get(holder) for holder in _HOLDERS)
    parts: list[Json] = [body, *(part for part in inner if isinstance(part, dict))]
    for part in parts:
        for key in _NAMES.keys() & part.keys():
            if (number := _number(part[key])) is not None:
                found[_NAMES[key]] = number
    return found


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if -_BIG < value < _BIG else None


def finish_reasons(data: Json) -> Iterator[str]:
    """Why the parts of an answer ended, from a whole answer or one frame of a stream: words of a
    closed form, at most REASONS_MAX."""
    for value in list(_reasons(data))[:REASONS_MAX]:
        if isinstance(value, str) and _REASON.fullmatch(value):
            yield value


def _reasons(data: Json) -> Iterator[Any]:
    for key in ("choices", "candidates"):  # OpenAI; Gemini
        for part in _list(data.get(key)):
            yield part.get("finish_reason") or part.get("finishReason")
    delta = data.get("delta")
    for holder in (data, delta if isinstance(delta, dict) else {}):  # Anthropic, Cohere
        yield holder.get("stop_reason") or holder.get("finish_reason")
    stop = data.get("messageStop")  # a frame of Bedrock's
    yield (stop if isinstance(stop, dict) else data).get("stopReason")


def _list(value: Any) -> list[Json]:
    return [part for part in value if isinstance(part, dict)] if isinstance(value, list) else []
