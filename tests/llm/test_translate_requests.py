"""Requests keep their meaning in the other vendor's words, or are refused by the field's name."""

from __future__ import annotations

from typing import Any

import pytest
from anthropic.types import message_create_params
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.chat import completion_create_params
from pydantic import TypeAdapter

from extproc.errors import Code, Refusal
from extproc.llm.anthropic_messages import ANTHROPIC_MESSAGES
from extproc.llm.call import Json, LlmCall
from extproc.llm.openai_chat import OPENAI_CHAT
from extproc.llm.openai_embeddings import OPENAI_EMBEDDINGS
from extproc.llm.translate import provider_dialect, supported, translator

TO_ANTHROPIC = translator(OPENAI_CHAT, ANTHROPIC_MESSAGES)
TO_OPENAI = translator(ANTHROPIC_MESSAGES, OPENAI_CHAT)
assert TO_ANTHROPIC and TO_OPENAI
ANTHROPIC_PARAMS = TypeAdapter(message_create_params.MessageCreateParamsNonStreaming)
OPENAI_PARAMS = TypeAdapter(completion_create_params.CompletionCreateParamsNonStreaming)


def to_anthropic(body: Json) -> Json:
    """Translate, and hold the result against the SDK's types and the gateway's own reader."""
    assert isinstance(OPENAI_CHAT.read_call("", body), LlmCall)
    made = TO_ANTHROPIC.request(body, default_max_tokens=777)
    assert isinstance(made, dict), made
    ANTHROPIC_PARAMS.validate_python({**made, "stream": False})
    assert isinstance(ANTHROPIC_MESSAGES.read_call("", made), LlmCall)
    return made


def to_openai(body: Json) -> Json:
    assert isinstance(ANTHROPIC_MESSAGES.read_call("", body), LlmCall)
    made = TO_OPENAI.request(body, default_max_tokens=777)
    assert isinstance(made, dict), made
    OPENAI_PARAMS.validate_python({**made, "stream": False})
    assert isinstance(OPENAI_CHAT.read_call("", made), LlmCall)
    return made


SCHEMA = {"type": "object", "properties": {"q": {"type": "string"}}, "required": ["q"]}
OPENAI_FULL: Json = {
    "model": "m",
    "stream": True,
    "stream_options": {"include_usage": True},
    "n": 1,
    "logprobs": False,
    "max_completion_tokens": 99,
    "max_tokens": 120,
    "temperature": 0.5,
    "top_p": 0.9,
    "top_k": 40,
    "stop": "END",
    "user": "u-1",
    "parallel_tool_calls": False,
    "tool_choice": "required",
    "seed": None,
    "reasoning_effort": "high",
    "service_tier": "default",
    "prompt_cache_key": "k",
    "response_format": {
        "type": "json_schema",
        "json_schema": {"name": "r", "schema": SCHEMA, "strict": True},
    },
    "tools": [
        {
            "type": "function",
            "function": {
                "name": "search",
                "description": "find",
                "parameters": SCHEMA,
                "strict": True,
            },
        }
    ],
    "messages": [
        {"role": "system", "content": "be brief"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "what is it"},
                {
                    "type": "image_url",
                    "image_url": {"url": "data:image/png;base64,AAAA", "detail": "auto"},
                },
                {"type": "image_url", "image_url": {"url": "https://x/y.png"}},
                {
                    "type": "file",
                    "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,BBBB"},
                },
            ],
        },
        {
            "role": "assistant",
            "content": "",
            "annotations": [],
            "audio": None,
            "refusal": None,
            "tool_calls": [
                {
                    "id": "c1",
                    "type": "function",
                    "function": {"name": "search", "arguments": '{"q":"a"}'},
                },
                {"id": "c2", "type": "function", "function": {"name": "search", "arguments": ""}},
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "r1"},
        {"role": "tool", "tool_call_id": "c2", "content": [{"type": "text", "text": "r2"}]},
        {"role": "user", "content": "go on"},
        {"role": "developer", "content": "now in French"},
    ],
}
ANTHROPIC_FULL: Json = {
    "model": "m",
    "stream": True,
    "max_tokens": 99,
    "temperature": 0.5,
    "top_p": 0.9,
    "top_k": 40,
    "stop_sequences": ["END"],
    "metadata": {"user_id": "u-1"},
    "service_tier": "standard_only",
    "tool_choice": {"type": "any", "disable_parallel_tool_use": True},
    "output_config": {"effort": "high", "format": {"type": "json_schema", "schema": SCHEMA}},
    "tools": [{"name": "search", "description": "find", "input_schema": SCHEMA, "strict": True}],
    "system": "be brief",
    "messages": [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "what is it"},
                {
                    "type": "image",
                    "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"},
                },
                {"type": "image", "source": {"type": "url", "url": "https://x/y.png"}},
                {
                    "type": "document",
                    "title": "a.pdf",
                    "source": {"type": "base64", "media_type": "application/pdf", "data": "BBBB"},
                },
            ],
        },
        {
            "role": "assistant",
            "content": [
                {"type": "tool_use", "id": "c1", "name": "search", "input": {"q": "a"}},
                {"type": "tool_use", "id": "c2", "name": "search", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "c1", "content": "r1"},
                {
                    "type": "tool_result",
                    "tool_use_id": "c2",
                    "content": [{"type": "text", "text": "r2"}],
                },
                {"type": "text", "text": "go on"},
            ],
        },
        {"role": "system", "content": "now in French"},
    ],
}


def test_a_full_openai_request_in_anthropics_words() -> None:
    """Contract, section 3: an OpenAI caller can be served by Anthropic; golden shape."""
    assert to_anthropic(OPENAI_FULL) == ANTHROPIC_FULL


def test_a_full_anthropic_request_in_openais_words() -> None:
    """Contract, section 3: an Anthropic caller can be served by OpenAI; golden shape."""
    body = {k: v for k, v in ANTHROPIC_FULL.items() if k != "top_k"}
    made = to_openai(
        {**body, "cache_control": {"type": "ephemeral"}, "thinking": {"type": "disabled"}}
    )
    expected = {
        key: value
        for key, value in OPENAI_FULL.items()
        if key
        not in (
            "stream_options",
            "n",
            "logprobs",
            "max_tokens",
            "top_k",
            "seed",
            "prompt_cache_key",
        )
    }
    messages = [dict(message) for message in OPENAI_FULL["messages"]]
    messages[1]["content"] = [dict(part) for part in messages[1]["content"]]
    messages[1]["content"][1] = {
        "type": "image_url",
        "image_url": {"url": "data:image/png;base64,AAAA"},
    }
    calls = messages[2]["tool_calls"]
    calls = [calls[0], {**calls[1], "function": {"name": "search", "arguments": "{}"}}]
    messages[2] = {"role": "assistant", "content": None, "tool_calls": calls}
    messages[4] = {**messages[4], "content": "r2"}
    messages[6] = {"role": "system", "content": "now in French"}
    response_format = {
        "type": "json_schema",
        "json_schema": {"name": "output", "schema": SCHEMA, "strict": True},
    }
    assert made == {
        **expected,
        "messages": messages,
        "stop": ["END"],
        "response_format": response_format,
    }


OK = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


def test_small_openai_requests() -> None:
    """Contract, section 3: what Anthropic requires is supplied, what asks for nothing left out."""
    assert to_anthropic(OK) == {"model": "m", "max_tokens": 777, "messages": OK["messages"]}
    made = to_anthropic({**OK, "reasoning_effort": "none", "tool_choice": "auto", "tools": []})
    assert made["thinking"] == {"type": "disabled"}
    assert "tool_choice" not in made
    two = [
        {"role": "system", "content": "a"},
        {"role": "developer", "content": "b"},
        *OK["messages"],
    ]
    made = to_anthropic({**OK, "messages": two, "stop": ["x", "y"]})
    assert made["system"] == [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert made["stop_sequences"] == ["x", "y"]


@pytest.mark.parametrize(
    ("choice", "parallel", "expected"),
    [
        ("none", False, {"type": "none"}),
        ("auto", None, {"type": "auto"}),
        (None, True, None),
        (None, False, {"type": "auto", "disable_parallel_tool_use": True}),
        (
            {"type": "function", "function": {"name": "search"}},
            None,
            {"type": "tool", "name": "search"},
        ),
    ],
)
def test_tool_choices(choice: Any, parallel: Any, expected: Any) -> None:
    """Contract, section 3: tool choice and parallel calls are one field at Anthropic."""
    body = {
        **OK,
        "tools": OPENAI_FULL["tools"],
        "tool_choice": choice,
        "parallel_tool_calls": parallel,
    }
    made = to_anthropic({k: v for k, v in body.items() if v is not None})
    assert made.get("tool_choice") == expected
    back = to_openai({**made, "tools": ANTHROPIC_FULL["tools"]})
    assert back.get("tool_choice") == (choice or ("auto" if expected else None))


def user(*parts: Json) -> Json:
    return {"messages": [{"role": "user", "content": list(parts)}]}


def said(**message: Any) -> Json:
    return {"messages": [*OK["messages"], {"role": "assistant", "content": "x", **message}]}


IMAGE = "messages[0].content[0].image_url"
OPENAI_REFUSED = [
    ({"n": 2}, "n"),
    ({"logprobs": True}, "logprobs"),
    ({"top_logprobs": 3}, "top_logprobs"),
    ({"seed": 1}, "seed"),
    ({"logit_bias": {"1": 2}}, "logit_bias"),
    ({"store": True}, "store"),
    ({"frequency_penalty": 0.1}, "frequency_penalty"),
    ({"presence_penalty": 1}, "presence_penalty"),
    ({"modalities": ["text", "audio"]}, "modalities"),
    ({"audio": {"voice": "x"}}, "audio"),
    ({"prediction": {"type": "content", "content": "x"}}, "prediction"),
    ({"metadata": {"a": "b"}}, "metadata"),
    ({"web_search_options": {}}, "web_search_options"),
    ({"functions": [{"name": "f"}]}, "functions"),
    ({"verbosity": "low"}, "verbosity"),
    ({"unheard_of": 0}, "unheard_of"),
    ({"temperature": 1.2}, "temperature"),
    ({"service_tier": "flex"}, "service_tier"),
    ({"reasoning_effort": "minimal"}, "reasoning_effort"),
    ({"user": "a", "safety_identifier": "b"}, "safety_identifier"),
    ({"response_format": {"type": "json_object"}}, "response_format"),
    ({"stream_options": {"include_obfuscation": True}}, "stream_options.include_obfuscation"),
    ({"tools": [{"type": "custom", "custom": {"name": "x"}}]}, "tools[0].type"),
    ({"tool_choice": {"type": "allowed_tools", "allowed_tools": {}}}, "tool_choice"),
    ({"tool_choice": "required"}, "tool_choice"),
    ({"messages": [{"role": "system", "content": "x"}]}, "messages"),
    ({"messages": [{"role": "user", "content": "x", "name": "bob"}]}, "messages[0].name"),
    ({"messages": [{"role": "function", "name": "f", "content": "x"}]}, "messages[0].role"),
    ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].tool_call_id"),
    (said(reasoning_content="hm"), "messages[1].reasoning_content"),
    (said(audio={"id": "a"}), "messages[1].audio"),
    (
        said(tool_calls=[{"id": "1", "type": "custom", "custom": {"name": "n", "input": "x"}}]),
        "messages[1].tool_calls[0].type",
    ),
    (
        said(
            tool_calls=[
                {"id": "1", "type": "function", "function": {"name": "n", "arguments": "[1]"}}
            ]
        ),
        "messages[1].tool_calls[0].function.arguments",
    ),
    (user({"type": "input_audio", "input_audio": {}}), "messages[0].content[0].type"),
    (
        user({"type": "image_url", "image_url": {"url": "https://x", "detail": "low"}}),
        f"{IMAGE}.detail",
    ),
    (user({"type": "image_url", "image_url": {"url": "file:///x"}}), f"{IMAGE}.url"),
    (
        user({"type": "image_url", "image_url": {"url": "data:image/tiff;base64,AA"}}),
        f"{IMAGE}.url",
    ),
    (user({"type": "image_url", "image_url": {}}), f"{IMAGE}.url"),
    (user({"type": "file", "file": {"file_id": "f"}}), "messages[0].content[0].file.file_id"),
]


@pytest.mark.parametrize(("change", "param"), OPENAI_REFUSED)
def test_openai_fields_anthropic_has_not(change: Json, param: str) -> None:
    """Contract, section 4: refused by name, never dropped silently."""
    refusal = TO_ANTHROPIC.request({**OK, **change}, default_max_tokens=1)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.param) == (Code.INVALID_REQUEST, param)
    assert f"'{param}'" in refusal.detail


AOK = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
ANTHROPIC_REFUSED = [
    ({"top_k": 3}, "top_k"),
    ({"thinking": {"type": "enabled", "budget_tokens": 9}}, "thinking"),
    ({"thinking": {"type": "adaptive"}}, "thinking"),
    ({"container": "c"}, "container"),
    ({"mcp_servers": [{"url": "x"}]}, "mcp_servers"),
    ({"unheard_of": False}, "unheard_of"),
    ({"stop_sequences": list("abcde")}, "stop_sequences"),
    ({"metadata": {"x": 1}}, "metadata.x"),
    ({"service_tier": "x"}, "service_tier"),
    ({"output_config": {"task_budget": 1}}, "output_config.task_budget"),
    ({"tools": [{"type": "web_search_20250305", "name": "web"}]}, "tools[0].type"),
    (
        {"tools": [{"name": "x", "input_schema": {}, "defer_loading": True}]},
        "tools[0].defer_loading",
    ),
    ({"tools": [{"name": "x"}]}, "tools[0].input_schema"),
    (user({"type": "thinking", "thinking": "x"}), "messages[0].content[0].type"),
    (
        user({"type": "image", "source": {"type": "file", "file_id": "x"}}),
        "messages[0].content[0].source.type",
    ),
    (
        user(
            {
                "type": "document",
                "source": {"type": "text", "data": "x"},
                "citations": {"enabled": True},
            }
        ),
        "messages[0].content[0].citations",
    ),
    (
        user({"type": "document", "source": {"type": "url", "url": "x"}}),
        "messages[0].content[0].source",
    ),
    (
        user({"type": "tool_result", "tool_use_id": "1", "content": [{"type": "image"}]}),
        "messages[0].content[0].content[0].type",
    ),
    (user({"type": "tool_result", "content": "x"}), "messages[0].content[0].tool_use_id"),
]


@pytest.mark.parametrize(("change", "param"), ANTHROPIC_REFUSED)
def test_anthropic_fields_openai_has_not(change: Json, param: str) -> None:
    """Contract, section 4: refused by name, never dropped silently."""
    refusal = TO_OPENAI.request({**AOK, **change})
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.param) == (Code.INVALID_REQUEST, param)


def test_a_failed_tools_result_is_marked() -> None:
    """Contract, section 3: OpenAI has no field for `is_error`, the text says it."""
    block = {"type": "tool_result", "tool_use_id": "1", "content": "no such file", "is_error": True}
    made = to_openai({**AOK, **user(block)})
    assert made["messages"] == [
        {"role": "tool", "tool_call_id": "1", "content": "Error: no such file"}
    ]


TEXT = st.text(min_size=1, max_size=6)
ARGUMENTS = st.dictionaries(TEXT, st.one_of(TEXT, st.integers(-9, 9), st.none()), max_size=2)
CALLS = st.lists(st.tuples(TEXT, ARGUMENTS), min_size=1, max_size=3)


@st.composite
def conversations(draw: Any) -> list[Json]:
    """Anthropic turns: user text, assistant text and parallel calls, results with more text."""
    messages: list[Json] = [{"role": "user", "content": draw(TEXT)}]
    for turn in range(draw(st.integers(0, 3))):
        calls = draw(CALLS)
        uses = [
            {"type": "tool_use", "id": f"t{turn}-{i}", "name": name, "input": arguments}
            for i, (name, arguments) in enumerate(calls)
        ]
        results = [
            {"type": "tool_result", "tool_use_id": use["id"], "content": draw(TEXT)} for use in uses
        ]
        said_first = [{"type": "text", "text": t} for t in draw(st.lists(TEXT, max_size=1))]
        then = [{"type": "text", "text": t} for t in draw(st.lists(TEXT, max_size=1))]
        messages.append({"role": "assistant", "content": [*said_first, *uses]})
        messages.append({"role": "user", "content": [*results, *then]})
    return messages


@settings(max_examples=150, deadline=None)
@given(conversations(), st.none() | TEXT)
def test_conversations_survive_the_round_trip(messages: list[Json], system: str | None) -> None:
    """Contract, section 3: to OpenAI's words and back, nothing is lost or reordered."""
    body = {"model": "m", "max_tokens": 5, "messages": messages}
    if system:
        body["system"] = system
    assert to_anthropic(to_openai(body)) == body


def test_the_table_of_pairs() -> None:
    """P1: a pair that is not in the table is refused, the same dialect passes through."""
    assert translator(OPENAI_CHAT, OPENAI_CHAT) is None
    assert supported("openai_chat", "anthropic")
    assert supported("anthropic_messages", "openai")
    assert supported("openai_embeddings", "openai")
    assert not supported("openai_embeddings", "anthropic")
    assert not supported("unheard_of", "openai")
    assert provider_dialect("chat", "anthropic") is ANTHROPIC_MESSAGES
    assert provider_dialect("embeddings", "anthropic") is None
    with pytest.raises(LookupError):
        translator(OPENAI_EMBEDDINGS, ANTHROPIC_MESSAGES)
