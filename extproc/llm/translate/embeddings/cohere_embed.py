"""Cohere embeddings, the provider's side (docs.cohere.com, "Embed API (v2)").

Cohere wants to know what the vectors are for. Where the caller did not say, it is documents
(`search_document`, reported as left out); a task that has no name there is refused. A text that is
too long is an error, not cut off in silence (`truncate`).
"""

from __future__ import annotations

from extproc.llm.call import Json
from extproc.llm.cohere_embed import COHERE_EMBED
from extproc.llm.translate.embeddings.values import EmbedAnswer, EmbedRequest, Task
from extproc.llm.translate.embeddings.vectors import read_vector
from extproc.llm.translate.not_carried import Unreadable
from extproc.usage.usage import sound

TEXTS_MAX = 96
_INPUT_TYPES: dict[Task, str] = {
    "RETRIEVAL_QUERY": "search_query", "RETRIEVAL_DOCUMENT": "search_document",
    "CLASSIFICATION": "classification", "CLUSTERING": "clustering",
}  # fmt: skip
INPUT_TYPE_DEFAULT = "search_document"


class CohereProvider:
    """Writes requests, reads answers."""

    def write_request(self, request: EmbedRequest, *, default_max_tokens: int) -> Json:
        request.refuse_titles()
        if len(request.items) > TEXTS_MAX:
            request.refuse("input", f"must not be more than {TEXTS_MAX} texts at this provider")
        body: Json = {
            "texts": [item.text for item in request.items],
            "input_type": _input_type(request),
            "embedding_types": ["float"],
            "truncate": "NONE",
        }
        if request.dimensions is not None:
            body["output_dimension"] = request.dimensions
        return body

    def read_answer(self, body: Json) -> EmbedAnswer:
        embeddings = body.get("embeddings")
        rows = embeddings.get("float") if type(embeddings) is dict else None
        if type(rows) is not list or not rows:
            raise Unreadable("embeddings.float")
        vectors = [read_vector(row, f"embeddings.float[{at}]") for at, row in enumerate(rows)]
        return EmbedAnswer(vectors, sound(COHERE_EMBED.response_usage(body)))


def _input_type(request: EmbedRequest) -> str:
    task = request.one_task()
    if task is None:
        request.leave_out("input_type")
        return INPUT_TYPE_DEFAULT
    if task not in _INPUT_TYPES:
        request.refuse("task")
    return _INPUT_TYPES[task]
