"""What the gateway reads out of OpenAI requests, answers and streams."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from extproc.errors import Code, Refusal
from extproc.llm.call import Frame, Json, LlmCall
from extproc.llm.openai_chat import OPENAI_CHAT, asked_for_usage, is_usage_only
from extproc.llm.openai_embeddings import OPENAI_EMBEDDINGS
from extproc.usage.usage import Usage

PATH = "/v1/chat/completions"
TOOL = {
    "type": "function",
    "function": {
        "name": "search",
        "description": "T-desc",
        "parameters": {
            "type": "object",
            "properties": {"q": {"type": "string", "enum": ["T-enum"]}},
        },
    },
}
FULL: Json = {
    "model": "prod/assistant",
    "stream": True,
    "max_tokens": 90,
    "max_completion_tokens": 80,
    "n": 2,
    "user": "T-user",
    "stop": ["T-stop"],
    "metadata": {"k": "T-meta"},
    "tool_choice": "auto",
    "prediction": {"type": "content", "content": "T-prediction"},
    "response_format": {
        "type": "json_schema",
        "json_schema": {"name": "f", "schema": {"title": "T-schema"}},
    },
    "some_future_field": {"deep": ["T-future"]},
    "tools": [TOOL, {"type": "custom", "custom": {"name": "sql", "description": "T-custom"}}],
    "messages": [
        {"role": "developer", "content": "T-system"},
        {
            "role": "user",
            "name": "T-name",
            "content": [
                {"type": "text", "text": "T-part"},
                {"type": "image_url", "image_url": {"url": "https://x/y.png"}},
                {"type": "hologram", "caption": "T-caption"},
            ],
        },
        {
            "role": "assistant",
            "content": None,
            "reasoning_content": "T-reason",
            "tool_calls": [
                {
                    "id": "c1",
                    "type": "function",
                    "function": {"name": "search", "arguments": '{"q":"T-args"}'},
                },
                {"id": "c2", "type": "custom", "custom": {"name": "sql", "input": "T-input"}},
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "T-result"},
        {"role": "tool", "tool_call_id": "c2", "content": [{"type": "text", "text": "T-result2"}]},
        {
            "role": "assistant",
            "content": "T-said",
            "refusal": "T-refused",
            "function_call": {"name": "old", "arguments": "T-old"},
        },
    ],
}


def marked(slots: Any) -> set[str]:
    return {
        word
        for s in slots
        for word in s.text.replace('"', " ").replace("}", " ").split()
        if word[:2] == "T-"
    }


def every_mark(tree: Any) -> set[str]:
    import orjson

    text = orjson.dumps(tree).decode()
    for mark in '"\\{}[],:':
        text = text.replace(mark, " ")
    return {word for word in text.split() if word.startswith("T-")}


def test_a_full_request_is_read() -> None:
    """P1: the call's facts come out of the body, nothing is guessed."""
    call = OPENAI_CHAT.read_call(PATH, FULL)
    assert call == LlmCall(
        operation="chat",
        model="prod/assistant",
        stream=True,
        max_output_tokens=80,
        choices=2,
        tools=("search", "sql"),
        unscanned=("messages[1].content[1]", "messages[1].content[2]"),
    )


def test_every_text_of_a_request_has_a_slot() -> None:
    """P5: prompts, parts, tool definitions, arguments, results and unknown fields alike."""
    slots = list(OPENAI_CHAT.request_texts(FULL))
    assert marked(slots) == every_mark(FULL)
    roles = {s.path: s.role for s in slots}
    assert roles["messages[0].content"] == "system"
    assert roles["messages[2].tool_calls[0].function.arguments"] == "tool_arguments"
    assert roles["messages[3].content"] == "tool"
    assert roles["tools[0]"] == roles["response_format"] == "tool_definition"
    assert [s.path for s in slots if s.json_text] == [
        "messages[2].tool_calls[0].function.arguments",
        "messages[5].function_call.arguments",
        "tools[0]",
        "tools[1]",
        "metadata",
        "response_format",
    ]


def test_slots_write_where_they_read() -> None:
    """P5: a mutation reaches the body that is sent."""
    body = copy.deepcopy(FULL)
    for slot in OPENAI_CHAT.request_texts(body):
        slot.text = "gone"
    assert every_mark(body) == set()
    assert body["messages"][1]["content"][0] == {"type": "text", "text": "gone"}


OK = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
BAD = [
    ({"model": None}, "model"),
    ({"model": ""}, "model"),
    ({"model": 7}, "model"),
    ({"model": "m" * 300}, "model"),
    ({"messages": None}, "messages"),
    ({"messages": []}, "messages"),
    ({"messages": {}}, "messages"),
    ({"messages": ["x"]}, "messages[0]"),
    ({"messages": [{"content": "x"}]}, "messages[0].role"),
    ({"messages": [{"role": ["user"], "content": "x"}]}, "messages[0].role"),
    ({"messages": [{"role": "user"}]}, "messages[0].content"),
    ({"messages": [{"role": "user", "content": {"text": "x"}}]}, "messages[0].content"),
    ({"messages": [{"role": "user", "content": ["x"]}]}, "messages[0].content[0]"),
    (
        {"messages": [{"role": "user", "content": [{"type": "text", "text": {}}]}]},
        "messages[0].content[0].text",
    ),
    (
        {"messages": [{"role": "assistant", "content": "x", "tool_calls": {}}]},
        "messages[0].tool_calls",
    ),
    (
        {"messages": [{"role": "assistant", "tool_calls": [{"type": "function"}]}]},
        "messages[0].tool_calls[0]",
    ),
    (
        {
            "messages": [
                {
                    "role": "assistant",
                    "tool_calls": [
                        {"type": "function", "function": {"name": "f", "arguments": {}}}
                    ],
                }
            ]
        },
        "messages[0].tool_calls[0].function.arguments",
    ),
    ({"stream": 1}, "stream"),
    ({"stream": "true"}, "stream"),
    ({"stream_options": []}, "stream_options"),
    ({"max_tokens": 0}, "max_tokens"),
    ({"max_tokens": True}, "max_tokens"),
    ({"max_tokens": 1.5}, "max_tokens"),
    ({"max_tokens": 2**40}, "max_tokens"),
    ({"max_completion_tokens": -1}, "max_completion_tokens"),
    ({"n": 0}, "n"),
    ({"n": 129}, "n"),
    ({"n": "2"}, "n"),
    ({"n": True}, "n"),
    ({"tools": {}}, "tools"),
    ({"tools": [1]}, "tools[0]"),
    ({"tools": [{}]}, "tools[0].type"),
    ({"tools": [{"type": "function"}]}, "tools[0].function"),
    ({"tools": [{"type": "function", "function": {}}]}, "tools[0].function.name"),
    ({"functions": [{}]}, "functions[0].name"),
]


@pytest.mark.parametrize(("change", "param"), BAD)
def test_ill_typed_fields_are_refused_by_name(change: Json, param: str) -> None:
    """Contract, section 4: `invalid_request` names the field."""
    refusal = OPENAI_CHAT.read_call(PATH, {**OK, **change})
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.param) == (Code.INVALID_REQUEST, param)
    assert f"'{param}'" in refusal.detail


def test_null_is_absent() -> None:
    """Contract, section 3: SDKs send null for what is not set."""
    nulls = dict.fromkeys(
        ("stream", "max_tokens", "max_completion_tokens", "n", "tools", "stream_options")
    )
    call = OPENAI_CHAT.read_call(PATH, {**OK, **nulls})
    assert call == LlmCall("chat", "m", False, None, 1, ())


def test_every_text_of_an_answer_has_a_slot() -> None:
    """P5: all choices, refusals, reasoning, tool arguments, annotations, unknown fields."""
    answer = {
        "id": "x",
        "object": "chat.completion",
        "model": "m",
        "usage": {},
        "citations": ["T-citation"],
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {
                    "role": "assistant",
                    "content": "T-a",
                    "refusal": "T-b",
                    "reasoning_content": "T-c",
                    "annotations": [
                        {"type": "url_citation", "url_citation": {"title": "T-d", "url": "T-e"}}
                    ],
                    "audio": {"id": "a", "data": "AAAA", "transcript": "T-f"},
                },
            },
            {
                "index": 1,
                "message": {
                    "role": "assistant",
                    "content": [{"type": "text", "text": "T-g"}],
                    "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": "T-h"}}],
                },
                "text": "T-i",
            },
            "T-j",
            {"message": "T-k"},
        ],
    }
    assert marked(OPENAI_CHAT.response_texts(answer)) == every_mark(answer)


def frame(data: Json | None) -> Frame:
    return Frame("", data, b"")


def chunk(delta: Any, index: int = 0, **more: Any) -> Frame:
    return frame({"id": "i", "choices": [{"index": index, "delta": delta}], **more})


def test_channels_join_the_deltas_of_one_text() -> None:
    """P5: what is split over frames is one text to the guardrails."""
    frames = [
        chunk({"role": "assistant", "content": "", "refusal": None}),
        chunk({"content": "he"}),
        chunk({"content": "other"}, 1),
        chunk({"content": "llo"}),
        chunk(
            {"tool_calls": [{"index": 1, "id": "c", "function": {"name": "f", "arguments": '{"a'}}]}
        ),
        chunk({"tool_calls": [{"index": 0, "function": {"arguments": "zero"}}]}),
        chunk({"tool_calls": [{"index": 1, "function": {"arguments": '":1}'}}]}),
        chunk({"reasoning_content": "hm"}),
        chunk({"refusal": "no"}),
        frame(None),
        frame({"choices": [], "usage": {"prompt_tokens": 1}}),
        chunk(None),
        frame({}),
    ]
    texts: dict[str, str] = {}
    for one in frames:
        for slot in OPENAI_CHAT.frame_texts(one):
            texts[slot.channel] = texts.get(slot.channel, "") + slot.text
    assert texts == {
        "choices[0].content": "hello",
        "choices[1].content": "other",
        "choices[0].tool_calls[1].name": "f",
        "choices[0].tool_calls[1].arguments": '{"a":1}',
        "choices[0].tool_calls[0].arguments": "zero",
        "choices[0].reasoning_content": "hm",
        "choices[0].refusal": "no",
    }


@pytest.mark.parametrize(
    "data",
    [
        {"choices": ["T-x"]},
        {"choices": "T-x"},
        {"choices": [{"delta": "T-x"}]},
        {"output": ["T-x"]},
        {"choices": [{"delta": {"tool_calls": ["T-x"]}}]},
        {"choices": [{"delta": {"content": ["T-x"]}}]},
        {"choices": [{"delta": {"tool_calls": [{"function": {"arguments": {"q": "T-x"}}}]}}]},
        {"choices": [{"delta": {}, "message": {"content": "T-x"}}]},
    ],
)
def test_text_in_an_odd_place_is_still_seen(data: Json) -> None:
    """P5: a chunk of another shape than documented hides nothing."""
    assert marked(OPENAI_CHAT.frame_texts(frame(data))) == {"T-x"}


def test_usage_buckets_are_disjoint() -> None:
    """P2: OpenAI's prompt tokens include cached ones; ours do not."""
    usage = {
        "prompt_tokens": 100,
        "completion_tokens": 20,
        "total_tokens": 120,
        "prompt_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 10},
        "completion_tokens_details": {"reasoning_tokens": 5},
    }
    assert OPENAI_CHAT.response_usage({"usage": usage}) == Usage(30, 20, 60, 10, 5)
    assert Usage(30, 20, 60, 10, 5).total_tokens == 120


def test_usage_of_a_stream_is_the_largest_one_told() -> None:
    """P2: running totals are not summed, whether the chunk has choices or none."""
    first = {"prompt_tokens": 5, "completion_tokens": 1}
    last = {"prompt_tokens": 5, "completion_tokens": 9}
    so_far = None
    for one in (
        chunk({"content": "a"}, usage=first),
        chunk({}, usage=None),
        frame({"choices": [], "usage": last}),
        frame(None),
    ):
        so_far = OPENAI_CHAT.frame_usage(one, so_far)
    assert so_far == Usage(5, 9)


def test_the_end_marker() -> None:
    """P5: only `[DONE]` is final."""
    assert OPENAI_CHAT.is_final(frame(None))
    assert not OPENAI_CHAT.is_final(frame({}))


def test_with_call_lowers_every_stated_maximum() -> None:
    """P2: the provider is never asked for more than was reserved."""
    call = OPENAI_CHAT.with_call(FULL, model="gpt", max_output_tokens=85, include_usage=True)
    assert (call["model"], call["max_tokens"], call["max_completion_tokens"]) == ("gpt", 85, 80)
    assert call["stream_options"] == {"include_usage": True}
    assert (FULL["model"], FULL["max_tokens"]) == ("prod/assistant", 90)
    bare = OPENAI_CHAT.with_call(OK, model="gpt", max_output_tokens=50, include_usage=True)
    assert bare == {**OK, "model": "gpt", "max_completion_tokens": 50}
    guess = {**OK, "prediction": {"type": "content", "content": "so"}}
    call = OPENAI_CHAT.with_call(guess, model="gpt", max_output_tokens=50, include_usage=True)
    assert call == {**guess, "model": "gpt", "max_tokens": 50}  # all that predictions understand
    assert OPENAI_CHAT.with_call(OK, model="g", max_output_tokens=None, include_usage=True) == {
        **OK,
        "model": "g",
    }


def test_with_call_keeps_other_stream_options() -> None:
    """P2: usage is always asked of a stream; the caller's other options stay."""
    body = {
        **OK,
        "stream": True,
        "stream_options": {"include_usage": False, "include_obfuscation": False},
    }
    call = OPENAI_CHAT.with_call(body, model="m", max_output_tokens=None, include_usage=True)
    assert call["stream_options"] == {"include_usage": True, "include_obfuscation": False}
    assert body["stream_options"]["include_usage"] is False


def test_the_usage_chunk_is_known_and_whether_it_was_asked_for() -> None:
    """Contract, section 3: a caller that did not ask must not get a chunk without choices."""
    assert is_usage_only(frame({"choices": [], "usage": {"prompt_tokens": 1}}))
    assert not is_usage_only(chunk({}, usage={}))
    assert not is_usage_only(frame(None))
    assert asked_for_usage({"stream_options": {"include_usage": True}})
    assert not asked_for_usage({"stream_options": None})


@pytest.mark.parametrize(
    ("value", "texts", "unscanned"),
    [
        ("T-a", ["T-a"], ()),
        (["T-a", "T-b"], ["T-a", "T-b"], ()),
        ([1, 2], [], ("input",)),
        ([[1], [2, 3]], [], ("input",)),
    ],
)
def test_embeddings_input(value: Any, texts: list[str], unscanned: tuple[str, ...]) -> None:
    """P3: strings are scanned; token arrays are named as unscanned."""
    body = {"model": "e", "input": value}
    call = OPENAI_EMBEDDINGS.read_call("/v1/embeddings", body)
    assert call == LlmCall("embeddings", "e", False, None, 1, (), unscanned)
    assert [s.text for s in OPENAI_EMBEDDINGS.request_texts(body)] == texts


@pytest.mark.parametrize(
    "value", [None, [], {}, 1, ["a", 1], [[1], "a"], [[]], [["a"]], [True], [1.5]]
)
def test_embeddings_refuses_other_input(value: Any) -> None:
    """Contract, section 4: `invalid_request` names `input`."""
    refusal = OPENAI_EMBEDDINGS.read_call("/v1/embeddings", {"model": "e", "input": value})
    assert isinstance(refusal, Refusal)
    assert refusal.param == "input"


def test_embeddings_usage_and_call() -> None:
    """P2: embeddings have input tokens only."""
    assert OPENAI_EMBEDDINGS.response_usage(
        {"usage": {"prompt_tokens": 8, "total_tokens": 8}}
    ) == Usage(8)
    body = {"model": "a/e", "input": "x"}
    made = OPENAI_EMBEDDINGS.with_call(body, model="e", max_output_tokens=5, include_usage=True)
    assert made == {"model": "e", "input": "x"}
    assert tuple(d.upstream_path("m", stream=False) for d in (OPENAI_EMBEDDINGS, OPENAI_CHAT)) == (
        "/embeddings",
        "/chat/completions",
    )
