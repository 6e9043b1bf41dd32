"""Vertex embeddings, the provider's side (cloud.google.com, "Text embeddings API").

A text that is too long is an error, as it is for those who ask here, not cut off in silence:
`autoTruncate` is switched off.
"""

from __future__ import annotations

from extproc.llm.call import Json
from extproc.llm.translate.embeddings.values import EmbedAnswer, EmbedRequest
from extproc.llm.translate.embeddings.vectors import read_vector
from extproc.llm.translate.not_carried import Unreadable
from extproc.llm.vertex_embed import VERTEX_EMBED
from extproc.usage.usage import sound


class VertexProvider:
    """Writes requests, reads answers."""

    def write_request(self, request: EmbedRequest, *, default_max_tokens: int) -> Json:
        instances: list[Json] = []
        for item in request.items:
            one: Json = {"content": item.text}
            if item.task:
                one["task_type"] = item.task
            if item.title:
                one["title"] = item.title
            instances.append(one)
        parameters: Json = {"autoTruncate": False}
        if request.dimensions is not None:
            parameters["outputDimensionality"] = request.dimensions
        return {"instances": instances, "parameters": parameters}

    def read_answer(self, body: Json) -> EmbedAnswer:
        listed = body.get("predictions")
        if type(listed) is not list or not listed:
            raise Unreadable("predictions")
        vectors = []
        for at, item in enumerate(listed):
            inner = item.get("embeddings") if type(item) is dict else None
            values = inner.get("values") if type(inner) is dict else None
            vectors.append(read_vector(values, f"predictions[{at}].embeddings.values"))
        return EmbedAnswer(vectors, sound(VERTEX_EMBED.response_usage(body)))
