"""Cohere embeddings (`POST /v2/embed`), as a provider speaks it.

Wire: docs.cohere.com, "Embed API (v2)". What is billed stands in `meta.billed_units`; the texts
come back in the answer and are read again.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from extproc.llm.call import Family, Json, Operation, Role, TextSlot
from extproc.llm.gemini_embed import is_numbers
from extproc.llm.leaves import MACHINE_KEYS, Found, is_name, walk
from extproc.llm.rerank_reading import whole
from extproc.llm.token_counts import MISSHAPEN, fault
from extproc.llm.whole_answer import WholeAnswers
from extproc.usage.usage import Reported, Usage

_ANSWER_NAMES = MACHINE_KEYS | frozenset(("response_type",))


class CohereEmbed(WholeAnswers):
    """The dialect; stateless."""

    name = "cohere_embed"
    shape = "cohere_embed"
    family: Family = "cohere"
    operation: Operation = "embeddings"

    def response_texts(self, body: Json) -> Iterator[TextSlot]:
        return iter(_answer(body).slots)

    def response_unscanned(self, body: Json) -> tuple[str, ...]:
        return tuple(_answer(body).unread)

    def response_usage(self, body: Json) -> Reported:
        meta = body.get("meta")
        billed: Any = meta.get("billed_units") if type(meta) is dict else None
        if billed is None:
            return None
        if type(billed) is not dict:
            return MISSHAPEN
        text, image = (
            whole(billed, key) if billed.get(key) is not None else 0
            for key in ("input_tokens", "image_tokens")
        )
        return fault(text, image) or Usage(text, image_input_tokens=image)

    def upstream_path(self, model: str, *, stream: bool) -> str:
        return "/v2/embed"


COHERE_EMBED = CohereEmbed()


def _answer(body: Json) -> Found:
    found = Found()
    for key, value in body.items():
        if key == "embeddings" and type(value) is dict:
            for kind, rows in value.items():
                if type(rows) is not list or not all(map(is_numbers, rows)):
                    walk(value, kind, f"{key}.{kind}", "assistant", found)
        elif type(value) in (str, list, dict) or not is_name(key):
            role: Role = "input" if key == "texts" else "assistant"
            walk(body, key, key, role, found, _ANSWER_NAMES)
    return found
