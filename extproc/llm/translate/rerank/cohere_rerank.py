"""Cohere rerank, the provider's side (docs.cohere.com, "Rerank API (v2)"): strings only, and what
comes back is an order."""

from __future__ import annotations

from extproc.llm.translate.rerank.openai_rerank import OpenAIProvider


class CohereProvider(OpenAIProvider):
    """Writes requests, reads answers: the second form is the first without what it left out."""
