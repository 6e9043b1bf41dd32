"""Requests keep their meaning in the other vendor's words: golden shapes and round trips."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extproc.llm.call import Json
from tests.llm.translate.pairs import (
    AOK,
    OK,
    SCHEMA,
    TO_ANTHROPIC,
    TO_OPENAI,
    carried_to_anthropic,
    carried_to_openai,
    refused,
    said,
    to_anthropic,
    to_openai,
    user,
)

CALL: Json = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
SEARCH: Json = {"name": "search", "description": "find", "parameters": SCHEMA, "strict": True}
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
    "tools": [{"type": "function", "function": SEARCH}],
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
                {"type": "tool_result", "tool_use_id": "c2", "content": "r2"},
                {"type": "text", "text": "go on"},
            ],
        },
        {"role": "system", "content": "now in French"},
    ],
}


def test_a_full_openai_request_in_anthropics_words() -> None:
    """Contract, section 3: an OpenAI caller can be served by Anthropic; golden shape."""
    assert carried_to_anthropic(OPENAI_FULL) == (ANTHROPIC_FULL, ("prompt_cache_key",))


def test_a_full_anthropic_request_in_openais_words() -> None:
    """Contract, section 3: an Anthropic caller can be served by OpenAI; golden shape."""
    body = {k: v for k, v in ANTHROPIC_FULL.items() if k != "top_k"}
    body |= {"cache_control": {"type": "ephemeral"}, "thinking": {"type": "disabled"}}
    made, left_out = carried_to_openai(body)
    gone = {
        "stream_options", "n", "logprobs", "max_tokens", "top_k", "seed", "prompt_cache_key",
    }  # fmt: skip
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
    named = {"name": "output", "schema": SCHEMA, "strict": True}
    assert made == {
        **{key: value for key, value in OPENAI_FULL.items() if key not in gone},
        "messages": messages,
        "stop": ["END"],
        "response_format": {"type": "json_schema", "json_schema": named},
    }
    assert left_out == ("cache_control",)


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


def test_only_the_allowed_tools_are_sent() -> None:
    """Translate: Anthropic cannot forbid a tool that it is told of."""
    tools = [{"type": "function", "function": {"name": name}} for name in ("a", "b", "c")]
    allowed = {"mode": "required", "tools": tools[1:]}
    choice = {"type": "allowed_tools", "allowed_tools": allowed}
    made = to_anthropic({**OK, "tools": tools, "tool_choice": choice})
    assert [tool["name"] for tool in made["tools"]] == ["b", "c"]
    assert made["tool_choice"] == {"type": "any"}


def test_a_failed_tools_result_is_marked() -> None:
    """Contract, section 3: OpenAI has no field for `is_error`, the text says it."""
    block = {"type": "tool_result", "tool_use_id": "1", "content": "no such file", "is_error": True}
    made = to_openai({**AOK, **user(block)})
    assert made["messages"] == [
        {"role": "tool", "tool_call_id": "1", "content": "Error: no such file"}
    ]


def test_what_a_tool_shows_follows_its_words() -> None:
    """Translate: OpenAI's tool messages hold text alone; images come right behind them."""
    image = {"type": "image", "source": {"type": "url", "url": "https://x/y.png"}}
    results: list[Json] = [
        {
            "type": "tool_result",
            "tool_use_id": "1",
            "content": [{"type": "text", "text": "w"}, image],
        },
        {"type": "tool_result", "tool_use_id": "2", "content": "r2"},
    ]
    made = to_openai({**AOK, **user(*results)})
    assert made["messages"] == [
        {"role": "tool", "tool_call_id": "1", "content": "w"},
        {"role": "tool", "tool_call_id": "2", "content": "r2"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Returned by tool call 1:"},
                {"type": "image_url", "image_url": {"url": "https://x/y.png"}},
            ],
        },
    ]


def test_text_documents_are_text() -> None:
    """Translate: a document of plain text, under its title."""
    source = {"type": "text", "media_type": "text/plain", "data": "grün"}
    document = {"type": "document", "source": source}
    made = to_openai({**AOK, **user(document, {**document, "title": "T"})})
    texts = [part["text"] for part in made["messages"][0]["content"]]
    assert texts == ["grün", "T\n\ngrün"]
    file = {"filename": "T", "file_data": "data:text/plain;base64,Z3LDvG4="}
    back = to_anthropic({**OK, **user({"type": "file", "file": file})})
    assert back["messages"][0]["content"] == [{**document, "title": "T"}]


def test_cache_hints_reach_anthropic_and_are_reported_where_they_do_not() -> None:
    """Translate: a hint about price is carried where it can be, and never lost in silence."""
    hint = {"type": "ephemeral", "ttl": "1h"}
    text = {"type": "text", "text": "x", "cache_control": hint}
    tool = {"type": "function", "function": {"name": "f"}, "cache_control": {"type": "ephemeral"}}
    system = {"role": "system", "content": [text]}
    explicit = {**text, "cache_control": None, "prompt_cache_breakpoint": {"mode": "explicit"}}
    body = {**OK, "tools": [tool], "messages": [system, *user(explicit)["messages"]]}
    made, left_out = carried_to_anthropic(body)
    assert left_out == ()
    assert made["system"] == [text]
    assert made["messages"][0]["content"][0]["cache_control"] == {"type": "ephemeral"}
    assert made["tools"][0]["cache_control"] == {"type": "ephemeral"}
    back, left_out = carried_to_openai(made)
    assert left_out == (
        "system[0].cache_control",
        "messages[0].content[0].cache_control",
        "tools[0].cache_control",
    )
    assert "cache" not in str(back)


def test_prices_and_hints_are_left_out_and_reported() -> None:
    """Translate: what changes no answer does not stop a request."""
    hints: Json = {
        "store": True,
        "metadata": {"a": "b"},
        "prediction": {"type": "content", "content": "x"},
        "prompt_cache_retention": "24h",
        "service_tier": "flex",
    }
    made, left_out = carried_to_anthropic({**OK, **hints})
    assert made == to_anthropic(OK)
    assert set(left_out) == set(hints)
    assert carried_to_anthropic({**OK, "store": False, "metadata": {}})[1] == ()
    edits = {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]}
    made, left_out = carried_to_openai({**AOK, "context_management": edits, "speed": "fast"})
    assert left_out == ("context_management", "speed")
    detail = {"type": "image_url", "image_url": {"url": "https://x", "detail": "low"}}
    assert carried_to_anthropic({**OK, **user(detail)})[1] == (
        "messages[0].content[0].image_url.detail",
    )


def test_empty_texts_beside_others_are_not_sent() -> None:
    """Translate: Anthropic refuses an empty text block, and OpenAI's clients send them."""
    made = to_anthropic({**OK, **said(content=[{"type": "text", "text": ""}], tool_calls=[CALL])})
    assert made["messages"][1]["content"] == [
        {"type": "tool_use", "id": "c", "name": "f", "input": {}}
    ]


def test_a_message_that_is_to_be_continued_is_refused() -> None:
    """Translate: OpenAI begins a new message where Anthropic goes on with the last one."""
    prefill = {"role": "assistant", "content": "{"}
    body = {**AOK, "messages": [*OK["messages"], prefill]}
    assert refused(TO_OPENAI, body).param == "messages[1]"
    assert refused(TO_ANTHROPIC, {**OK, "n": 2}).param == "n"


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


@settings(max_examples=100, deadline=None)
@given(conversations(), st.none() | TEXT)
def test_conversations_survive_the_round_trip(messages: list[Json], system: str | None) -> None:
    """Contract, section 3: to OpenAI's words and back, nothing is lost or reordered."""
    body = {"model": "m", "max_tokens": 5, "messages": messages}
    if system:
        body["system"] = system
    assert to_anthropic(to_openai(body)) == body
