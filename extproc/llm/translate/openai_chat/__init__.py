"""Chat Completions (developers.openai.com, "Chat"), as callers and as providers speak it.

Beside OpenAI's own words these of compatible servers are read and written:
- `reasoning_content` (DeepSeek, vLLM; `reasoning` at OpenRouter is read too): what the model
  thought;
- `thinking_blocks`: a list of Anthropic's thinking blocks on an assistant's message. A caller that
  sends back the message it got keeps the seals that the vendor wants to see again;
- `extra_content.google.thought_signature` of a tool call: Gemini's seal, as in Google's own
  OpenAI-compatible API;
- `images` of an assistant's message (OpenRouter), `cache_control` of a part or a tool (OpenRouter),
  `thinking` of a request (Anthropic's "OpenAI SDK compatibility").
"""

from __future__ import annotations

from extproc.llm.call import Json
from extproc.llm.translate.conversation import ChatAnswer, ChatRequest
from extproc.llm.translate.openai_chat.answer_reader import read_answer
from extproc.llm.translate.openai_chat.answer_writer import write_answer
from extproc.llm.translate.openai_chat.request_reader import read_request
from extproc.llm.translate.openai_chat.request_writer import write_request
from extproc.llm.translate.openai_chat.stream_reader import ChatStreamReader
from extproc.llm.translate.openai_chat.stream_writer import ChatStreamWriter
from extproc.llm.translate.sides import CallerSide, ProviderSide, StreamReader, StreamWriter


class _Caller:
    def read_request(self, body: Json) -> ChatRequest:
        return read_request(body)

    def write_answer(self, answer: ChatAnswer, *, model: str, created: int, asked: Json) -> Json:
        return write_answer(answer, model=model, created=created)

    def stream_writer(self, *, model: str, created: int, asked: Json) -> StreamWriter:
        options = asked.get("stream_options")
        wanted = type(options) is dict and options.get("include_usage") is True
        return ChatStreamWriter(model=model, created=created, include_usage=wanted)


class _Provider:
    def write_request(self, request: ChatRequest, *, default_max_tokens: int) -> Json:
        return write_request(request)

    def read_answer(self, body: Json) -> ChatAnswer:
        return read_answer(body)

    def stream_reader(self) -> StreamReader:
        return ChatStreamReader()


CALLER: CallerSide = _Caller()
PROVIDER: ProviderSide = _Provider()
