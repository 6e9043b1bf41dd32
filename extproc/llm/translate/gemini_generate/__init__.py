"""Gemini `generateContent` (ai.google.dev, "Generating content"), as callers and Google speak it.

Thought signatures of Google's are sealed parts of calls, texts and thoughts (`Seal`); those of
other vendors reach a Gemini caller behind a mark, and go back to their vendor alone.
"""

from __future__ import annotations

from extproc.llm.call import Json
from extproc.llm.translate.conversation import ChatAnswer, ChatRequest
from extproc.llm.translate.gemini_generate.answer_reader import read_answer
from extproc.llm.translate.gemini_generate.answer_writer import write_answer
from extproc.llm.translate.gemini_generate.request_reader import read_request
from extproc.llm.translate.gemini_generate.request_writer import write_request
from extproc.llm.translate.gemini_generate.stream_reader import GeminiStreamReader
from extproc.llm.translate.gemini_generate.stream_writer import GeminiStreamWriter
from extproc.llm.translate.sides import CallerSide, ProviderSide, StreamReader, StreamWriter


class _Caller:
    def read_request(self, body: Json) -> ChatRequest:
        return read_request(body)

    def write_answer(self, answer: ChatAnswer, *, model: str, created: int, asked: Json) -> Json:
        return write_answer(answer, model=model, asked=asked)

    def stream_writer(self, *, model: str, created: int, asked: Json) -> StreamWriter:
        return GeminiStreamWriter(model=model, asked=asked)


class _Provider:
    def write_request(self, request: ChatRequest, *, default_max_tokens: int) -> Json:
        return write_request(request)

    def read_answer(self, body: Json) -> ChatAnswer:
        return read_answer(body)

    def stream_reader(self) -> StreamReader:
        return GeminiStreamReader()


CALLER: CallerSide = _Caller()
PROVIDER: ProviderSide = _Provider()
