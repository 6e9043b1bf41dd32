"""Which dialect reaches which provider, and how.

Promises: a pair that is not in the tables is refused before anything is sent; a pair of the same
dialect passes through untouched (no Translation). A folder holds both sides of one dialect; every
caller reaches every provider of the same operation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from extproc.llm.call import Dialect, ProviderDialect
from extproc.llm.translate import (
    anthropic_messages,
    bedrock_converse,
    cohere_chat,
    embeddings,
    gemini_generate,
    openai_chat,
    openai_completions,
    openai_responses,
    rerank,
)
from extproc.llm.translate.sides import CallerSide, ProviderSide, Translation

CHAT_CALLERS: Mapping[str, CallerSide] = {
    "openai_chat": openai_chat.CALLER,
    "openai_responses": openai_responses.CALLER,
    "openai_completions": openai_completions.CALLER,
    "anthropic_messages": anthropic_messages.CALLER,
    "gemini_generate": gemini_generate.CALLER,
}
CHAT_PROVIDERS: Mapping[str, ProviderSide] = {
    "openai_chat": openai_chat.PROVIDER,
    "openai_responses": openai_responses.PROVIDER,
    "anthropic_messages": anthropic_messages.PROVIDER,
    "gemini_generate": gemini_generate.PROVIDER,
    "bedrock_converse": bedrock_converse.PROVIDER,
    "cohere_chat": cohere_chat.PROVIDER,
}
_GROUPS: tuple[tuple[Mapping[str, Any], Mapping[str, Any]], ...] = (
    (CHAT_CALLERS, CHAT_PROVIDERS),
    (embeddings.CALLERS, embeddings.PROVIDERS),
    (rerank.CALLERS, rerank.PROVIDERS),
)
TRANSLATIONS: Mapping[tuple[str, str], Translation] = {
    (caller, provider): Translation(callers[caller], providers[provider])
    for callers, providers in _GROUPS
    for caller in callers
    for provider in providers
    if caller != provider
}


def reaches(caller: Dialect, provider: ProviderDialect) -> bool:
    """Whether a request in the caller's dialect can be sent in the provider's."""
    return caller.shape == provider.shape or (caller.shape, provider.shape) in TRANSLATIONS


def translator(caller: Dialect, provider: ProviderDialect) -> Translation | None:
    """The translation of a pair; None when none is needed. Raises LookupError on an unknown pair
    (ask `reaches` first): passing untranslated bytes on would be worse."""
    if caller.shape == provider.shape:
        return None
    return TRANSLATIONS[caller.shape, provider.shape]
