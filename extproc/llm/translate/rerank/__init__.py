"""Rerank between dialects; the sides are as in `embeddings/`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from extproc.llm.translate.rerank.cohere_rerank import CohereProvider
from extproc.llm.translate.rerank.openai_rerank import OpenAICaller, OpenAIProvider

CALLERS: Mapping[str, Any] = {"openai_rerank": OpenAICaller()}
PROVIDERS: Mapping[str, Any] = {
    "openai_rerank": OpenAIProvider(), "cohere_rerank": CohereProvider(),
}  # fmt: skip
