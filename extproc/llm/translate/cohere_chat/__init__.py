"""Cohere Chat v2, the provider's side (`cohere_chat.py` is the dialect).

What Cohere has no word for is in each file's docstring, beside what becomes of it.
"""

from __future__ import annotations

from extproc.llm.call import Json
from extproc.llm.translate.cohere_chat.answer_reader import read_answer
from extproc.llm.translate.cohere_chat.request_writer import write_request
from extproc.llm.translate.cohere_chat.stream_reader import CohereStreamReader
from extproc.llm.translate.conversation import ChatAnswer, ChatRequest
from extproc.llm.translate.sides import StreamReader


class CohereProviderSide:
    """Stateless."""

    def write_request(self, request: ChatRequest, *, default_max_tokens: int) -> Json:
        """Cohere's own default for the maximum is the model's; none is written unasked."""
        return write_request(request)

    def read_answer(self, body: Json) -> ChatAnswer:
        return read_answer(body)

    def stream_reader(self) -> StreamReader:
        return CohereStreamReader()


PROVIDER = CohereProviderSide()
