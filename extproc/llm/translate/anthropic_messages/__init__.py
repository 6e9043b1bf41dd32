"""Anthropic Messages (platform.claude.com, "Messages"), as callers and as providers speak it.

A caller that did not ask for thinking gets none; one that asked gets what the model showed, whoever
the model is. Seals of other vendors stand in `signature` and `data` under their vendor's name
(`thinking_blocks.py`), so that a caller that sends the blocks back sends each seal to its own.
"""

from __future__ import annotations

from extproc.llm.call import Json
from extproc.llm.translate.anthropic_messages.answer_reader import read_answer
from extproc.llm.translate.anthropic_messages.answer_writer import wants_thoughts, write_answer
from extproc.llm.translate.anthropic_messages.request_reader import read_request
from extproc.llm.translate.anthropic_messages.request_writer import write_request
from extproc.llm.translate.anthropic_messages.stream_reader import MessagesStreamReader
from extproc.llm.translate.anthropic_messages.stream_writer import MessagesStreamWriter
from extproc.llm.translate.conversation import ChatAnswer, ChatRequest
from extproc.llm.translate.sides import CallerSide, ProviderSide, StreamReader, StreamWriter


class _Caller:
    def read_request(self, body: Json) -> ChatRequest:
        return read_request(body)

    def write_answer(self, answer: ChatAnswer, *, model: str, created: int, asked: Json) -> Json:
        """Anthropic tells no time of creation."""
        return write_answer(answer, model=model, shows_thoughts=wants_thoughts(asked))

    def stream_writer(self, *, model: str, created: int, asked: Json) -> StreamWriter:
        return MessagesStreamWriter(model=model, shows_thoughts=wants_thoughts(asked))


class _Provider:
    def write_request(self, request: ChatRequest, *, default_max_tokens: int) -> Json:
        return write_request(request, default_max_tokens=default_max_tokens)

    def read_answer(self, body: Json) -> ChatAnswer:
        return read_answer(body)

    def stream_reader(self) -> StreamReader:
        return MessagesStreamReader()


CALLER: CallerSide = _Caller()
PROVIDER: ProviderSide = _Provider()
