"""Rerank as OpenAI-compatible servers offer it (`POST /v1/rerank`): Cohere's first form.

Wire: docs.cohere.com, "Rerank API (v1)"; Jina, Together and vLLM speak it. Refuses, by field name:
missing or ill-typed `query`, `documents`, `top_n`, `stream`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from extproc.errors import Refusal
from extproc.llm import fields, rerank_reading
from extproc.llm.billable import Billable
from extproc.llm.call import Family, Json, LlmCall, Operation, TextSlot
from extproc.llm.whole_answer import WholeAnswers, stream_fault, whole_call
from extproc.usage.usage import Reported


class OpenAIRerank(WholeAnswers):
    """The dialect; stateless."""

    name = "openai_rerank"
    shape = "openai_rerank"
    family: Family = "openai"
    operation: Operation = "rerank"
    body: Literal["json", "multipart"] = "json"

    def read_call(self, path: str, body: Json) -> LlmCall | Refusal:
        fault = fields.model_fault(body) or stream_fault(body) or rerank_reading.rerank_fault(body)
        unread = [] if fault else rerank_reading.read_request(body).unread
        return fault or whole_call("rerank", body["model"], unread)

    def request_texts(self, body: Json) -> Iterator[TextSlot]:
        return iter(rerank_reading.read_request(body).slots)

    def billable(self, body: Json) -> Billable:
        return rerank_reading.rerank_billable(body)

    def response_texts(self, body: Json) -> Iterator[TextSlot]:
        return iter(rerank_reading.read_answer(body).slots)

    def response_unscanned(self, body: Json) -> tuple[str, ...]:
        return tuple(rerank_reading.read_answer(body).unread)

    def response_usage(self, body: Json) -> Reported:
        return rerank_reading.read_rerank_usage(body)

    def upstream_path(self, model: str, *, stream: bool) -> str:
        return "/rerank"


OPENAI_RERANK = OpenAIRerank()
