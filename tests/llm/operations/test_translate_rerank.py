"""Rerank from the first form to itself and to Cohere's second."""

from __future__ import annotations

import pytest

from extproc.errors import Code, Refusal
from extproc.llm.call import Json
from extproc.llm.translate.not_carried import Unreadable
from extproc.llm.translate.rerank import CALLERS, PROVIDERS
from extproc.llm.translate.sides import Carried, Translation

ASKED: Json = {"model": "m", "query": "q", "documents": ["a", {"text": "b"}], "top_n": 2,
               "return_documents": True, "max_tokens_per_doc": 9, "user": "u"}  # fmt: skip
RESULTS = [{"index": 1, "relevance_score": 0.9}, {"index": 0, "relevance_score": 0}]
COHERE = Translation(CALLERS["openai_rerank"], PROVIDERS["cohere_rerank"])


@pytest.mark.parametrize("provider", list(PROVIDERS))
def test_a_rerank_is_carried_over(provider: str) -> None:
    """Translate: texts as strings, settings, and the caller's own documents in the answer."""
    pair = Translation(CALLERS["openai_rerank"], PROVIDERS[provider])
    made = pair.request(ASKED, stream=False, default_max_tokens=1)
    assert made == Carried({"query": "q", "documents": ["a", "b"], "top_n": 2,
                            "max_tokens_per_doc": 9}, ("user",))  # fmt: skip
    got = pair.response({"id": "r", "results": RESULTS, "meta": {"billed_units": {
        "search_units": 1}}}, model="shown", created=1, asked=ASKED)  # fmt: skip
    assert got == Carried({
        "id": "r", "model": "shown", "meta": {"billed_units": {"search_units": 1}}, "results": [
            {"index": 1, "relevance_score": 0.9, "document": {"text": "b"}},
            {"index": 0, "relevance_score": 0, "document": {"text": "a"}}]})  # fmt: skip


def test_usage_in_tokens_is_told_in_tokens() -> None:
    """Translate: a server that bills tokens, and one that tells nothing."""
    asked = {**ASKED, "return_documents": False}
    told = COHERE.response({"results": RESULTS, "usage": {"total_tokens": 7}}, model="s",
                           created=1, asked=asked)  # fmt: skip
    assert isinstance(told, Carried) and told.body["usage"] == {"total_tokens": 7}
    assert "document" not in told.body["results"][0]
    silent = COHERE.response({"results": []}, model="s", created=1, asked=asked)
    assert silent == Carried({"id": "", "model": "s", "results": []})


@pytest.mark.parametrize(
    ("more", "param"),
    [({"rank_fields": ["t"]}, "rank_fields"), ({"max_chunks_per_doc": 3}, "max_chunks_per_doc"),
     ({"documents": [{"text": "a", "title": "t"}]}, "documents[0].title"),
     ({"documents": [{"title": "t"}]}, "documents[0].title"),
     ({"documents": [{"text": 5}]}, "documents[0].text")],
)  # fmt: skip
def test_what_cannot_be_carried_is_refused_by_name(more: Json, param: str) -> None:
    """Translate: what would change an order is refused."""
    made = COHERE.request({**ASKED, **more}, stream=False, default_max_tokens=1)
    assert isinstance(made, Refusal) and made.param == param


@pytest.mark.parametrize(
    "body",
    [{}, {"results": [{"index": -1, "relevance_score": 1}]}, {"results": ["x"]},
     {"results": [{"index": 0}]}],
)  # fmt: skip
def test_an_answer_of_another_shape_is_unreadable(body: Json) -> None:
    """Translate: what cannot be read is an upstream error."""
    made = COHERE.response(body, model="m", created=1, asked=ASKED)
    assert isinstance(made, Refusal) and made.code is Code.UPSTREAM_ERROR


def test_a_rank_of_no_document_is_unreadable() -> None:
    """Translate: an index beyond the documents names none of them."""
    beyond = PROVIDERS["cohere_rerank"].read_answer(
        {"results": [{"index": 2, "relevance_score": 1}]}
    )
    with pytest.raises(Unreadable):
        CALLERS["openai_rerank"].write_answer(beyond, model="m", created=1, asked=ASKED)
