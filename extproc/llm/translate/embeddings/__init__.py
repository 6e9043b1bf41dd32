"""Embeddings between dialects: every caller's side and every provider's, by dialect.

One file a dialect holds both sides of it, as far as it has them. They have the methods of
`sides.CallerSide` and `sides.ProviderSide` (no streams), so that `sides.Translation` joins any two.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from extproc.llm.translate.embeddings.cohere_embed import CohereProvider
from extproc.llm.translate.embeddings.gemini_embed import (
    GeminiCaller,
    GeminiOneCaller,
    GeminiProvider,
)
from extproc.llm.translate.embeddings.openai_embeddings import OpenAICaller, OpenAIProvider
from extproc.llm.translate.embeddings.vertex_embed import VertexProvider

CALLERS: Mapping[str, Any] = {
    "openai_embeddings": OpenAICaller(),
    "gemini_embed": GeminiCaller(),
    "gemini_embed_one": GeminiOneCaller(),
}
PROVIDERS: Mapping[str, Any] = {
    "openai_embeddings": OpenAIProvider(),
    "gemini_embed": GeminiProvider(),
    "vertex_embed": VertexProvider(),
    "cohere_embed": CohereProvider(),
}
