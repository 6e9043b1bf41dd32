"""Gemini callers at other providers, other callers at Gemini: both sides put together."""

from __future__ import annotations

from typing import Any

import openai.types.chat as chat
import pytest

from extproc.errors import Refusal
from extproc.llm.call import Frame, Json
from extproc.llm.gemini_generate import GEMINI_GENERATE
from extproc.llm.sse import SseReader, wire
from extproc.llm.translate import anthropic_messages, gemini_generate, openai_chat
from extproc.llm.translate.sides import Carried, Translation
from tests.llm.gemini import sdk
from tests.llm.gemini.sdk import frames_of

AT_OPENAI = Translation(gemini_generate.CALLER, openai_chat.PROVIDER)
AT_CLAUDE = Translation(gemini_generate.CALLER, anthropic_messages.PROVIDER)
FROM_OPENAI = Translation(openai_chat.CALLER, gemini_generate.PROVIDER)
FROM_CLAUDE = Translation(anthropic_messages.CALLER, gemini_generate.PROVIDER)
SAID: Any = {"model": "prod/x", "created": 1}


def carried(made: Carried | Refusal) -> Json:
    assert isinstance(made, Carried), made
    return made.body


LOOP: Json = {
    "contents": [
        {"role": "user", "parts": [{"text": "hi"}]},
        {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {"n": 1}}},
                                    {"functionCall": {"name": "f", "args": {"n": 2}}}]},
        {"role": "user", "parts": [
            {"functionResponse": {"name": "f", "response": {"output": "a"}}},
            {"functionResponse": {"name": "f", "response": {"error": "b"}}}]},
    ],
    "tools": [{"functionDeclarations": [{"name": "f", "parameters": {"type": "OBJECT"}}]}],
    "generationConfig": {"maxOutputTokens": 9, "thinkingConfig": {"includeThoughts": True}},
}  # fmt: skip


def test_a_gemini_caller_at_openai() -> None:
    """Translate: parallel calls without ids keep their results."""
    made = carried(AT_OPENAI.request(LOOP, stream=True, default_max_tokens=100))
    user, calls, first, second = made["messages"]
    assert user["content"] == "hi"
    ids = [call["id"] for call in calls["tool_calls"]]
    assert [first["tool_call_id"], second["tool_call_id"]] == ids == ["call_1", "call_2"]
    assert (first["content"], made["stream"]) == ("a", True)


def test_a_gemini_caller_at_anthropic() -> None:
    """Translate: the same, as blocks of one message; the failed one is marked."""
    made = carried(AT_CLAUDE.request(LOOP, stream=False, default_max_tokens=100))
    assert [message["role"] for message in made["messages"]] == ["user", "assistant", "user"]
    results = made["messages"][2]["content"]
    assert [block["tool_use_id"] for block in results] == ["call_1", "call_2"]
    assert results[1]["is_error"] is True


CHUNKS: list[Json] = [
    {"choices": [{"index": 0, "delta": {"role": "assistant", "content": "Hel"}}]},
    {"choices": [{"index": 0, "delta": {"content": "lo"}}]},
    {"choices": [{"index": 0, "delta": {"tool_calls": [
        {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": ""}},
        {"index": 1, "id": "b", "type": "function",
         "function": {"name": "g", "arguments": "{"}}]}}]},
    {"choices": [{"index": 0, "delta": {"tool_calls": [
        {"index": 1, "function": {"arguments": '"n":1}'}},
        {"index": 0, "function": {"arguments": "{}"}}]}}]},
    {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]},
    {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}},
]  # fmt: skip


def test_googles_sdk_reads_openais_stream() -> None:
    """Translate: text as it comes, calls whole, finish and usage last; a chat keeps it."""
    side = AT_OPENAI.stream(**SAID, asked=LOOP)
    frames = [Frame("", {"id": "c-1", "object": "chat.completion.chunk", **c}, b"") for c in CHUNKS]
    out = [f for frame in [*frames, Frame("", None, b"")] for f in side.feed(frame)]
    out += side.finish()
    assert side.complete
    chunks, history = sdk.chat(out)
    assert [c.text for c in chunks if c.text] == ["Hel", "lo"]
    calls = [call for c in chunks for call in c.function_calls or []]
    assert [(c.id, c.name, c.args) for c in calls] == [("a", "f", {}), ("b", "g", {"n": 1})]
    assert chunks[-1].usage_metadata and chunks[-1].usage_metadata.total_token_count == 7
    assert history[-1].role == "model"
    assert GEMINI_GENERATE.is_final(SseReader().feed(b"".join(map(wire, out)))[-1])


def test_googles_sdk_reads_anthropics_answer_and_sends_it_back() -> None:
    """Translate: thinking keeps its signature through the caller's history."""
    claude = {
        "id": "m", "type": "message", "role": "assistant", "model": "c", "stop_reason": "tool_use",
        "content": [{"type": "thinking", "thinking": "hm", "signature": "Sig+/="},
                    {"type": "text", "text": "Hello"},
                    {"type": "tool_use", "id": "t-1", "name": "f", "input": {"n": 1}}],
        "usage": {"input_tokens": 3, "output_tokens": 4},
    }  # fmt: skip
    answer = sdk.read(carried(AT_CLAUDE.response(claude, **SAID, asked=LOOP)))
    assert answer.text == "Hello" and answer.candidates and answer.candidates[0].content
    said = answer.candidates[0].content.model_dump(mode="json", exclude_none=True)
    result = {"functionResponse": {"name": "f", "id": "t-1", "response": {"output": "x"}}}
    body = {**LOOP, "contents": [LOOP["contents"][0], said, {"role": "user", "parts": [result]}]}
    made = carried(AT_CLAUDE.request(body, stream=False, default_max_tokens=100))
    assert made["messages"][1]["content"] == claude["content"]


ANSWER: Json = {
    "candidates": [{"content": {"role": "model", "parts": [
        {"text": "hm", "thought": True}, {"text": "Hello"},
        {"functionCall": {"name": "f", "args": {"n": 1}}, "thoughtSignature": "c2ln"}]},
        "finishReason": "STOP"}],
    "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 4, "thoughtsTokenCount": 5,
                      "totalTokenCount": 12},
    "responseId": "r-1",
}  # fmt: skip


def test_an_openai_caller_at_gemini() -> None:
    """Translate: the seal of a call comes back to Google in the next request."""
    body = carried(FROM_OPENAI.response(ANSWER, **SAID, asked={}))
    told = chat.ChatCompletion.model_validate(body)
    message = told.choices[0].message
    assert (message.content, told.choices[0].finish_reason) == ("Hello", "tool_calls")
    assert told.usage and (told.usage.completion_tokens, told.usage.total_tokens) == (9, 12)
    said = body["choices"][0]["message"]
    call_id = said["tool_calls"][0]["id"]
    messages = [{"role": "user", "content": "hi"}, said,
                {"role": "tool", "tool_call_id": call_id, "content": "x"}]  # fmt: skip
    asked = {"model": "m", "messages": messages}
    made = carried(FROM_OPENAI.request(asked, stream=False, default_max_tokens=100))
    assert made["contents"][1]["parts"][-1] == {
        "functionCall": {"name": "f", "args": {"n": 1}, "id": call_id}, "thoughtSignature": "c2ln",
    }  # fmt: skip
    assert made["contents"][2]["parts"][0]["functionResponse"]["name"] == "f"


@pytest.mark.parametrize("pair", [FROM_OPENAI, FROM_CLAUDE])
def test_other_callers_read_geminis_stream(pair: Translation) -> None:
    """Translate: chunk by chunk, to its end."""
    first = {**ANSWER, "candidates": [{"content": {"parts": [{"text": "Hel"}]}}]}
    side = pair.stream(**SAID, asked={"stream_options": {"include_usage": True}})
    out = [f for frame in frames_of([first, ANSWER]) for f in side.feed(frame)] + side.finish()
    assert side.complete
    text = b"".join(map(wire, out)).decode()
    assert '"Hel"' in text and '"Hello"' in text and "call_r1_0" in text
