"""Requests in nobody's dialect as Cohere bodies: what is carried, and what is refused by name."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extproc.llm.call import Json
from extproc.llm.translate.cohere_chat import PROVIDER
from extproc.llm.translate.conversation import (
    Audio,
    ChatRequest,
    Citation,
    Document,
    Image,
    Inline,
    OutputFormat,
    Part,
    Reasoning,
    Refused,
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
from extproc.llm.translate.not_carried import NotCarried

PNG = Inline("image/png", "iVBORw0KGgo=")
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = Tool("weather", "Tells the weather.", SCHEMA, path="tools[0]")
CALL = ToolCall("messages[1].tool_calls[0]", call_id="c1", name="weather", arguments='{"a":1}')


def asked(*parts: Part, **fields: Any) -> ChatRequest:
    """A request with one user's turn."""
    return ChatRequest(turns=[Turn("user", list(parts) or [Text(text="hi")])], **fields)


def written(request: ChatRequest) -> Json:
    body = PROVIDER.write_request(request, default_max_tokens=4096)
    orjson.dumps(body)
    return body


def refused(request: ChatRequest) -> str:
    with pytest.raises(NotCarried) as no:
        PROVIDER.write_request(request, default_max_tokens=4096)
    return no.value.param


def test_a_conversation() -> None:
    """Translate: system, words, images, tools, their calls and results, sampling."""
    request = ChatRequest(
        stream=True, system=[Text(text="Be brief.")],
        turns=[
            Turn("user", [Text(text="What is it like?"), Image(source=PNG, detail="low")]),
            Turn("assistant", [Text(text="I look."), CALL]),
            Turn("user", [ToolResult(call_id="c1", content=[Text(text="sun")]),
                          ToolResult(call_id="c2", content=[Text(text="a"), Text(text="b")]),
                          Text(text="And?")]),
            Turn("assistant", [Text(text="Sunny.")]),
            Turn("system", [Text(text="Be kind.")]),
        ],
        tools=[WEATHER], tool_choice=ToolChoice("auto"), max_output_tokens=50, temperature=1.5,
        top_p=0.5, top_k=3, seed=7, frequency_penalty=0.5, presence_penalty=0, stop=["END"],
    )  # fmt: skip
    assert written(request) == {
        "stream": True, "max_tokens": 50, "temperature": 1.5, "p": 0.5, "k": 3, "seed": 7,
        "frequency_penalty": 0.5, "presence_penalty": 0, "stop_sequences": ["END"],
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [
                {"type": "text", "text": "What is it like?"},
                {"type": "image_url", "image_url": {
                    "url": "data:image/png;base64,iVBORw0KGgo=", "detail": "low"}}]},
            {"role": "assistant", "tool_plan": "I look.", "tool_calls": [
                {"id": "c1", "type": "function", "function": {
                    "name": "weather", "arguments": '{"a":1}'}}]},
            {"role": "tool", "tool_call_id": "c1", "content": "sun"},
            {"role": "tool", "tool_call_id": "c2", "content": [
                {"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
            {"role": "user", "content": "And?"},
            {"role": "assistant", "content": "Sunny."},
            {"role": "system", "content": "Be kind."},
        ],
        "tools": [{"type": "function", "function": {
            "name": "weather", "description": "Tells the weather.", "parameters": SCHEMA}}],
    }  # fmt: skip
    assert request.left_out == []


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"choices": 2}, "choices"), ({"logprobs": True}, "logprobs"),
        ({"top_logprobs": 2}, "top_logprobs"), ({"verbosity": "high"}, "verbosity"),
        ({"temperature": -1}, "temperature"), ({"temperature": "x"}, "temperature"),
        ({"top_p": 0}, "top_p"), ({"top_p": 1.5}, "top_p"), ({"top_k": 501}, "top_k"),
        ({"seed": -1}, "seed"), ({"frequency_penalty": -0.5}, "frequency_penalty"),
        ({"presence_penalty": 2}, "presence_penalty"), ({"stop": list("abcdef")}, "stop"),
        ({"turns": []}, "turns"), ({"turns": [Turn("user", [])]}, "turns"),
        ({"tool_choice": ToolChoice("named", ("x",))}, "tool_choice"),
        ({"tools": [WEATHER], "tool_choice": ToolChoice("named", ("x",))}, "tool_choice"),
        ({"tools": [WEATHER], "tool_choice": ToolChoice("named")}, "tool_choice"),
        ({"tools": [WEATHER], "output": OutputFormat("json_object")}, "output"),
        ({"tools": [Tool("a", strict=True), Tool("b", path="tools[1]")]}, "tools[1]"),
    ],
)  # fmt: skip
def test_what_is_refused(fields: Json, param: str) -> None:
    """Translate: what Cohere has no word for, by the field's name."""
    assert refused(ChatRequest(**{"turns": [Turn("user", [Text(text="x")])], **fields})) == param


@pytest.mark.parametrize(
    ("part", "role"),
    [
        (Image("p", source=Inline("image/tiff", "AA==")), "user"),
        (Image("p", source=Remote("gs://b/a.png")), "user"),
        (Image("p", source=Stored("openai", "file-1")), "user"),
        (Image("p", source=PNG), "assistant"),
        (Image("p", source=PNG), "system"),
        (Audio("p", source=Inline("audio/wav", "AA==")), "user"),
        (Document("p", source=Inline("application/pdf", "AA==")), "user"),
        (ToolCall("p", call_id="c", name="f"), "user"),
        (ToolResult("p", call_id="c"), "assistant"),
        (ToolResult("p", call_id="c"), "system"),
        (ToolResult("q", call_id="c", content=[Image("p", source=PNG)]), "user"),
        (Reasoning("p", text="x"), "user"),
    ],
)
def test_parts_that_are_refused(part: Part, role: Any) -> None:
    """Translate: by the part's own path."""
    assert refused(ChatRequest(turns=[Turn(role, [part])])) == "p"


@pytest.mark.parametrize(
    "fields",
    [
        {"choices": 1, "top_logprobs": 0, "verbosity": "medium"},
        {"service_tier": "auto"},
        {"service_tier": "default"},
        {"parallel_tool_calls": False},
        {"tool_choice": ToolChoice("none")},
        {"thinking": Thinking(shown=True)},
    ],
)
def test_what_asks_for_nothing_is_no_reason(fields: Json) -> None:
    """Translate: neither refused, nor written, nor reported."""
    request = asked(**fields)
    assert written(request) == {"messages": [{"role": "user", "content": "hi"}]}
    assert request.left_out == []


def test_what_is_reported() -> None:
    """Translate: hints, thoughts nobody can vouch for, and who the user is."""
    request = ChatRequest(
        system=[Text("s", 0, "s")], user="u",
        turns=[
            Turn("user", [Text("a", 300, "x", (Citation(),)),
                          Image("b", source=PNG, detail="original")]),
            Turn("assistant", [Reasoning("c", text="hm"), Refused(text="No.")]),
            Turn("assistant", [ToolCall("d", None, "1", "weather", "", Seal("gemini", "x"))]),
            Turn("user", [ToolResult("e", 0, "1", content=[Text("f", 0, "x")])]),
        ],
        tools=[Tool("weather", cache=0, path="tools[0]")],
    )  # fmt: skip
    made = written(request)["messages"]
    assert made[2] == {"role": "assistant", "content": "No."}
    assert made[3]["tool_calls"][0]["function"]["arguments"] == "{}"
    assert request.left_out == [
        "user", "s.cache_control", "a.cache_control", "a.citations", "b.detail", "c",
        "d.extra_content", "e.cache_control", "f.cache_control", "tools[0].cache_control",
    ]  # fmt: skip


def test_failed_results_are_marked() -> None:
    """Translate: in words, as Cohere has no field for it."""
    one = ToolResult(call_id="1", content=[Text(text="no net"), Text(text="x")], failed=True)
    made = written(asked(one, ToolResult(call_id="2", failed=True), ToolResult(call_id="3")))
    contents = [message["content"] for message in made["messages"]]
    assert contents[0][0] == {"type": "text", "text": "Error: no net"} and len(contents[0]) == 2
    assert contents[1:] == ["Error: ", ""]


@pytest.mark.parametrize(
    ("choice", "made", "names", "left_out"),
    [
        (None, None, ["a", "b"], []),
        (ToolChoice("auto"), None, ["a", "b"], []),
        (ToolChoice("none"), "NONE", ["a", "b"], []),
        (ToolChoice("required"), "REQUIRED", ["a", "b"], []),
        (ToolChoice("named", ("b",)), "REQUIRED", ["b"], ["tools[0]"]),
        (ToolChoice("auto", ("a",)), None, ["a"], ["tools[1]"]),
    ],
)
def test_tool_choice(
    choice: ToolChoice | None, made: str | None, names: list[str], left_out: list[str]
) -> None:
    """Translate: one tool is named by declaring no other."""
    tools = [Tool("a", path="tools[0]"), Tool("b", path="tools[1]")]
    request = asked(tools=tools, tool_choice=choice)
    body = written(request)
    assert body.get("tool_choice") == made and request.left_out == left_out
    assert [tool["function"]["name"] for tool in body["tools"]] == names


def test_strict_tools() -> None:
    """Translate: a setting of all tools at once."""
    assert written(asked(tools=[Tool("a", strict=True), Tool("b", strict=True)]))["strict_tools"]
    assert "strict_tools" not in written(asked(tools=[Tool("a", strict=False)]))


@pytest.mark.parametrize(
    ("output", "made"),
    [
        (OutputFormat("json_object"), {"type": "json_object"}),
        (OutputFormat("json_schema", SCHEMA, "name"),
         {"type": "json_object", "json_schema": SCHEMA}),
        (OutputFormat("json_schema", SCHEMA, "name", "About it."),
         {"type": "json_object", "json_schema": {"description": "About it.", **SCHEMA}}),
    ],
)  # fmt: skip
def test_structured_output(output: OutputFormat, made: Json) -> None:
    """Translate: with and without a schema."""
    assert written(asked(output=output))["response_format"] == made


@pytest.mark.parametrize(
    ("thinking", "made", "left_out"),
    [
        (Thinking("none"), {"type": "disabled"}, []),
        (Thinking(budget_tokens=0), {"type": "disabled"}, []),
        (Thinking(budget_tokens=-1), {"type": "enabled"}, []),
        (Thinking(budget_tokens=99), {"type": "enabled", "token_budget": 99}, []),
        (Thinking("high"), None, ["reasoning_effort"]),
        (Thinking("low", 0), None, ["reasoning_effort"]),
    ],
)
def test_thinking(thinking: Thinking, made: Json | None, left_out: list[str]) -> None:
    """Translate: a budget is carried, an effort reported."""
    request = asked(thinking=thinking, paths={"effort": "reasoning_effort"})
    assert written(request).get("thinking") == made and request.left_out == left_out


def test_no_bound_is_the_widest_one() -> None:
    """Translate: `top_p: 1` is beyond Cohere's range, and reported."""
    request = asked(top_p=1)
    assert written(request)["p"] == 0.99 and request.left_out == ["top_p"]


# Requests of any shape.

_WORDS = st.text(max_size=8)
_SOURCES = st.sampled_from(
    (PNG, Inline("image/tiff", "AA=="), Remote("https://x.io/a"), Stored("openai", "f"))
)
_SEALS = st.sampled_from((None, Seal("cohere", "c2VhbA==")))
_PARTS = st.one_of(
    st.builds(Text, path=st.just("t"), text=_WORDS),
    st.builds(Image, path=st.just("i"), source=_SOURCES),
    st.builds(ToolCall, path=st.just("c"), call_id=_WORDS, name=_WORDS, seal=_SEALS),
    st.builds(ToolResult, path=st.just("r"), call_id=_WORDS, failed=st.booleans(),
              content=st.lists(st.builds(Text, text=_WORDS), max_size=2)),
    st.builds(Reasoning, path=st.just("h"), text=_WORDS, seal=_SEALS),
    st.builds(Refused, path=st.just("n"), text=_WORDS),
)  # fmt: skip
_TURNS = st.builds(
    Turn, st.sampled_from(("user", "assistant", "system")), st.lists(_PARTS, max_size=4)
)
_ALLOWED = {
    "system": {"role", "content"}, "user": {"role", "content"},
    "tool": {"role", "content", "tool_call_id"},
    "assistant": {"role", "content", "tool_calls", "tool_plan"},
}  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(st.lists(_TURNS, max_size=4), st.floats(0, 1))
def test_what_is_written_is_of_coheres_shape(turns: list[Turn], top_p: float) -> None:
    """Translate: refused by name, or messages as documented, and no words beside tool calls."""
    try:
        body = PROVIDER.write_request(ChatRequest(turns=turns, top_p=top_p), default_max_tokens=1)
    except NotCarried as no:
        assert no.param and no.what
        return
    assert body["messages"] and 0.01 <= body["p"] <= 0.99
    for message in body["messages"]:
        assert _ALLOWED[message["role"]].issuperset(message)
        assert ("content" in message) is not ("tool_calls" in message)
        content = message.get("content", "x")
        assert type(content) is str or all(
            part["type"] == "text" or message["role"] == "user" for part in content
        )
