"""A rule's `override_params` in a provider's own words.

A rule says `temperature` and `max_tokens` as Chat Completions does, whoever serves the call. Names
that are not in the table go into the body as they stand: they are the provider's own. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from extproc.llm.call import Json

_GEMINI = {
    "temperature": "temperature", "top_p": "topP", "top_k": "topK", "seed": "seed",
    "stop": "stopSequences", "frequency_penalty": "frequencyPenalty",
    "presence_penalty": "presencePenalty", "max_tokens": "maxOutputTokens",
    "max_completion_tokens": "maxOutputTokens", "n": "candidateCount",
}  # fmt: skip
_BEDROCK = {
    "temperature": "temperature", "top_p": "topP", "stop": "stopSequences",
    "max_tokens": "maxTokens", "max_completion_tokens": "maxTokens",
}  # fmt: skip
# Dialect -> (the object that settings stand in, '' for the body itself; names there).
_PLACES: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "gemini_generate": ("generationConfig", _GEMINI),
    "bedrock_converse": ("inferenceConfig", _BEDROCK),
    "cohere_chat": ("", {"top_p": "p", "top_k": "k", "stop": "stop_sequences",
                         "max_completion_tokens": "max_tokens"}),
    "anthropic_messages": ("", {"stop": "stop_sequences", "max_completion_tokens": "max_tokens"}),
    "openai_responses": ("", {"max_tokens": "max_output_tokens",
                              "max_completion_tokens": "max_output_tokens"}),
}  # fmt: skip
_LISTS = frozenset({"stop"})
_OURS = frozenset({"prompt_version_fqn"})


def overridden(body: Json, params: Mapping[str, Any], shape: str) -> Json:
    """A copy of the body with the overrides in it; the body itself where there are none."""
    if not params:
        return body
    place, names = _PLACES.get(shape, ("", {}))
    made = {**body}
    inside = {**made.get(place, {})} if place else made
    for name, value in params.items():
        if name in _OURS:
            continue
        if name in names:
            inside[names[name]] = [value] if name in _LISTS and type(value) is str else value
        else:
            made[name] = value
    if place and inside:
        made[place] = inside
    return made
