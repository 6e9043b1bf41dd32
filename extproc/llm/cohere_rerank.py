"""Cohere Rerank (`POST /v2/rerank`), as a provider speaks it.

Wire: docs.cohere.com, "Rerank API (v2)".
"""

from __future__ import annotations

from extproc.llm.call import Family
from extproc.llm.openai_rerank import OpenAIRerank


class CohereRerank(OpenAIRerank):
    """The dialect; stateless. Its answers differ from the first form in what they leave out."""

    name = "cohere_rerank"
    shape = "cohere_rerank"
    family: Family = "cohere"

    def upstream_path(self, model: str, *, stream: bool) -> str:
        return "/v2/rerank"


COHERE_RERANK = CohereRerank()
