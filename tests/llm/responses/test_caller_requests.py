"""Requests of Responses callers, read into values that every provider's writer understands."""

from __future__ import annotations

from typing import Any

import pytest

from extproc.errors import Refusal
from extproc.llm.call import Json
from extproc.llm.openai_responses import OPENAI_RESPONSES
from extproc.llm.translate.conversation import (
    Audio,
    ChatRequest,
    Citation,
    Document,
    Image,
    Inline,
    OutputFormat,
    Reasoning,
    Refused,
    Remote,
    Seal,
    Stored,
    Text,
    Thinking,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from extproc.llm.translate.not_carried import NotCarried
from extproc.llm.translate.openai_responses import CALLER
from extproc.llm.translate.openai_responses.seals import pack, unpack

SCHEMA = {"type": "object", "properties": {"q": {"type": "string"}}}
PDF = "JVBERi0="


def read(body: Json) -> ChatRequest:
    body = {"model": "m", "input": "hi", **body}
    assert not isinstance(OPENAI_RESPONSES.read_call("", body), Refusal)
    return CALLER.read_request(body)


def refused(body: Json) -> str:
    with pytest.raises(NotCarried) as no:
        read(body)
    return no.value.param


def test_a_plain_request() -> None:
    """Translate: instructions lead, a string is one turn, settings keep their meaning."""
    request = read({
        "instructions": "Be brief.", "max_output_tokens": 9, "temperature": 0.5, "top_p": 0.9,
        "reasoning": {"effort": "high", "summary": "auto"}, "user": "u", "service_tier": "auto",
        "text": {"verbosity": "low", "format": {
            "type": "json_schema", "name": "n", "schema": SCHEMA, "strict": True}},
        "include": ["reasoning.encrypted_content"], "store": False, "truncation": "disabled",
        "parallel_tool_calls": False, "background": False, "tools": [], "metadata": None,
    })  # fmt: skip
    assert request.system == [Text("instructions", None, "Be brief.")]
    assert [(turn.role, turn.parts) for turn in request.turns] == [
        ("user", [Text("input", None, "hi")])
    ]
    assert (request.max_output_tokens, request.temperature, request.top_p) == (9, 0.5, 0.9)
    assert request.thinking == Thinking("high", shown=True)
    assert request.output == OutputFormat("json_schema", SCHEMA, "n", "", True)
    assert (request.verbosity, request.user, request.service_tier) == ("low", "u", "auto")
    assert request.parallel_tool_calls is False and request.left_out == []


def test_a_conversation_with_tools() -> None:
    """Translate: what a model did in a row is one turn; so are the results in a row."""
    sealed = pack(Seal("gemini", "Z2Vt"), "c2")
    request = read({
        "input": [
            {"role": "developer", "content": "Lead."},
            {"type": "message", "role": "user", "content": [
                {"type": "input_text", "text": "Look."}]},
            {"type": "reasoning", "id": "rs_1", "summary": [
                {"type": "summary_text", "text": "Hm."}],
             "encrypted_content": pack(Seal("anthropic", "c2ln"))},
            {"type": "message", "role": "assistant", "id": "msg_1", "status": "completed",
             "content": [{"type": "output_text", "text": "Yes.", "logprobs": [], "annotations": [
                 {"type": "url_citation", "url": "https://a.example", "title": "A",
                  "start_index": 0, "end_index": 3}]},
                 {"type": "refusal", "refusal": "No."}]},
            {"type": "function_call", "call_id": "c1", "name": "look_up", "arguments": "{}"},
            {"type": "reasoning", "summary": [], "encrypted_content": sealed},
            {"type": "custom_tool_call", "call_id": "c2", "name": "patch", "input": "*** x"},
            {"type": "function_call_output", "call_id": "c1", "output": "one"},
            {"type": "custom_tool_call_output", "call_id": "c2", "output": [
                {"type": "input_text", "text": "two"}]},
            {"role": "system", "content": "Now be short."},
        ],
    })  # fmt: skip
    assert [part.text for part in request.system] == ["Lead."]
    assert [turn.role for turn in request.turns] == ["user", "assistant", "user", "system"]
    thought, said, no, call, custom = request.turns[1].parts
    assert thought == Reasoning("input[2]", None, "Hm.", Seal("anthropic", "c2ln"), False)
    assert isinstance(said, Text) and said.citations == (
        Citation("https://a.example", "A", start=0, end=3),
    )
    assert no == Refused("input[3].content[1]", None, "No.")
    assert call == ToolCall("input[4]", None, "c1", "look_up", "{}")
    assert custom == ToolCall("input[6]", None, "c2", "patch", '{"input":"*** x"}',
                              Seal("gemini", "Z2Vt"))  # fmt: skip
    first, second = request.turns[2].parts
    assert isinstance(first, ToolResult) and isinstance(second, ToolResult)
    assert (first.name, first.call_id, second.name) == ("look_up", "c1", "patch")
    assert second.content == [Text("input[8].output[0]", None, "two")]


def test_media() -> None:
    """Translate: images, files and sound, inline, by URL, or kept at OpenAI."""
    request = read({
        "input": [{"role": "user", "content": [
            {"type": "input_image", "image_url": "data:image/png;base64,aGk=", "detail": "low"},
            {"type": "input_image", "image_url": "https://i.example/a.png", "detail": "auto"},
            {"type": "input_image", "file_id": "file-1", "detail": "auto"},
            {"type": "input_file", "filename": "a.pdf", "file_data": PDF},
            {"type": "input_file", "file_data": f"data:application/pdf;base64,{PDF}"},
            {"type": "input_file", "file_url": "https://f.example/a.pdf"},
            {"type": "input_file", "file_id": "file-2"},
            {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "mp3"}},
        ]}],
    })  # fmt: skip
    parts = request.turns[0].parts
    sources = [part.source for part in parts if isinstance(part, Image | Document | Audio)]
    assert sources == [
        Inline("image/png", "aGk="), Remote("https://i.example/a.png"), Stored("openai", "file-1"),
        Inline("application/pdf", PDF), Inline("application/pdf", PDF),
        Remote("https://f.example/a.pdf"), Stored("openai", "file-2"), Inline("audio/mpeg", "aGk="),
    ]  # fmt: skip
    assert [part.detail for part in parts if isinstance(part, Image)] == ["low", "", ""]
    assert parts[2].path == "input[0].content[2].file_id"


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("auto", ToolChoice("auto")), ("none", ToolChoice("none")),
        ("required", ToolChoice("required")),
        ({"type": "function", "name": "f"}, ToolChoice("named", ("f",))),
        ({"type": "custom", "name": "g"}, ToolChoice("named", ("g",))),
        ({"type": "allowed_tools", "mode": "required", "tools": [
            {"type": "function", "name": "f"}, {"type": "custom", "name": "g"}]},
         ToolChoice("required", ("f", "g"))),
    ],
)  # fmt: skip
def test_tools(choice: Any, expected: ToolChoice) -> None:
    """Translate: functions as they are; custom tools as functions of one string."""
    tools = [
        {"type": "function", "name": "f", "description": "d", "parameters": SCHEMA, "strict": True},
        {"type": "custom", "name": "g", "format": {"type": "text"}},
    ]
    request = read({"tools": tools, "tool_choice": choice})
    first, second = request.tools
    assert (first.name, first.description, first.schema, first.strict) == ("f", "d", SCHEMA, True)
    assert second.schema["properties"] == {"input": {"type": "string"}}
    assert request.tool_choice == expected


GRAMMAR = {"type": "grammar", "syntax": "lark", "definition": "start: x"}


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"prompt": {"id": "pmpt_1"}}, "prompt"),
        ({"context_management": [{"type": "compaction"}]}, "context_management"),
        ({"moderation": {"model": "m"}}, "moderation"),
        ({"unheard_of": 1}, "unheard_of"),
        ({"service_tier": 3}, "service_tier"),
        ({"temperature": "hot"}, "temperature"),
        ({"reasoning": {"effort": "huge"}}, "reasoning.effort"),
        ({"reasoning": {"mode": "pro"}}, "reasoning.mode"),
        ({"text": {"format": {"type": "grammar"}}}, "text.format"),
        ({"text": {"format": {"type": "json_schema", "name": "n"}}}, "text.format.schema"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
        ({"tools": [{"type": "mcp", "server_label": "x"}]}, "tools[0].type"),
        ({"tools": [{"type": "file_search", "vector_store_ids": ["v"]}]}, "tools[0].type"),
        ({"tools": [{"type": "custom", "name": "g", "format": GRAMMAR}]}, "tools[0].format"),
        ({"tools": [{"type": "function", "name": "f", "defer_loading": True}]},
         "tools[0].defer_loading"),
        ({"tool_choice": {"type": "file_search"}}, "tool_choice"),
        ({"input": [{"type": "item_reference", "id": "msg_1"}]}, "input[0].type"),
        ({"input": [{"id": "msg_1"}]}, "input[0].type"),
        ({"input": [{"type": "web_search_call", "id": "ws"}]}, "input[0].type"),
        ({"input": [{"type": "compaction", "encrypted_content": "x"}]}, "input[0].type"),
        ({"input": [{"type": "later"}]}, "input[0].type"),
        ({"input": [{"role": "system", "content": "x"}]}, "input"),
        ({"input": [{"role": "user", "content": [{"type": "later"}]}]}, "input[0].content[0].type"),
        ({"input": [{"role": "user", "content": [
            {"type": "input_file", "file_data": PDF}]}]}, "input[0].content[0].filename"),
        ({"input": [{"role": "user", "content": [
            {"type": "input_image", "image_url": "ftp://x"}]}]}, "input[0].content[0].image_url"),
        ({"input": [{"type": "function_call", "name": "f", "arguments": "{}"}]},
         "input[0].call_id"),
        ({"input": [{"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}",
                     "namespace": "n"}]}, "input[0].namespace"),
    ],
)  # fmt: skip
def test_what_cannot_be_carried_is_refused_by_name(body: Json, param: str) -> None:
    """Translate: another provider could answer otherwise, so the field is named."""
    assert refused(body) == param


def test_what_changes_no_answer_is_reported() -> None:
    """Translate: hints, labels, prices and what is kept elsewhere are left out, by name."""
    request = read({
        "store": True, "metadata": {"k": "v"}, "prompt_cache_key": "k", "truncation": "auto",
        "service_tier": "flex", "max_tool_calls": 3, "include": ["file_search_call.results"],
        "client_metadata": {"x": "y"}, "prompt_cache_retention": "24h",
    })  # fmt: skip
    assert request.left_out == [
        "store", "metadata", "prompt_cache_key", "truncation", "max_tool_calls", "client_metadata",
        "prompt_cache_retention", "include[0]", "service_tier",
    ]  # fmt: skip


def test_codex() -> None:
    """Contract (clients): the request of the Codex CLI is carried whole."""
    request = read({
        "model": "m", "instructions": "You are Codex.", "stream": True, "store": False,
        "tool_choice": "auto", "parallel_tool_calls": True, "prompt_cache_key": "0199",
        "reasoning": {"effort": "medium", "summary": "auto"}, "text": {"verbosity": "medium"},
        "include": ["reasoning.encrypted_content"],
        "tools": [{"type": "function", "name": "shell", "description": "Runs", "strict": False,
                   "parameters": SCHEMA}],
        "input": [
            {"type": "message", "role": "developer", "content": [
                {"type": "input_text", "text": "<permissions>"}]},
            {"type": "message", "role": "user", "content": [
                {"type": "input_text", "text": "<environment_context>"}]},
            {"type": "message", "role": "user", "content": [
                {"type": "input_text", "text": "go"}]},
            {"type": "reasoning", "summary": [], "content": None, "encrypted_content": "gAAAA"},
            {"type": "function_call", "name": "shell", "arguments": "{}", "call_id": "c"},
            {"type": "function_call_output", "call_id": "c", "output": "ok"},
        ],
    })  # fmt: skip
    assert request.left_out == ["prompt_cache_key"] and len(request.system) == 2
    assert request.turns[2].parts[0] == Reasoning(
        "input[3]", None, "", Seal("openai", "gAAAA"), True
    )


def test_seals() -> None:
    """Translate: a seal comes back as it went; OpenAI's own is told apart."""
    for seal in (Seal("anthropic", "c2ln"), Seal("gemini", "Z2Vt"), Seal("openai", "gAAAAA")):
        assert unpack(pack(seal)).seal == seal
    for odd in ("eyJmYW1pbHki", "eyJmYW1pbHkiOiJub2JvZHkiLCJ2YWx1ZSI6IngifQ==", "", "{}"):
        assert unpack(odd).seal == Seal("openai", odd)
