"""Amazon Bedrock Converse, the provider's side (`bedrock_converse.py` is the dialect).

What Converse has no word for is in each file's docstring, beside what becomes of it.
"""

from __future__ import annotations

from extproc.llm.call import Json
from extproc.llm.translate.bedrock_converse.answer_reader import read_answer
from extproc.llm.translate.bedrock_converse.request_writer import write_request
from extproc.llm.translate.bedrock_converse.stream_reader import BedrockStreamReader
from extproc.llm.translate.conversation import ChatAnswer, ChatRequest
from extproc.llm.translate.sides import StreamReader


class BedrockProviderSide:
    """Stateless."""

    def write_request(self, request: ChatRequest, *, default_max_tokens: int) -> Json:
        """Converse's own default for the maximum is the model's; none is written unasked."""
        return write_request(request)

    def read_answer(self, body: Json) -> ChatAnswer:
        return read_answer(body)

    def stream_reader(self) -> StreamReader:
        return BedrockStreamReader()


PROVIDER = BedrockProviderSide()
