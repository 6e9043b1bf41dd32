"""OpenAI's legacy Completions (platform.openai.com, "Completions"), as callers speak it.

No other caller reaches a provider in it: what they ask for has no place there.
"""

from __future__ import annotations

from extproc.llm.call import Json
from extproc.llm.translate.conversation import ChatAnswer, ChatRequest
from extproc.llm.translate.openai_completions.answer_writer import write_answer
from extproc.llm.translate.openai_completions.request_reader import read_request
from extproc.llm.translate.openai_completions.stream_writer import CompletionsStreamWriter
from extproc.llm.translate.sides import CallerSide, StreamWriter


class _Caller:
    def read_request(self, body: Json) -> ChatRequest:
        return read_request(body)

    def write_answer(self, answer: ChatAnswer, *, model: str, created: int, asked: Json) -> Json:
        return write_answer(answer, model=model, created=created)

    def stream_writer(self, *, model: str, created: int, asked: Json) -> StreamWriter:
        options = asked.get("stream_options")
        wanted = type(options) is dict and options.get("include_usage") is True
        return CompletionsStreamWriter(model=model, created=created, include_usage=wanted)


CALLER: CallerSide = _Caller()
