"""Cohere Chat, version 2 (`POST /v2/chat`), as a provider speaks it, whole and streamed.

Wire (docs.cohere.com/reference/chat, `/reference/chat-stream`): a streamed answer is server-sent
events whose data has a `type`; `message-end` is the last and holds reason and usage.

Promises: texts are found by `cohere_chat_texts.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from extproc.llm.call import Family, Frame, Json, Operation, TextSlot
from extproc.llm.cohere_chat_texts import answer_texts, frame_texts, frame_unread
from extproc.llm.cohere_chat_usage import read_cohere_usage
from extproc.usage.usage import Reported


class CohereChat:
    """The dialect; stateless."""

    name = "cohere_chat"
    shape = "cohere_chat"
    family: Family = "cohere"
    operation: Operation = "chat"
    answers: Literal["json", "bytes"] = "json"

    def response_texts(self, body: Json) -> Iterator[TextSlot]:
        return iter(answer_texts(body).slots)

    def frame_texts(self, frame: Frame) -> Iterator[TextSlot]:
        return iter(frame_texts(frame).slots)

    def response_unscanned(self, body: Json) -> tuple[str, ...]:
        return tuple(answer_texts(body).unread)

    def frame_unscanned(self, frame: Frame) -> tuple[str, ...]:
        return frame_unread(frame)

    def response_usage(self, body: Json) -> Reported:
        return read_cohere_usage(body.get("usage"))

    def frame_usage(self, frame: Frame, so_far: Reported) -> Reported:
        """`message-end` states the whole stream's usage, once."""
        delta = frame.data.get("delta") if frame.data else None
        usage = delta.get("usage") if type(delta) is dict else None
        return so_far if usage is None else read_cohere_usage(usage)

    def is_final(self, frame: Frame) -> bool:
        return frame.data is not None and frame.data.get("type") == "message-end"

    def with_call(
        self, body: Json, *, model: str, max_output_tokens: int | None, include_usage: bool
    ) -> Json:
        call = {**body, "model": model}
        if max_output_tokens is not None:
            call["max_tokens"] = min(body.get("max_tokens") or max_output_tokens, max_output_tokens)
        return call

    def upstream_path(self, model: str, *, stream: bool) -> str:
        return "/v2/chat"


COHERE_CHAT = CohereChat()
