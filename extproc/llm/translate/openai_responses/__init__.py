"""OpenAI Responses (platform.openai.com, "Responses"), as callers and as providers speak it."""

from __future__ import annotations

from extproc.llm.call import Json
from extproc.llm.translate.conversation import ChatAnswer, ChatRequest
from extproc.llm.translate.openai_responses.answer_reader import read_answer
from extproc.llm.translate.openai_responses.answer_writer import write_answer
from extproc.llm.translate.openai_responses.request_reader import read_request
from extproc.llm.translate.openai_responses.request_writer import write_request
from extproc.llm.translate.openai_responses.stream_reader import ResponsesStreamReader
from extproc.llm.translate.openai_responses.stream_writer import ResponsesStreamWriter
from extproc.llm.translate.sides import CallerSide, ProviderSide, StreamReader, StreamWriter


class _Caller:
    def read_request(self, body: Json) -> ChatRequest:
        return read_request(body)

    def write_answer(self, answer: ChatAnswer, *, model: str, created: int, asked: Json) -> Json:
        return write_answer(answer, model=model, created=created, asked=asked)

    def stream_writer(self, *, model: str, created: int, asked: Json) -> StreamWriter:
        return ResponsesStreamWriter(model=model, created=created, asked=asked)


class _Provider:
    def write_request(self, request: ChatRequest, *, default_max_tokens: int) -> Json:
        return write_request(request)

    def read_answer(self, body: Json) -> ChatAnswer:
        return read_answer(body)

    def stream_reader(self) -> StreamReader:
        return ResponsesStreamReader()


CALLER: CallerSide = _Caller()
PROVIDER: ProviderSide = _Provider()
