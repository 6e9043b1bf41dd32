"""Vertex embeddings (`POST .../models/{model}:predict`), as a provider speaks it.

Wire: cloud.google.com, "Text embeddings API". Usage stands beside each vector
(`statistics.token_count`), and JSON may write it as a fraction.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from extproc.llm.call import Family, Json, Operation, TextSlot
from extproc.llm.gemini_embed import is_numbers
from extproc.llm.leaves import Found, is_name, walk
from extproc.llm.rerank_reading import whole
from extproc.llm.token_counts import MISSHAPEN, fault, stated
from extproc.llm.whole_answer import WholeAnswers
from extproc.usage.usage import Reported, Usage


class VertexEmbed(WholeAnswers):
    """The dialect; stateless."""

    name = "vertex_embed"
    shape = "vertex_embed"
    family: Family = "gemini"
    operation: Operation = "embeddings"

    def response_texts(self, body: Json) -> Iterator[TextSlot]:
        return iter(_answer(body).slots)

    def response_unscanned(self, body: Json) -> tuple[str, ...]:
        return tuple(_answer(body).unread)

    def response_usage(self, body: Json) -> Reported:
        predictions = body.get("predictions")
        if type(predictions) is not list:
            return None
        told = [_statistics(one) for one in predictions]
        if not all(stated(one, "token_count") for one in told):
            return MISSHAPEN if any(told) else None
        counts = [whole(one, "token_count") for one in told]
        return fault(0, *counts) or Usage(sum(counts))

    def with_call(
        self, body: Json, *, model: str, max_output_tokens: int | None, include_usage: bool
    ) -> Json:
        """The path names the model."""
        return dict(body)

    def upstream_path(self, model: str, *, stream: bool) -> str:
        return f"/models/{quote(model, safe='')}:predict"


VERTEX_EMBED = VertexEmbed()


def _statistics(prediction: Any) -> Any:
    embeddings = prediction.get("embeddings") if type(prediction) is dict else None
    return embeddings.get("statistics") if type(embeddings) is dict else None


def _answer(body: Json) -> Found:
    found = Found()
    for key, value in body.items():
        if key == "predictions" and type(value) is list:
            for at, item in enumerate(value):
                _prediction(value, at, item, found)
        elif type(value) in (str, list, dict) or not is_name(key):
            walk(body, key, key, "assistant", found)
    return found


def _prediction(predictions: list[Any], at: int, item: Any, found: Found) -> None:
    path = f"predictions[{at}]"
    embeddings = item.get("embeddings") if type(item) is dict else None
    if type(embeddings) is not dict:
        walk(predictions, at, path, "assistant", found)
        return
    for holder, where in ((item, path), (embeddings, f"{path}.embeddings")):
        for key, value in holder.items():
            if value is not embeddings and not (key == "values" and is_numbers(value)):
                walk(holder, key, f"{where}.{key}", "assistant", found)
