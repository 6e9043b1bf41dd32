"""Every dialect by its name, and which of them a provider's model is asked in.

Promises: a caller whose own dialect the provider speaks is passed on in it; else in the provider's
best dialect for the same operation that there is a translation to; else the model does not offer
that operation.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from extproc.config.provider_model import ModelSpec, ProviderAccount
from extproc.llm.anthropic_count_tokens import ANTHROPIC_COUNT_TOKENS
from extproc.llm.anthropic_messages import ANTHROPIC_MESSAGES
from extproc.llm.bedrock_converse import BEDROCK_CONVERSE
from extproc.llm.call import Dialect, ProviderDialect
from extproc.llm.cohere_chat import COHERE_CHAT
from extproc.llm.cohere_embed import COHERE_EMBED
from extproc.llm.cohere_rerank import COHERE_RERANK
from extproc.llm.gemini_embed import GEMINI_EMBED, GEMINI_EMBED_ONE
from extproc.llm.gemini_generate import GEMINI_GENERATE
from extproc.llm.openai_chat import OPENAI_CHAT
from extproc.llm.openai_completions import OPENAI_COMPLETIONS
from extproc.llm.openai_embeddings import OPENAI_EMBEDDINGS
from extproc.llm.openai_images import OPENAI_IMAGES
from extproc.llm.openai_moderations import OPENAI_MODERATIONS
from extproc.llm.openai_rerank import OPENAI_RERANK
from extproc.llm.openai_responses import OPENAI_RESPONSES
from extproc.llm.openai_speech import OPENAI_SPEECH
from extproc.llm.openai_transcription import OPENAI_TRANSCRIPTION, OPENAI_TRANSLATION
from extproc.llm.translate import reaches
from extproc.llm.vertex_anthropic import VERTEX_ANTHROPIC
from extproc.llm.vertex_embed import VERTEX_EMBED
from extproc.providers.presets import PRESETS

CALLER_DIALECTS: Mapping[str, Dialect] = {
    dialect.name: dialect
    for dialect in (
        OPENAI_CHAT, OPENAI_COMPLETIONS, OPENAI_RESPONSES, OPENAI_EMBEDDINGS, OPENAI_MODERATIONS,
        OPENAI_IMAGES, OPENAI_SPEECH, OPENAI_TRANSCRIPTION, OPENAI_TRANSLATION, OPENAI_RERANK,
        ANTHROPIC_MESSAGES, ANTHROPIC_COUNT_TOKENS, GEMINI_GENERATE, GEMINI_EMBED, GEMINI_EMBED_ONE,
    )
}  # fmt: skip
PROVIDER_DIALECTS: Mapping[str, ProviderDialect] = {
    **CALLER_DIALECTS,
    **{
        dialect.name: dialect
        for dialect in (
            BEDROCK_CONVERSE, COHERE_CHAT, COHERE_EMBED, COHERE_RERANK, VERTEX_ANTHROPIC,
            VERTEX_EMBED,
        )
    },
}  # fmt: skip


def spoken(account: ProviderAccount, model: ModelSpec) -> tuple[ProviderDialect, ...]:
    """What this model is asked in, best first."""
    return _spoken(account.provider, model.published_by)


@lru_cache(maxsize=1024)
def _spoken(provider: str, publisher: str) -> tuple[ProviderDialect, ...]:
    names = PRESETS[provider].speaks
    if provider == "google-vertex":
        wanted = publisher == "anthropic"
        names = tuple(name for name in names if (name == "vertex_anthropic") is wanted)
    return tuple(PROVIDER_DIALECTS[name] for name in names if name in PROVIDER_DIALECTS)


@lru_cache(maxsize=4096)
def _chosen(caller_name: str, provider: str, publisher: str) -> ProviderDialect | None:
    caller, listed = CALLER_DIALECTS[caller_name], _spoken(provider, publisher)
    same = (one for one in listed if one.shape == caller.shape)
    other = (one for one in listed if one.operation == caller.operation and reaches(caller, one))
    return next(same, None) or next(other, None)


def dialect_for(
    caller: Dialect, account: ProviderAccount, model: ModelSpec
) -> ProviderDialect | None:
    """The dialect this caller's request is sent in; None: this model cannot serve it."""
    return _chosen(caller.name, account.provider, model.published_by)
