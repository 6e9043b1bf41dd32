"""Gemini `generateContent` and `streamGenerateContent`, as callers and Google speak it.

Sources: ai.google.dev, "Generating content" (API reference); "ProtoJSON format" for the two
spellings of each field. Promises: a request it reads has the types Google documents wherever the
gateway decides on them (`gemini_request.py`); texts are found by `gemini_texts.py`. Refuses, by
name: ill-typed fields, a field under both of its spellings, a stream that is not `alt=sse`, query
parameters without a meaning here. The model stands in the path (`gemini_path.py`).

A stream has no end mark: it ends with the chunk in which every candidate has a `finishReason`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal
from urllib.parse import quote

from extproc.errors import Refusal
from extproc.llm import fields, gemini_texts
from extproc.llm.billable import Billable
from extproc.llm.call import Family, Frame, Json, LlmCall, Operation, TextSlot
from extproc.llm.gemini_billable import generate_billable
from extproc.llm.gemini_fields import get, spelling
from extproc.llm.gemini_path import model_in, query_fault
from extproc.llm.gemini_request import request_fault, tool_names
from extproc.llm.gemini_seals import for_google
from extproc.llm.gemini_usage import later, read_gemini_usage
from extproc.usage.usage import Reported


class GeminiGenerate:
    """The dialect; stateless."""

    name = "gemini_generate"
    shape = "gemini_generate"
    family: Family = "gemini"
    operation: Operation = "chat"
    answers: Literal["json", "bytes"] = "json"
    body: Literal["json", "multipart"] = "json"

    def read_call(self, path: str, body: Json) -> LlmCall | Refusal:
        found = model_in(path)
        if found is None:
            return fields.refuse("model", "must stand in the path")
        model, stream = found
        fault = query_fault(path, stream=stream) or request_fault(body, model)
        if fault:
            return fault
        config = get(body, "generationConfig") or {}
        return LlmCall(
            operation="chat",
            model=model,
            stream=stream,
            max_output_tokens=get(config, "maxOutputTokens"),
            choices=get(config, "candidateCount") or 1,
            tools=tool_names(body),
            unscanned=gemini_texts.request_unread(body),
        )

    def request_texts(self, body: Json) -> Iterator[TextSlot]:
        return iter(gemini_texts.request_slots(body))

    def billable(self, body: Json) -> Billable:
        return generate_billable(body)

    def response_texts(self, body: Json) -> Iterator[TextSlot]:
        return iter(gemini_texts.answer_slots(body))

    def frame_texts(self, frame: Frame) -> Iterator[TextSlot]:
        return iter(gemini_texts.frame_slots(frame))

    def response_unscanned(self, body: Json) -> tuple[str, ...]:
        return gemini_texts.answer_unread(body)

    def frame_unscanned(self, frame: Frame) -> tuple[str, ...]:
        return gemini_texts.frame_unread(frame)

    def response_usage(self, body: Json) -> Reported:
        return read_gemini_usage(body)

    def frame_usage(self, frame: Frame, so_far: Reported) -> Reported:
        """Each chunk states running totals; the largest counts, nothing is added up."""
        told = read_gemini_usage(frame.data) if frame.data else None
        return so_far if told is None else later(told, so_far)

    def is_final(self, frame: Frame) -> bool:
        data = frame.data or {}
        candidates = data.get("candidates")
        if type(candidates) is list and candidates:
            return all(map(_is_finished, candidates))
        feedback = data.get("promptFeedback")
        return type(feedback) is dict and bool(feedback.get("blockReason"))

    def with_call(
        self, body: Json, *, model: str, max_output_tokens: int | None, include_usage: bool
    ) -> Json:
        """The model goes into the path; Google tells the usage without being asked."""
        call = {key: value for key, value in for_google(body).items() if key != "model"}
        if max_output_tokens is not None:
            key = spelling(call, "generationConfig")
            config = dict(call.get(key) or {})
            maximum = spelling(config, "maxOutputTokens")
            config[maximum] = min(config.get(maximum) or max_output_tokens, max_output_tokens)
            call[key] = config
        return call

    def upstream_path(self, model: str, *, stream: bool) -> str:
        method = "streamGenerateContent?alt=sse" if stream else "generateContent"
        return f"/models/{quote(model, safe='')}:{method}"


GEMINI_GENERATE = GeminiGenerate()


def _is_finished(candidate: Any) -> bool:
    if type(candidate) is not dict:
        return False
    reason = candidate.get("finishReason")
    return bool(reason) and reason != "FINISH_REASON_UNSPECIFIED"
