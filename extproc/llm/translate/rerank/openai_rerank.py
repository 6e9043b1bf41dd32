"""Rerank in the form of OpenAI-compatible servers, both sides (docs.cohere.com, "Rerank API (v1)").

Documents that the caller wants back (`return_documents`) are its own: they are put in here, from
its own body, and cross no wire twice.
"""

from __future__ import annotations

from typing import Any

from extproc.llm.call import Json
from extproc.llm.rerank_reading import read_rerank_usage
from extproc.llm.translate.not_carried import NotCarried, Unreadable, only
from extproc.llm.translate.rerank.values import Rank, RerankAnswer, RerankRequest
from extproc.usage.usage import Usage, sound


class OpenAICaller:
    """Reads requests, writes answers."""

    def read_request(self, body: Json) -> RerankRequest:
        only(body, "", "model", "query", "documents", "top_n", "return_documents",
             "max_tokens_per_doc", "user")  # fmt: skip
        request = RerankRequest(
            body["query"],
            [_text(document, f"documents[{at}]") for at, document in enumerate(body["documents"])],
            body.get("top_n"),
            body.get("max_tokens_per_doc"),
        )
        if body.get("user"):
            request.left_out.append("user")
        return request

    def write_answer(self, answer: RerankAnswer, *, model: str, created: int, asked: Json) -> Json:
        documents, shown = asked["documents"], asked.get("return_documents") is True
        results: list[Json] = []
        for rank in answer.ranks:
            if rank.index >= len(documents):
                raise Unreadable("results.index")
            one: Json = {"index": rank.index, "relevance_score": rank.score}
            if shown:
                one["document"] = {"text": _text(documents[rank.index], "documents")}
            results.append(one)
        made: Json = {"id": answer.answer_id, "model": model, "results": results}
        return made | _usage(answer.usage)


class OpenAIProvider:
    """Writes requests, reads answers."""

    def write_request(self, request: RerankRequest, *, default_max_tokens: int) -> Json:
        body: Json = {"query": request.query, "documents": request.documents}
        if request.top_n is not None:
            body["top_n"] = request.top_n
        if request.max_tokens_per_doc is not None:
            body["max_tokens_per_doc"] = request.max_tokens_per_doc
        return body

    def read_answer(self, body: Json) -> RerankAnswer:
        results = body.get("results")
        if type(results) is not list:
            raise Unreadable("results")
        ranks = [_rank(one, f"results[{at}]") for at, one in enumerate(results)]
        named = body.get("id")
        answer_id = named if type(named) is str else ""
        return RerankAnswer(answer_id, ranks, sound(read_rerank_usage(body)))


def _text(document: Any, path: str) -> str:
    """Of an object only its text can be carried; other fields of it would count elsewhere."""
    if type(document) is str:
        return document
    only(document, path, "text")
    if type(document.get("text")) is not str:
        raise NotCarried(f"{path}.text", "must be a string")
    text: str = document["text"]
    return text


def _rank(one: Any, path: str) -> Rank:
    match one:
        case {"index": int(index), "relevance_score": int(score) | float(score)} if index >= 0:
            return Rank(index, score)
    raise Unreadable(path)


def _usage(usage: Usage | None) -> Json:
    """Search units where those were told, else tokens."""
    if usage is None:
        return {}
    if usage.searches:
        return {"meta": {"billed_units": {"search_units": usage.searches}}}
    return {"usage": {"total_tokens": usage.total_tokens}}
