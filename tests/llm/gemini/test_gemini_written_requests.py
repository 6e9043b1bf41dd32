"""Requests of other callers, written for Google."""

from __future__ import annotations

from typing import Any

import pytest
from google.genai import types

from extproc.llm.call import Json
from extproc.llm.gemini_seals import NOT_SIGNED
from extproc.llm.translate.conversation import (
    ChatRequest,
    Document,
    Image,
    Inline,
    OutputFormat,
    Part,
    Reasoning,
    Remote,
    Seal,
    Stored,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)
from extproc.llm.translate.gemini_generate import CALLER, PROVIDER
from extproc.llm.translate.not_carried import NotCarried

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}


def write(*turns: Turn, **fields: Any) -> tuple[Json, list[str]]:
    request = ChatRequest(turns=list(turns) or [Turn("user", [Text(text="hi")])], **fields)
    return PROVIDER.write_request(request, default_max_tokens=4096), request.left_out


def unwritten(*turns: Turn, **fields: Any) -> str:
    with pytest.raises(NotCarried) as no:
        write(*turns, **fields)
    return no.value.param


def turn(role: Any, *parts: Part) -> Turn:
    return Turn(role, list(parts), "messages[0]")


def test_a_conversation_for_google() -> None:
    """Translate: roles, results together and in the order of the calls, a word for no signature."""
    body, left = write(
        turn("user", Text(text="hi"), Image("p", None, Inline("image/png", "aGk="))),
        turn("assistant", Text(text="let me"), ToolCall("p", None, "a", "f", '{"n":1}'),
             ToolCall("p", None, "b", "g", "")),
        turn("user", ToolResult("p", None, "b", "", [Text(text="two"), Text(text="three")])),
        turn("user", ToolResult("p", None, "a", "f", [Text(text='{"id":12345678901234567890}')]),
             Text(text="and?")),
        turn("assistant", ToolCall("p", None, "c", "f", "{}", Seal("gemini", "sig"))),
        turn("user", ToolResult("p", None, "c", "f", [Text(text="no")], True)),
        system=[Text(text="s"), Text(text="")],
    )  # fmt: skip
    assert body["systemInstruction"] == {"parts": [{"text": "s"}]}
    assert body["contents"] == [
        {"role": "user", "parts": [
            {"text": "hi"}, {"inlineData": {"mimeType": "image/png", "data": "aGk="}}]},
        {"role": "model", "parts": [
            {"text": "let me"},
            {"functionCall": {"name": "f", "args": {"n": 1}, "id": "a"},
             "thoughtSignature": NOT_SIGNED},
            {"functionCall": {"name": "g", "args": {}, "id": "b"}}]},
        {"role": "user", "parts": [
            {"functionResponse": {"name": "f", "id": "a",
                                  "response": {"output": '{"id":12345678901234567890}'}}},
            {"functionResponse": {"name": "g", "id": "b",
                                  "response": {"output": ["two", "three"]}}}]},
        {"role": "user", "parts": [{"text": "and?"}]},
        {"role": "model", "parts": [
            {"functionCall": {"name": "f", "args": {}, "id": "c"}, "thoughtSignature": "sig"}]},
        {"role": "user", "parts": [
            {"functionResponse": {"name": "f", "id": "c", "response": {"error": "no"}}}]},
    ]  # fmt: skip
    assert left == []
    types.Content.model_validate(body["contents"][1])


def test_thoughts_for_google() -> None:
    """Translate: its own come back sealed; those of others are left out and reported."""
    body, left = write(turn(
        "assistant", Reasoning("p0", None, "t", Seal("gemini", "s0")), Text(text="x"),
        Reasoning("p2", None, "", Seal("gemini", "s2"), True),
        Reasoning("p3", None, "", Seal("gemini", "s3"), True),
        Reasoning("p4", None, "t", Seal("anthropic", "s")), Reasoning("p5", None, "t"),
    ))  # fmt: skip
    assert body["contents"][0]["parts"] == [
        {"text": "t", "thought": True, "thoughtSignature": "s0"},
        {"text": "x", "thoughtSignature": "s2"}, {"text": "", "thoughtSignature": "s3"},
    ]  # fmt: skip
    assert left == ["p4", "p5"]


def test_a_configuration_for_google() -> None:
    """Translate: each value under Google's name; schemas where JSON Schema is read."""
    empty: Json = {"type": "object", "properties": {}}
    body, left = write(
        tools=[Tool("f", "d", SCHEMA, strict=True, path="tools[0]"), Tool("g", schema=empty)],
        tool_choice=ToolChoice("named", ("f",)), max_output_tokens=9, temperature=1.5, top_p=0.1,
        top_k=4, seed=5, presence_penalty=0.1, frequency_penalty=0.2, stop=["x"], choices=2,
        logprobs=True, top_logprobs=3, user="u", verbosity="medium", service_tier="auto",
        output=OutputFormat("json_schema", {"type": "object"}, "n", "d", True),
        thinking=Thinking("medium", None, True), parallel_tool_calls=True,
    )  # fmt: skip
    assert body["tools"] == [{"functionDeclarations": [
        {"name": "f", "description": "d", "parametersJsonSchema": SCHEMA}, {"name": "g"}]},
    ]  # fmt: skip
    assert body["toolConfig"] == {
        "functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}}  # fmt: skip
    assert body["generationConfig"] == {
        "maxOutputTokens": 9, "temperature": 1.5, "topP": 0.1, "topK": 4, "seed": 5,
        "presencePenalty": 0.1, "frequencyPenalty": 0.2, "stopSequences": ["x"],
        "candidateCount": 2, "responseLogprobs": True, "logprobs": 3,
        "responseMimeType": "application/json",
        "responseJsonSchema": {"title": "n", "description": "d", "type": "object"},
        "thinkingConfig": {"thinkingBudget": 8192, "includeThoughts": True},
    }  # fmt: skip
    assert left == ["tools[0].strict", "user"]
    types.GenerationConfig.model_validate(body["generationConfig"])


@pytest.mark.parametrize(
    ("thinking", "told"),
    [
        (Thinking("none"), {"thinkingBudget": 0}),
        (Thinking("high"), {"thinkingBudget": 24576}),
        (Thinking("high", 2000), {"thinkingBudget": 2000}),
        (Thinking(None, -1), {"thinkingBudget": -1}),
        (Thinking(None, None, True), {"includeThoughts": True}),
    ],
)
def test_efforts_are_budgets(thinking: Thinking, told: Json) -> None:
    """Translate: a budget is what the 2.5 and the 3 models both take."""
    assert write(thinking=thinking)[0]["generationConfig"]["thinkingConfig"] == told


def test_tool_choices_for_google() -> None:
    """Translate: of allowed tools under `auto`, the others are not declared."""
    tools = [Tool("f"), Tool("g")]

    def config(choice: ToolChoice) -> Any:
        body, _ = write(tools=tools, tool_choice=choice)
        names = [tool["name"] for tool in body["tools"][0]["functionDeclarations"]]
        return names, body.get("toolConfig", {}).get("functionCallingConfig")

    both = ["f", "g"]
    assert config(ToolChoice("auto")) == (both, None)
    assert config(ToolChoice("auto", ("g",))) == (["g"], None)
    assert config(ToolChoice("none")) == (both, {"mode": "NONE"})
    assert config(ToolChoice("required")) == (both, {"mode": "ANY"})


UNWRITTEN: list[tuple[dict[str, Any], str]] = [
    ({"stop": list("abcdef")}, "stop"), ({"verbosity": "low"}, "verbosity"),
    ({"tool_choice": ToolChoice("required")}, "tool_choice"),
    ({"thinking": Thinking("enormous")}, "thinking"),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "name"), UNWRITTEN)
def test_what_google_cannot_do_is_refused(fields: dict[str, Any], name: str) -> None:
    """Translate: by the caller's own name for it."""
    assert unwritten(**fields) == name
    assert unwritten(**fields, paths={name: "in.my.words"}) == "in.my.words"


BAD_PARTS: list[tuple[Turn, str]] = [
    (turn("system", Text(text="x")), "messages[0]"),
    (turn("user", Text(text="")), "messages"),
    (turn("assistant", ToolCall("p", None, "a", "f", "[]")), "p.arguments"),
    (turn("assistant", ToolCall("p", None, "a", "f", "{x")), "p.arguments"),
    (turn("user", ToolResult("p", None, "a", "")), "p"),
    (turn("user", Image("p", None, Stored("openai", "file-1"))), "p"),
    (turn("user", Image("p", None, Remote("ftp://x/y"))), "p"),
    (turn("user", Document("p", None, Remote("https://x/y"), "", True)), "p.citations"),
]  # fmt: skip


@pytest.mark.parametrize(("bad", "path"), BAD_PARTS)
def test_parts_that_google_cannot_read_are_refused(bad: Turn, path: str) -> None:
    """Translate: by the caller's own path."""
    assert unwritten(bad) == path


def test_hints_are_reported() -> None:
    """Translate: cache breaks, file names, differing details change no answer."""
    _, left = write(turn(
        "user", Text("p0", 300, "x"), Document("p1", None, Inline("application/pdf", "x"), "n"),
        Image("p2", None, Remote("https://x/y.png"), "low"), Image("p3", None, Remote("https://x")),
    ))  # fmt: skip
    assert left == ["p0.cache_control", "p1.name", "p2.detail"]
    body, left = write(turn("user", Image("p", None, Remote("https://x/y.png"), "low")))
    assert body["generationConfig"] == {"mediaResolution": "MEDIA_RESOLUTION_LOW"}
    assert body["contents"][0]["parts"] == [
        {"fileData": {"fileUri": "https://x/y.png", "mimeType": "image/png"}}]  # fmt: skip
    assert left == []


def test_pictures_in_results() -> None:
    """Translate: parts of the function's response, as the 3 models read them."""
    body, _ = write(
        turn("assistant", ToolCall("p", None, "a", "f", "{}")),
        turn("user", ToolResult("p", None, "a", "f", [
            Text(text="see"), Image("q", None, Inline("image/png", "aGk="))])),
    )  # fmt: skip
    result = body["contents"][1]["parts"][0]["functionResponse"]
    assert result["response"] == {"output": "see"}
    assert result["parts"] == [{"inlineData": {"mimeType": "image/png", "data": "aGk="}}]


def test_a_request_survives_the_way_through() -> None:
    """Translate: what a Gemini caller says is what Google would read."""
    body = {
        "contents": [
            {"role": "user", "parts": [{"text": "hi"}]},
            {"role": "model", "parts": [
                {"text": "t", "thought": True, "thoughtSignature": "s0"}, {"text": "x"},
                {"functionCall": {"id": "a", "name": "f", "args": {"n": 1}},
                 "thoughtSignature": "s1"}]},
            {"role": "user", "parts": [{"functionResponse": {
                "id": "a", "name": "f", "response": {"output": "one"}}}]}],
        "systemInstruction": {"parts": [{"text": "s"}]},
        "tools": [{"functionDeclarations": [{"name": "f", "parametersJsonSchema": SCHEMA}]}],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY"}},
        "generationConfig": {"maxOutputTokens": 9, "topK": 4, "stopSequences": ["x"],
                             "thinkingConfig": {"thinkingBudget": 0}},
    }  # fmt: skip
    assert PROVIDER.write_request(CALLER.read_request(body), default_max_tokens=1) == body
