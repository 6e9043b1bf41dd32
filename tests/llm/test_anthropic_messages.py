"""What the gateway reads out of Anthropic requests, answers and streams."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from extproc.errors import Code, Refusal
from extproc.llm.anthropic_messages import ANTHROPIC_MESSAGES
from extproc.llm.call import Frame, Json, LlmCall
from extproc.usage.usage import Usage
from tests.llm.test_openai_dialects import every_mark, marked

PATH = "/v1/messages"
FULL: Json = {
    "model": "claude",
    "max_tokens": 64,
    "stream": True,
    "system": [{"type": "text", "text": "T-system", "cache_control": {"type": "ephemeral"}}],
    "metadata": {"user_id": "T-user"},
    "stop_sequences": ["T-stop"],
    "output_config": {"format": {"type": "json_schema", "schema": {"title": "T-schema"}}},
    "tools": [
        {
            "name": "search",
            "description": "T-desc",
            "input_schema": {"properties": {"q": {"title": "T-t"}}},
        },
        {"type": "web_search_20250305", "name": "web"},
    ],
    "messages": [
        {"role": "user", "content": "T-plain"},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "T-think", "signature": "sig"},
                {"type": "redacted_thinking", "data": "opaque"},
                {"type": "text", "text": "T-text", "citations": [{"cited_text": "T-cited"}]},
                {
                    "type": "tool_use",
                    "id": "t1",
                    "name": "search",
                    "input": {"id": "T-id", "d": [{"x": "T-x"}]},
                },
            ],
        },
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "t1",
                    "content": [
                        {"type": "text", "text": "T-result"},
                        {
                            "type": "image",
                            "source": {"type": "base64", "media_type": "image/png", "data": "AA"},
                        },
                    ],
                },
                {"type": "tool_result", "tool_use_id": "t2", "content": "T-result2"},
                {
                    "type": "document",
                    "title": "T-title",
                    "source": {"type": "text", "data": "T-doc"},
                },
                {
                    "type": "document",
                    "source": {"type": "content", "content": [{"type": "text", "text": "T-in"}]},
                },
                {
                    "type": "document",
                    "source": {"type": "base64", "media_type": "application/pdf", "data": "AA"},
                },
                {
                    "type": "search_result",
                    "source": "T-src",
                    "title": "T-sr",
                    "content": [{"type": "text", "text": "T-hit"}],
                },
                {"type": "hologram", "caption": "T-caption"},
            ],
        },
        {"role": "system", "content": "T-late"},
    ],
}


def test_a_full_request_is_read() -> None:
    """P3: the call's facts, and the parts nobody here can read, nested ones included."""
    assert ANTHROPIC_MESSAGES.read_call(PATH, FULL) == LlmCall(
        operation="chat",
        model="claude",
        stream=True,
        max_output_tokens=64,
        choices=1,
        tools=("search", "web"),
        unscanned=(
            "messages[1].content[1]",
            "messages[2].content[0].content[1]",
            "messages[2].content[4]",
            "messages[2].content[6]",
        ),
    )


def test_every_text_of_a_request_has_a_slot() -> None:
    """P5: system, messages, tools, inputs, nested results, documents, unknown blocks."""
    slots = list(ANTHROPIC_MESSAGES.request_texts(FULL))
    assert marked(slots) == every_mark(FULL)
    roles = {s.path: s.role for s in slots}
    assert roles["system[0].text"] == "system"
    assert roles["messages[1].content[0].thinking"] == "reasoning"
    assert roles["messages[1].content[3].input"] == "tool_arguments"
    assert roles["tools[0]"] == "tool_definition"
    assert roles["messages[2].content[0].content[0].text"] == "tool"
    body = copy.deepcopy(FULL)
    for slot in ANTHROPIC_MESSAGES.request_texts(body):
        slot.text = "gone"
    assert every_mark(body) == set()


def test_a_system_string_has_a_slot() -> None:
    """P5: both spellings of the system prompt are read."""
    body = {
        "model": "m",
        "max_tokens": 1,
        "system": "T-s",
        "messages": [{"role": "user", "content": "x"}],
    }
    assert [s.path for s in ANTHROPIC_MESSAGES.request_texts(body)] == [
        "system",
        "messages[0].content",
    ]


OK = {"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]}


def content(*blocks: Any) -> Json:
    return {"messages": [{"role": "user", "content": list(blocks)}]}


BAD = [
    ({"model": 1}, "model"),
    ({"max_tokens": None}, "max_tokens"),
    ({"max_tokens": True}, "max_tokens"),
    ({"max_tokens": 0}, "max_tokens"),
    ({"stream": "yes"}, "stream"),
    ({"messages": []}, "messages"),
    ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].role"),
    ({"messages": [{"role": "user"}]}, "messages[0].content"),
    ({"messages": [{"role": "user", "content": {}}]}, "messages[0].content"),
    (content("x"), "messages[0].content[0]"),
    (content({}), "messages[0].content[0]"),
    (content({"type": "text"}), "messages[0].content[0].text"),
    (content({"type": "tool_use", "name": "n", "input": "x"}), "messages[0].content[0].input"),
    (content({"type": "tool_use", "input": {}}), "messages[0].content[0].name"),
    (content({"type": "tool_result", "content": 5}), "messages[0].content[0].content"),
    (
        content({"type": "tool_result", "content": [{"type": "text", "text": 1}]}),
        "messages[0].content[0].content[0].text",
    ),
    ({"system": 5}, "system"),
    ({"system": ["x"]}, "system[0]"),
    ({"tools": {}}, "tools"),
    ({"tools": [{"description": "x"}]}, "tools[0].name"),
]


@pytest.mark.parametrize(("change", "param"), BAD)
def test_ill_typed_fields_are_refused_by_name(change: Json, param: str) -> None:
    """Contract, section 4: `invalid_request` names the field."""
    refusal = ANTHROPIC_MESSAGES.read_call(PATH, {**OK, **change})
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.param) == (Code.INVALID_REQUEST, param)


def test_every_text_of_an_answer_has_a_slot() -> None:
    """P5: text, thinking, tool inputs, server tools' results, unknown blocks."""
    answer = {
        "id": "m",
        "type": "message",
        "role": "assistant",
        "model": "c",
        "stop_reason": "end_turn",
        "content": [
            {"type": "text", "text": "T-a", "citations": [{"cited_text": "T-b"}]},
            {"type": "thinking", "thinking": "T-c", "signature": "s"},
            {"type": "tool_use", "id": "1", "name": "f", "input": {"k": ["T-d"]}},
            {
                "type": "web_search_tool_result",
                "content": [{"type": "web_search_result", "title": "T-e"}],
            },
            {"type": "new_thing", "inner": {"words": "T-f"}},
            "T-g",
        ],
        "surprise": "T-h",
    }
    assert marked(ANTHROPIC_MESSAGES.response_texts(answer)) == every_mark(answer)


def event(kind: str, **fields: Any) -> Frame:
    return Frame(kind, {"type": kind, **fields}, b"")


def test_channels_join_the_deltas_of_one_text() -> None:
    """P5: what is split over events is one text to the guardrails."""
    events = [
        event("message_start", message={"content": [], "model": "m", "usage": {}}),
        event("content_block_start", index=0, content_block={"type": "text", "text": "he"}),
        event("content_block_delta", index=0, delta={"type": "text_delta", "text": "llo"}),
        event(
            "content_block_start",
            index=1,
            content_block={"type": "tool_use", "id": "t", "name": "f", "input": {}},
        ),
        event(
            "content_block_delta",
            index=1,
            delta={"type": "input_json_delta", "partial_json": '{"a'},
        ),
        event(
            "content_block_delta",
            index=1,
            delta={"type": "input_json_delta", "partial_json": '":1}'},
        ),
        event("content_block_delta", index=2, delta={"type": "thinking_delta", "thinking": "hm"}),
        event("content_block_delta", index=2, delta={"type": "signature_delta", "signature": "s"}),
        event(
            "content_block_delta",
            index=0,
            delta={"type": "citations_delta", "citation": {"cited_text": "c"}},
        ),
        event("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage={}),
        event("ping"),
        event("message_stop"),
        Frame("", {}, b""),
    ]
    texts: dict[str, str] = {}
    for one in events:
        for slot in ANTHROPIC_MESSAGES.frame_texts(one):
            texts[slot.channel] = texts.get(slot.channel, "") + slot.text
    assert texts == {
        "content[0].text": "hello",
        "content[1].name": "f",
        "content[1].input": '{"a":1}',
        "content[2].thinking": "hm",
        "content[0].citation.cited_text": "c",
    }


def test_usage_buckets_are_disjoint() -> None:
    """P2: Anthropic tells cache reads and writes apart from input."""
    usage = {
        "input_tokens": 10,
        "output_tokens": 7,
        "cache_read_input_tokens": 3,
        "cache_creation_input_tokens": 2,
        "output_tokens_details": {"thinking_tokens": 4},
    }
    assert ANTHROPIC_MESSAGES.response_usage({"usage": usage}) == Usage(10, 7, 3, 2, 4)


def test_usage_of_a_stream_is_cumulative() -> None:
    """P2: `message_delta` replaces what it states and keeps what it does not."""
    start = event(
        "message_start",
        message={"usage": {"input_tokens": 10, "cache_read_input_tokens": 4, "output_tokens": 1}},
    )
    so_far = ANTHROPIC_MESSAGES.frame_usage(start, None)
    assert so_far == Usage(10, 1, 4)
    so_far = ANTHROPIC_MESSAGES.frame_usage(event("ping"), so_far)
    so_far = ANTHROPIC_MESSAGES.frame_usage(
        event("message_delta", usage={"output_tokens": 20}), so_far
    )
    assert so_far == Usage(10, 20, 4)
    last = event("message_delta", usage={"output_tokens": 25, "input_tokens": 12})
    assert ANTHROPIC_MESSAGES.frame_usage(last, so_far) == Usage(12, 25, 4)


def test_end_marker_call_and_path() -> None:
    """P2: the provider is never asked for more than was reserved."""
    assert ANTHROPIC_MESSAGES.is_final(event("message_stop"))
    assert not ANTHROPIC_MESSAGES.is_final(event("message_delta"))
    call = ANTHROPIC_MESSAGES.with_call(OK, model="c", max_output_tokens=3, include_usage=True)
    assert call == {**OK, "model": "c", "max_tokens": 3}
    call = ANTHROPIC_MESSAGES.with_call(OK, model="c", max_output_tokens=9, include_usage=True)
    assert call["max_tokens"] == 5
    assert ANTHROPIC_MESSAGES.upstream_path("c", stream=False) == "/v1/messages"
