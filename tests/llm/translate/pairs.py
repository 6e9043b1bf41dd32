"""The two oldest dialects at each other's providers, checked against the SDKs' own types."""

from __future__ import annotations

from typing import Any

from anthropic.types import message_create_params
from openai.types.chat import completion_create_params
from pydantic import TypeAdapter

from extproc.errors import Refusal
from extproc.llm.anthropic_messages import ANTHROPIC_MESSAGES
from extproc.llm.call import Json, LlmCall
from extproc.llm.openai_chat import OPENAI_CHAT
from extproc.llm.translate import anthropic_messages, openai_chat
from extproc.llm.translate.sides import Carried, Translation

TO_ANTHROPIC = Translation(openai_chat.CALLER, anthropic_messages.PROVIDER)
TO_OPENAI = Translation(anthropic_messages.CALLER, openai_chat.PROVIDER)
ANTHROPIC_PARAMS: TypeAdapter[Any] = TypeAdapter(
    message_create_params.MessageCreateParamsNonStreaming
)
OPENAI_PARAMS: TypeAdapter[Any] = TypeAdapter(
    completion_create_params.CompletionCreateParamsNonStreaming
)
SCHEMA: Json = {"type": "object", "properties": {"q": {"type": "string"}}, "required": ["q"]}
OK: Json = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
AOK: Json = {**OK, "max_tokens": 9}


def to_anthropic(body: Json) -> Json:
    return carried_to_anthropic(body)[0]


def carried_to_anthropic(body: Json) -> tuple[Json, tuple[str, ...]]:
    """(body, left out), held against the SDK's types and the gateway's own reader."""
    assert isinstance(OPENAI_CHAT.read_call("", body), LlmCall)
    stream = body.get("stream") is True
    made = TO_ANTHROPIC.request(body, stream=stream, default_max_tokens=777)
    assert isinstance(made, Carried), made
    whole = {**made.body, "model": body["model"]}
    ANTHROPIC_PARAMS.validate_python({**whole, "stream": False})
    assert isinstance(ANTHROPIC_MESSAGES.read_call("", whole), LlmCall)
    return whole, made.left_out


def to_openai(body: Json) -> Json:
    return carried_to_openai(body)[0]


def carried_to_openai(body: Json) -> tuple[Json, tuple[str, ...]]:
    assert isinstance(ANTHROPIC_MESSAGES.read_call("", body), LlmCall)
    stream = body.get("stream") is True
    made = TO_OPENAI.request(body, stream=stream, default_max_tokens=777)
    assert isinstance(made, Carried), made
    whole = {**made.body, "model": body["model"]}
    OPENAI_PARAMS.validate_python({**whole, "stream": False})
    assert isinstance(OPENAI_CHAT.read_call("", whole), LlmCall)
    return whole, made.left_out


def answer(to: Translation, body: Json, asked: Json | None = None) -> Json:
    made = to.response(body, model="prod/a", created=42, asked=asked or {})
    assert isinstance(made, Carried), made
    return made.body


def refused(to: Translation, body: Json) -> Refusal:
    made = to.request(body, stream=False, default_max_tokens=4096)
    assert isinstance(made, Refusal), made
    return made


def user(*parts: Json) -> Json:
    return {"messages": [{"role": "user", "content": list(parts)}]}


def said(**message: Any) -> Json:
    """A conversation with one earlier answer, and a question behind it."""
    answered = {"role": "assistant", "content": "x", **message}
    return {"messages": [*OK["messages"], answered, {"role": "user", "content": "go"}]}
