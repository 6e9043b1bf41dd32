"""Gemini's `usageMetadata`, read into disjoint buckets and written back.

Wire (ai.google.dev, "GenerateContentResponse", UsageMetadata): `promptTokenCount` includes
`cachedContentTokenCount`; `candidatesTokenCount` does not include `thoughtsTokenCount`, both are
billed as output; `toolUsePromptTokenCount` (what hosted tools brought in) stands beside the prompt;
`totalTokenCount` is the sum of the four. `promptTokensDetails`, `cacheTokensDetails`,
`toolUsePromptTokensDetails` and `candidatesTokensDetails` split them by modality: sound has a price
of its own, so has a picture that is read. Zeros are left out of the JSON.

Not everybody keeps to that, and what a provider bills must not be lost (P2): where the total is
above the sum, what is missing is output. Where it says that thoughts or what the tools brought in
are inside the other two counts, it is believed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from extproc.llm.call import Json
from extproc.llm.gemini_fields import get
from extproc.llm.token_counts import INCONSISTENT, MALFORMED, MISSHAPEN, count, fault
from extproc.usage.usage import Reported, Usage

_NO_SPLIT = (0, 0)
_PLAIN = frozenset(("promptTokenCount", "candidatesTokenCount", "totalTokenCount", "trafficType"))


def read_gemini_usage(body: Json) -> Reported:
    """Usage of a whole answer or of one chunk; None when it tells none.

    A chunk on its way may hold `{"trafficType": ...}` alone (Vertex): that tells nothing.
    """
    usage = get(body, "usageMetadata")
    if usage is None:
        return None
    if type(usage) is not dict:
        return MISSHAPEN
    prompt, told = count(usage, "promptTokenCount"), count(usage, "candidatesTokenCount")
    thoughts, tools = count(usage, "thoughtsTokenCount"), count(usage, "toolUsePromptTokenCount")
    total, cached = count(usage, "totalTokenCount"), count(usage, "cachedContentTokenCount")
    unsound = fault(prompt, told, thoughts, tools, total, cached)
    if unsound is not None:
        return unsound
    if not (prompt or told or thoughts or total):
        return None
    output = told + thoughts
    if "totalTokenCount" in usage:
        summed = _summed(prompt, told, thoughts, tools, total)
        if summed is None:
            return INCONSISTENT
        output, tools = summed
    return _split(usage, prompt, tools, output, thoughts, cached, _searches(body))


def _summed(
    prompt: int, told: int, thoughts: int, tools: int, total: int
) -> tuple[int, int] | None:
    """(output, tokens beside the prompt) as the total says; None when it cannot be."""
    if total == prompt + told + thoughts:
        return told + thoughts, 0  # what the tools brought in is inside the prompt
    output = total - prompt - tools
    if output < max(told, thoughts):
        return None
    return output, tools


def _split(
    usage: Json, prompt: int, tools: int, output: int, thoughts: int, cached: int, searches: int
) -> Reported:
    if _PLAIN.issuperset(usage):
        return Usage(prompt, output, web_searches=searches)
    read = _modalities(usage.get("promptTokensDetails"))
    kept = _modalities(usage.get("cacheTokensDetails"))
    brought = _modalities(usage.get("toolUsePromptTokensDetails")) if tools else _NO_SPLIT
    made = _modalities(usage.get("candidatesTokensDetails"))
    unsound = fault(*read, *kept, *brought, *made)
    if unsound is not None:
        return unsound
    audio = max(0, read[0] - kept[0]) + brought[0]
    image = max(0, read[1] - kept[1]) + brought[1]
    everything = prompt + tools
    words = output - made[0] - made[1]
    if cached > prompt or audio + image > everything or words < 0 or thoughts > output:
        return INCONSISTENT
    # Where nothing says what of the cached tokens was sound, the cheaper bucket gives way.
    cached = min(cached, everything - audio - image)
    return Usage(
        everything - audio - image - cached,
        words,
        cached,
        reasoning_tokens=min(thoughts, words),
        audio_input_tokens=audio,
        audio_output_tokens=made[0],
        image_input_tokens=image,
        image_output_tokens=made[1],
        web_searches=searches,
    )


def _modalities(details: Any) -> tuple[int, int]:
    """(audio, image) tokens of `[{"modality": "AUDIO", "tokenCount": 3}]`; video is images."""
    if details is None:
        return _NO_SPLIT
    if type(details) is not list:
        return MALFORMED, MALFORMED
    audio = image = 0
    for entry in details:
        tokens = count(entry, "tokenCount")
        if tokens < 0:
            return tokens, tokens
        match entry.get("modality"):
            case "AUDIO":
                audio += tokens
            case "IMAGE" | "VIDEO":
                image += tokens
    return audio, image


def _searches(body: Json) -> int:
    """Queries that grounding made; the newer models bill each ("Pricing", grounding)."""
    found = 0
    candidates = body.get("candidates")
    for candidate in candidates if type(candidates) is list else ():
        grounding = candidate.get("groundingMetadata") if type(candidate) is dict else None
        queries = grounding.get("webSearchQueries") if type(grounding) is dict else None
        found += len(queries) if type(queries) is list else 0
    return found


def later(told: Reported, so_far: Reported) -> Reported:
    """Of two totals of one stream the larger: each chunk repeats what came before it, with more.
    An unsound one voids what came before."""
    if not (isinstance(told, Usage) and isinstance(so_far, Usage)):
        return told
    largest = told if told.total_tokens >= so_far.total_tokens else so_far
    searches = max(told.web_searches, so_far.web_searches)
    return largest if largest.web_searches == searches else replace(largest, web_searches=searches)


def write_gemini_usage(usage: Usage) -> Json:
    """The `usageMetadata` that a Gemini client reads."""
    thoughts = min(usage.reasoning_tokens, usage.output_tokens)
    told: Json = {
        "promptTokenCount": usage.total_input_tokens,
        "candidatesTokenCount": usage.total_output_tokens - thoughts,
        "totalTokenCount": usage.total_tokens,
    }
    if usage.cached_input_tokens:
        told["cachedContentTokenCount"] = usage.cached_input_tokens
    if thoughts:
        told["thoughtsTokenCount"] = thoughts
    audio, image = usage.audio_input_tokens, usage.image_input_tokens
    if audio or image:
        told["promptTokensDetails"] = _told(usage.total_input_tokens, audio, image)
    spoken, drawn = usage.audio_output_tokens, usage.image_output_tokens
    if spoken or drawn:
        told["candidatesTokensDetails"] = _told(told["candidatesTokenCount"], spoken, drawn)
    return told


def _told(all_tokens: int, audio: int, image: int) -> list[Json]:
    counts = {"TEXT": all_tokens - audio - image, "AUDIO": audio, "IMAGE": image}
    return [{"modality": kind, "tokenCount": number} for kind, number in counts.items() if number]
