"""A Responses caller at the models of other vendors: the request there, the stream back."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest

from extproc.llm.call import Frame, Json
from extproc.llm.translate.openai_responses import CALLER, PROVIDER
from extproc.llm.translate.sides import Carried, Translation
from tests.llm.responses import shapes
from tests.llm.responses.sdk import accumulated, checked_events, checked_response

SCHEMA = {"type": "object", "properties": {"q": {"type": "string"}}}
ASKED: Json = {
    "model": "m", "instructions": "Be brief.", "stream": True, "store": False, "top_p": 0.9,
    "max_output_tokens": 500, "tool_choice": "auto", "parallel_tool_calls": True,
    "include": ["reasoning.encrypted_content"],
    "tools": [{"type": "function", "name": "look_up", "description": "d", "parameters": SCHEMA,
               "strict": False}, {"type": "custom", "name": "patch", "description": "p"}],
    "input": [
        {"role": "user", "content": [{"type": "input_text", "text": "go"}]},
        {"type": "reasoning", "summary": [], "encrypted_content": "gAAAAB"},
        {"type": "function_call", "name": "look_up", "arguments": '{"q":"x"}', "call_id": "c1"},
        {"type": "custom_tool_call", "name": "patch", "input": "*** x", "call_id": "c2"},
        {"type": "function_call_output", "call_id": "c1", "output": "one"},
        {"type": "custom_tool_call_output", "call_id": "c2", "output": "two"},
        {"role": "user", "content": "and now?"},
    ],
}  # fmt: skip
PROVIDERS = ("openai_chat", "anthropic_messages", "gemini_generate", "bedrock_converse",
             "cohere_chat")  # fmt: skip


def to(provider: str) -> Translation:
    return Translation(CALLER, import_module(f"extproc.llm.translate.{provider}").PROVIDER)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_an_agents_request_reaches_every_vendor(provider: str) -> None:
    """Translate: tools of both kinds, calls and results in a row; OpenAI's own seal stays out."""
    asked = {key: value for key, value in ASKED.items() if key != "parallel_tool_calls"}
    made = to(provider).request(asked, stream=True, default_max_tokens=99)
    assert isinstance(made, Carried), made
    text = repr(made.body)
    for word in ("Be brief.", "look_up", "patch", "*** x", "one", "two", "and now?"):
        assert word in text, word
    assert "gAAAAB" not in text and "input[1]" in made.left_out


ANTHROPIC: list[Json] = [
    {"type": "message_start", "message": {"id": "msg_01", "type": "message", "role": "assistant",
     "model": "c", "content": [], "usage": {"input_tokens": 20, "output_tokens": 1}}},
    {"type": "content_block_start", "index": 0, "content_block": {
        "type": "thinking", "thinking": "", "signature": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {
        "type": "thinking_delta", "thinking": "Hm."}},
    {"type": "content_block_delta", "index": 0, "delta": {
        "type": "signature_delta", "signature": "c2ln"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "I look"}},
    {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": " it up."}},
    {"type": "content_block_stop", "index": 1},
    {"type": "content_block_start", "index": 2, "content_block": {
        "type": "tool_use", "id": "toolu_1", "name": "look_up", "input": {}}},
    {"type": "content_block_delta", "index": 2, "delta": {
        "type": "input_json_delta", "partial_json": '{"q": "x"}'}},
    {"type": "content_block_stop", "index": 2},
    {"type": "content_block_start", "index": 3, "content_block": {
        "type": "tool_use", "id": "toolu_2", "name": "patch", "input": {}}},
    {"type": "content_block_delta", "index": 3, "delta": {
        "type": "input_json_delta", "partial_json": '{"input": "*** y"}'}},
    {"type": "content_block_stop", "index": 3},
    {"type": "message_delta", "delta": {"stop_reason": "tool_use", "stop_sequence": None},
     "usage": {"output_tokens": 30}},
    {"type": "message_stop"},
]  # fmt: skip


def test_anthropics_stream_and_its_seal_on_the_way_back() -> None:
    """Translate: an agent's next request gives Anthropic its own thought, signed, as it was."""
    pair = to("anthropic_messages")
    translator = pair.stream(model="m", created=7, asked=ASKED)
    frames = [f for e in ANTHROPIC for f in translator.feed(Frame(e["type"], e, b""))]
    frames += translator.finish()
    final = accumulated(checked_events(frames))
    kinds = [item.type for item in final.output]
    assert kinds == ["reasoning", "message", "function_call", "custom_tool_call"]
    assert final.output_text == "I look it up." and final.usage is not None
    assert (final.usage.input_tokens, final.usage.output_tokens) == (20, 30)
    items = frames[-1].data["response"]["output"]  # type: ignore[index]
    results = [
        {"type": "function_call_output", "call_id": "toolu_1", "output": "a"},
        {"type": "custom_tool_call_output", "call_id": "toolu_2", "output": "b"},
    ]
    asked = {**ASKED, "input": [ASKED["input"][0], *items, *results]}
    made = pair.request(asked, stream=True, default_max_tokens=99)
    assert isinstance(made, Carried), made
    said = made.body["messages"][1]["content"]
    assert said[0] == {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}
    assert [block["type"] for block in said] == ["thinking", "text", "tool_use", "tool_use"]
    assert said[3]["input"] == {"input": "*** y"} and made.left_out == ()


def chunk(delta: Json, finish: str | None = None, **fields: Any) -> Frame:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return Frame("", {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1,
                      "model": "x", "choices": [choice], **fields}, b"")  # fmt: skip


def test_a_chat_only_models_stream() -> None:
    """Translate: reasoning, text, parallel calls and usage of a compatible server."""
    usage = {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}
    calls = [{"index": i, "id": f"call_{i}", "type": "function", "function": {
        "name": "look_up", "arguments": ""}} for i in (0, 1)]  # fmt: skip
    frames = [
        chunk({"role": "assistant", "content": ""}), chunk({"reasoning_content": "Hm."}),
        chunk({"content": "Hi"}), chunk({"content": " you"}), chunk({"tool_calls": calls}),
        chunk({"tool_calls": [{"index": 1, "function": {"arguments": '{"b"'}}]}),
        chunk({"tool_calls": [{"index": 0, "function": {"arguments": "{}"}},
                              {"index": 1, "function": {"arguments": ": 1}"}}]}),
        chunk({}, "tool_calls"),
        Frame("", {"id": "chatcmpl-1", "choices": [], "usage": usage}, b""),
        Frame("", None, b""),
    ]  # fmt: skip
    translator = to("openai_chat").stream(model="m", created=7, asked=ASKED)
    made = [f for frame in frames for f in translator.feed(frame)] + translator.finish()
    final = accumulated(checked_events(made))
    assert [item.type for item in final.output] == [
        "reasoning", "message", "function_call", "function_call"
    ]  # fmt: skip
    assert [item.arguments for item in final.output[2:]] == ["{}", '{"b": 1}']  # type: ignore[union-attr]
    assert final.output_text == "Hi you" and final.usage is not None
    assert final.usage.total_tokens == 13


@pytest.mark.parametrize("caller", ["openai_chat", "anthropic_messages", "gemini_generate"])
def test_other_callers_reach_a_model_that_only_speaks_the_responses(caller: str) -> None:
    """Translate: its answer and its stream come out in the caller's dialect, text and call."""
    pair = Translation(import_module(f"extproc.llm.translate.{caller}").CALLER, PROVIDER)
    output = [shapes.reasoning("Hm."), shapes.message(shapes.said("See.")),
              shapes.call('{"q": "x"}')]  # fmt: skip
    made = pair.response(shapes.response(output), model="m", created=7, asked={})
    assert isinstance(made, Carried) and "See." in repr(made.body) and "look_up" in repr(made.body)
    translator = pair.stream(model="m", created=7, asked={})
    frames = [f for frame in shapes.Stream(output).frames for f in translator.feed(frame)]
    text = "".join(repr(frame.data) for frame in frames)
    assert translator.complete and "look_up" in text and "call_1" in text


def test_a_chat_only_models_whole_answer() -> None:
    """Translate: the SDK reads the whole answer of a model that only chats."""
    body = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "x",
            "choices": [{"index": 0, "finish_reason": "length", "message": {
                "role": "assistant", "content": "Hi"}}],
            "usage": {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}}  # fmt: skip
    made = to("openai_chat").response(body, model="m", created=7, asked=ASKED)
    assert isinstance(made, Carried)
    read = checked_response(made.body)
    assert (read.output_text, read.status, read.model) == ("Hi", "incomplete", "m")
    assert read.tools[1].type == "custom" and read.instructions == "Be brief."
