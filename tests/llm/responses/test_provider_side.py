"""Models that speak only the Responses, asked by callers of other dialects."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.responses import ResponseInputItemParam, ToolParam
from pydantic import TypeAdapter

from extproc.llm.call import Frame, Json
from extproc.llm.openai_responses import OPENAI_RESPONSES
from extproc.llm.sse import SseReader, StreamFault
from extproc.llm.translate import events as ev
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
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)
from extproc.llm.translate.not_carried import NotCarried, Unreadable
from extproc.llm.translate.openai_responses import CALLER, PROVIDER
from extproc.llm.translate.sides import Translation
from extproc.usage.usage import Usage
from tests.llm.responses import shapes
from tests.llm.responses.sdk import accumulated, checked_events, checked_response

SCHEMA = {"type": "object", "properties": {"q": {"type": "string"}}}
ITEM: TypeAdapter[Any] = TypeAdapter(ResponseInputItemParam)
TOOL: TypeAdapter[Any] = TypeAdapter(ToolParam)
THROUGH = Translation(CALLER, PROVIDER)


def written(**fields: Any) -> tuple[Json, ChatRequest]:
    turns = fields.pop("turns", [Turn("user", [Text("t", None, "hi")])])
    request = ChatRequest(turns=turns, **fields)
    body = PROVIDER.write_request(request, default_max_tokens=99)
    for item in body["input"]:
        # What was not kept at OpenAI goes without an id, as Codex sends it.
        ours = item["type"] == "reasoning" or item.get("role") == "assistant"
        ITEM.validate_python({"id": "rs_1", "status": "completed", **item} if ours else item)
    for tool in body.get("tools") or ():
        TOOL.validate_python(tool)
    call = OPENAI_RESPONSES.read_call("", {"model": "m", **body})
    assert hasattr(call, "model"), call
    return body, request


def test_settings() -> None:
    """Translate: every setting in the Responses' own words; nothing is kept at the provider."""
    body, request = written(
        stream=True, system=[Text("s", None, "Be brief.")], max_output_tokens=9, temperature=0.5,
        top_p=0.9, user="u", service_tier="default", verbosity="low", parallel_tool_calls=False,
        output=OutputFormat("json_schema", SCHEMA, "", "d", True), logprobs=True, top_logprobs=3,
        thinking=Thinking("high", shown=True), tools=[Tool("f", "d", SCHEMA)],
        tool_choice=ToolChoice("required", ("f",)),
    )  # fmt: skip
    assert body == {
        "input": [{"type": "message", "role": "user", "content": [
            {"type": "input_text", "text": "hi"}]}],
        "store": False, "instructions": "Be brief.", "stream": True, "max_output_tokens": 9,
        "temperature": 0.5, "top_p": 0.9, "user": "u", "service_tier": "default",
        "tools": [{"type": "function", "name": "f", "parameters": SCHEMA, "strict": False,
                   "description": "d"}],
        "parallel_tool_calls": False,
        "tool_choice": {"type": "allowed_tools", "mode": "required",
                        "tools": [{"type": "function", "name": "f"}]},
        "text": {"verbosity": "low", "format": {
            "type": "json_schema", "name": "answer", "schema": SCHEMA, "description": "d",
            "strict": True}},
        "reasoning": {"effort": "high", "summary": "auto"},
        "include": ["reasoning.encrypted_content", "message.output_text.logprobs"],
        "top_logprobs": 3,
    }  # fmt: skip
    assert request.left_out == []


def test_a_conversation() -> None:
    """Translate: texts, media, calls and results as items; only OpenAI's seals go there."""
    body, request = written(turns=[
        Turn("user", [Text("a", 300, "Look."), Image("b", None, Inline("image/png", "aGk=")),
                      Image("c", None, Remote("https://i/"), "low"),
                      Document("d", None, Inline("application/pdf", "aGk=")),
                      Document("e", None, Stored("openai", "file-1"))]),
        Turn("assistant", [Reasoning("f", None, "Hm.", Seal("openai", "gAA")),
                           Reasoning("g", None, "No.", Seal("anthropic", "c2ln")),
                           Text("h", None, "Yes."), Refused("i", None, "No."),
                           ToolCall("j", None, "c1", "f", "{}", Seal("gemini", "x"))]),
        Turn("user", [ToolResult("k", None, "c1", "f", [Text("l", None, "one")], True)]),
        Turn("system", [Text("m", None, "Now.")]),
    ])  # fmt: skip
    kinds = [item["type"] for item in body["input"]]
    assert kinds == ["message", "reasoning", "message", "function_call", "function_call_output",
                     "message"]  # fmt: skip
    assert [part["type"] for part in body["input"][0]["content"]] == [
        "input_text", "input_image", "input_image", "input_file", "input_file"
    ]  # fmt: skip
    assert body["input"][1]["encrypted_content"] == "gAA"
    assert body["input"][4]["output"] == "one" and body["input"][5]["role"] == "developer"
    assert request.left_out == ["a.cache_control", "g", "j.signature", "k.is_error"]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"stop": ["x"]}, "stop"), ({"top_k": 3}, "top_k"), ({"seed": 0}, "seed"),
        ({"choices": 2}, "choices"), ({"presence_penalty": 0.5}, "presence_penalty"),
        ({"turns": [Turn("user", [Audio("p", None, Inline("audio/wav", "x"))])]}, "p"),
        ({"turns": [Turn("user", [Image("p", None, Stored("anthropic", "x"))])]}, "p"),
        ({"turns": [Turn("user", [Document("p", None, Remote("https://x"), "", True)])]},
         "p.citations"),
        ({"turns": [Turn("assistant", [Image("p", None, Remote("https://x"))])]}, "p"),
    ],
)  # fmt: skip
def test_what_cannot_be_carried(fields: Json, param: str) -> None:
    """Translate: what the Responses cannot be asked is refused by name."""
    with pytest.raises(NotCarried) as no:
        written(**fields)
    assert no.value.param == param


@pytest.mark.parametrize(
    ("budget", "effort"), [(0, "none"), (1024, "low"), (8000, "medium"), (32_000, "high")]
)
def test_a_thinking_budget(budget: int, effort: str) -> None:
    """Translate: a number of tokens becomes the nearest effort, and that is reported."""
    body, request = written(thinking=Thinking(None, budget))
    assert body["reasoning"] == {"effort": effort}
    assert ("include" in body) is (budget > 0) and bool(request.left_out) is (budget > 0)


OUTPUT = [
    {**shapes.reasoning("Hm.", "So."), "encrypted_content": "gAA"},
    shapes.message(shapes.said("See this."), {"type": "refusal", "refusal": "Not that."}),
    shapes.call('{"q": "x"}'),
]


def test_a_whole_answer() -> None:
    """Translate: items become parts; usage in disjoint buckets; why it ended."""
    answer = PROVIDER.read_answer(shapes.response(OUTPUT))
    thought, text, no, call = answer.choices[0].parts
    assert isinstance(thought, Reasoning) and thought.text == "Hm.\n\nSo."
    assert thought.seal == Seal("openai", "gAA")
    assert isinstance(text, Text) and isinstance(no, Refused) and isinstance(call, ToolCall)
    assert (text.text, no.text, call.name) == ("See this.", "Not that.", "look_up")
    assert answer.choices[0].finish == "tool_calls" and answer.answer_id == "resp_0a1b"
    assert answer.usage == Usage(10, 12, 30, reasoning_tokens=5)


@pytest.mark.parametrize(
    ("output", "details", "finish"),
    [
        ([shapes.message(shapes.said("x"))], None, "stop"),
        ([shapes.message({"type": "refusal", "refusal": "x"})], None, "refusal"),
        ([shapes.message(shapes.said("x"))], {"reason": "max_output_tokens"}, "length"),
        ([], {"reason": "content_filter"}, "content_filter"),
    ],
)
def test_why_it_ended(output: list[Json], details: Json | None, finish: str) -> None:
    """Translate: an answer that was cut is told apart from a whole one."""
    status = "incomplete" if details else "completed"
    body = shapes.response(output, status, incomplete_details=details)
    assert PROVIDER.read_answer(body).choices[0].finish == finish


def test_citations_images_and_what_nobody_asked_for() -> None:
    """Translate: pages are cited, pictures carried; other items are reported."""
    part = {**shapes.said("See."), "annotations": [
        {"type": "url_citation", "url": "https://a/", "title": "A", "start_index": 0,
         "end_index": 3}, {"type": "file_path", "file_id": "f", "index": 1}]}  # fmt: skip
    answer = PROVIDER.read_answer(shapes.response([
        shapes.message(part), {"type": "web_search_call", "id": "ws"},
        {"type": "image_generation_call", "id": "ig", "result": "aGk="}]))  # fmt: skip
    text, image = answer.choices[0].parts
    assert isinstance(text, Text) and text.citations == (Citation("https://a/", "A", "", 0, 3),)
    assert isinstance(image, Image) and image.source == Inline("image/png", "aGk=")
    assert answer.left_out == ["output[0].content[0].annotations", "output[1]"]


@pytest.mark.parametrize(
    "body",
    [
        {}, {"output": [], "status": "failed"}, {"output": [3], "status": "completed"},
        {"output": [{"type": "message"}], "status": "completed"},
        {"output": [{"type": "function_call", "name": "f"}], "status": "completed"},
        {"output": [{"type": "message", "content": [{"type": "later"}]}], "status": "completed"},
        {"output": [{"type": "reasoning", "summary": [3]}], "status": "completed"},
    ],
)  # fmt: skip
def test_an_unreadable_answer(body: Json) -> None:
    """Translate: what is not of the dialect's shape is told, not guessed."""
    with pytest.raises(Unreadable):
        PROVIDER.read_answer(body)


@settings(max_examples=60, deadline=None)
@given(size=st.integers(1, 40), cuts=st.lists(st.integers(0, 100_000), max_size=6))
def test_any_split_of_a_stream_gives_the_same_frames(size: int, cuts: list[int]) -> None:
    """Translate: through both sides, the SDK reads what the provider said, whatever the split."""
    stream = shapes.Stream(OUTPUT, size)
    whole = through(stream.frames)
    raw, reader, frames, at = stream.wire, SseReader(), [], 0
    for cut in [*sorted(cut % (len(raw) + 1) for cut in cuts), len(raw)]:
        frames += reader.feed(raw[at:cut])
        at = max(at, cut)
    made = through(frames + reader.finish())
    assert made == whole
    final = accumulated(checked_events(made))
    assert [without_ids(item.to_dict()) for item in final.output] == [
        {"type": "reasoning", "encrypted_content": "gAA",
         "summary": [{"type": "summary_text", "text": "Hm.\n\nSo."}]},
        *map(without_ids, OUTPUT[1:]),
    ]  # fmt: skip
    assert final.usage is not None and final.usage.to_dict() == shapes.USAGE


def through(frames: list[Frame]) -> list[Frame]:
    translator = THROUGH.stream(model="m", created=7, asked={"model": "m", "input": "hi"})
    made = [frame for one in frames for frame in translator.feed(one)]
    assert translator.complete and not translator.finish()
    return made


def without_ids(item: Json) -> Json:
    dropped = ("id", "parsed_arguments", "parsed")
    made = {key: value for key, value in item.items() if key not in dropped}
    if "content" in made:
        made["content"] = [without_ids(part) for part in made["content"]]
    return made


def test_a_whole_answer_through_both_sides() -> None:
    """Translate: what was read is written again, item by item."""
    body = THROUGH.response(shapes.response(OUTPUT), model="m", created=7, asked={"model": "m"})
    read = checked_response(body.body)  # type: ignore[union-attr]
    assert [item.type for item in read.output] == ["reasoning", "message", "function_call"]
    assert read.output_text == "See this." and read.id == "resp_0a1b"


def test_a_stream_that_was_cut_or_failed() -> None:
    """Translate: a maximum says so; an error is an error, in either of its shapes."""
    frames = through(shapes.Stream(OUTPUT[1:2], status="incomplete").frames)
    assert frames[-1].event == "response.incomplete"
    for data in (
        {"type": "error", "code": "server_error", "message": "down", "param": None},
        {"type": "error", "error": {"type": "server_error", "message": "down"}},
        {"type": "response.failed", "response": {"error": {"code": "x", "message": "down"}}},
    ):
        (event,) = PROVIDER.stream_reader().read(Frame("", data, b""))
        assert isinstance(event, ev.Failed) and event.error["message"] == "down"
        translator = THROUGH.stream(model="m", created=7, asked={})
        made = translator.feed(Frame("", data, b""))
        assert made[-1].event == "response.failed" and translator.closed


def test_other_events_of_a_stream() -> None:
    """Translate: arguments without deltas, citations, pictures, marks of progress, faults."""
    reader = PROVIDER.stream_reader()
    added = {"type": "response.output_item.added", "output_index": 0, "item": shapes.call("")}
    assert reader.read(Frame("", added, b"")) == (ev.ToolBegan(0, 0, "call_1", "look_up"),)
    done = {"type": "response.output_item.done", "output_index": 0, "item": shapes.call("{}")}
    assert reader.read(Frame("", done, b"")) == (ev.ToolPiece(0, 0, "{}"),)
    assert reader.read(Frame("", done, b"")) == () and reader.finish() == ()
    for quiet in ({"type": "response.in_progress"}, {"type": "later"}, {}, None):
        assert reader.read(Frame("", quiet, b"")) == ()
    hidden = {"type": "reasoning", "id": "rs", "summary": [], "encrypted_content": "gAA"}
    (sealed,) = reader.read(Frame("", {"type": "response.output_item.done", "output_index": 3,
                                       "item": hidden}, b""))  # fmt: skip
    assert sealed == ev.ThoughtSealed(0, Seal("openai", "gAA"), True)
    for odd in (
        {"type": "response.output_text.delta", "delta": 3},
        {"type": "response.function_call_arguments.delta", "output_index": 9, "delta": "x"},
        {"type": "response.output_item.added", "item": {"type": "function_call"}},
        {"type": "response.completed"},
    ):
        with pytest.raises(StreamFault):
            reader.read(Frame("", odd, b""))
