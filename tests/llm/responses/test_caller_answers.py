"""Answers and streams written for callers of the Responses, judged by the official SDK."""

from __future__ import annotations

from typing import Any

import openai
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extproc.llm.call import Frame, Json
from extproc.llm.sse import StreamFault
from extproc.llm.translate import events as ev
from extproc.llm.translate.conversation import (
    ChatAnswer,
    Choice,
    Citation,
    Image,
    Inline,
    Part,
    Reasoning,
    Refused,
    Seal,
    Text,
    ToolCall,
)
from extproc.llm.translate.openai_responses import CALLER
from extproc.llm.translate.openai_responses.seals import unpack
from extproc.llm.translate.openai_responses.stream_writer import refused_frame
from extproc.usage.usage import Usage
from tests.llm.responses.sdk import accumulated, checked_events, checked_response, over_http

ASKED: Json = {
    "model": "house/model", "input": "hi", "instructions": "Be brief.", "store": True,
    "metadata": {"team": "a"}, "reasoning": {"effort": "low", "summary": "auto"},
    "tools": [{"type": "function", "name": "look_up", "parameters": {"type": "object"}},
              {"type": "custom", "name": "patch"}],
}  # fmt: skip
USAGE = Usage(10, 12, 30, 4, 5)
SEAL = Seal("anthropic", "c2ln")


def whole(parts: list[Part], finish: Any = "stop", **fields: Any) -> Json:
    answer = ChatAnswer("msg_01AbC", [Choice(parts, finish, **fields)], USAGE)
    return CALLER.write_answer(answer, model="house/model", created=1_760_000_000, asked=ASKED)


def written(happened: list[ev.Event]) -> list[Frame]:
    writer = CALLER.stream_writer(model="house/model", created=1_760_000_000, asked=ASKED)
    return [frame for event in happened for frame in writer.write(event)]


PARTS: list[Part] = [
    Reasoning(text="Let me think.", seal=SEAL),
    Text(text="See this. ", citations=(Citation("https://a.example", "A", start=0, end=8),)),
    Refused(text="That I will not."),
    ToolCall(call_id="call_1", name="look_up", arguments='{"q": "x"}', seal=Seal("gemini", "Z2Vt")),
    ToolCall(call_id="call_2", name="patch", arguments='{"input": "*** Begin"}'),
]
HAPPENED: list[ev.Event] = [
    ev.Began("msg_01AbC"), ev.ThoughtPiece(0, "Let me "), ev.ThoughtPiece(0, "think."),
    ev.ThoughtSealed(0, SEAL), ev.TextPiece(0, "See "), ev.TextPiece(0, "this. "),
    ev.Cited(0, Citation("https://a.example", "A", start=0, end=8)),
    ev.RefusedPiece(0, "That I will not."),
    ev.ToolBegan(0, 0, "call_1", "look_up", Seal("gemini", "Z2Vt")), ev.ToolPiece(0, 0, '{"q": '),
    ev.ToolPiece(0, 0, '"x"}'), ev.ToolBegan(0, 1, "call_2", "patch"),
    ev.ToolPiece(0, 1, '{"input": "*** '), ev.ToolPiece(0, 1, 'Begin"}'),
    ev.Finished(0, "tool_calls"), ev.Used(USAGE), ev.Ended(),
]  # fmt: skip


def test_a_whole_answer() -> None:
    """Translate: thoughts, seals, citations, refusals, calls of both kinds, usage, settings."""
    body = whole(PARTS, "tool_calls")
    read = checked_response(body)
    assert read.id == "resp_msg01AbC" and read.status == "completed" and not body["store"]
    assert read.output_text == "See this. " and read.model == "house/model"
    kinds = [item["type"] for item in body["output"]]
    assert kinds == ["reasoning", "message", "reasoning", "function_call", "custom_tool_call"]
    thought, said, sealed, call, custom = body["output"]
    assert thought["summary"] == [{"type": "summary_text", "text": "Let me think."}]
    assert unpack(thought["encrypted_content"]).seal == SEAL
    assert said["content"][0]["annotations"][0]["url"] == "https://a.example"
    assert said["content"][1] == {"type": "refusal", "refusal": "That I will not."}
    packed = unpack(sealed["encrypted_content"])
    assert (packed.seal, packed.call_id) == (Seal("gemini", "Z2Vt"), "call_1")
    assert (call["arguments"], custom["input"]) == ('{"q": "x"}', "*** Begin")
    assert body["usage"] == {
        "input_tokens": 44, "input_tokens_details": {"cached_tokens": 30, "cache_write_tokens": 4},
        "output_tokens": 12, "output_tokens_details": {"reasoning_tokens": 5}, "total_tokens": 56,
    }  # fmt: skip
    assert len({item["id"] for item in body["output"]}) == 5


def test_the_stream_of_the_same_answer() -> None:
    """Translate: the SDK reads every event, and puts together what the whole answer says."""
    frames = written(HAPPENED)
    events = checked_events(frames)
    body = whole(PARTS, "tool_calls")
    assert frames[-1].data == {
        "type": "response.completed", "sequence_number": len(frames) - 1, "response": body
    }  # fmt: skip
    final = accumulated(events)
    assert final.output_text == "See this. " and len(final.output) == 5
    assert [event.type for event in over_http(frames)] == [event.type for event in events]


def test_the_order_of_events() -> None:
    """Contract (OpenAI, Streaming events): nothing missing, nothing out of order."""
    short = [event.type for event in checked_events(written(HAPPENED))]
    assert [name.removeprefix("response.") for name in short] == [
        "created", "in_progress",
        "output_item.added", "reasoning_summary_part.added", "reasoning_summary_text.delta",
        "reasoning_summary_text.delta", "reasoning_summary_text.done",
        "reasoning_summary_part.done", "output_item.done",
        "output_item.added", "content_part.added", "output_text.delta", "output_text.delta",
        "output_text.annotation.added", "output_text.done", "content_part.done",
        "content_part.added", "refusal.delta", "refusal.done", "content_part.done",
        "output_item.done",
        "output_item.added", "output_item.done",
        "output_item.added", "function_call_arguments.delta", "function_call_arguments.delta",
        "function_call_arguments.done", "output_item.done",
        "output_item.added", "custom_tool_call_input.delta", "custom_tool_call_input.done",
        "output_item.done", "completed",
    ]  # fmt: skip


TEXTS = st.lists(st.text(max_size=6), max_size=5)
SAYING = st.sampled_from([ev.TextPiece, ev.RefusedPiece, ev.ThoughtPiece])


@settings(max_examples=60, deadline=None)
@given(pieces=st.lists(st.tuples(SAYING, st.text(max_size=6)), max_size=20))
def test_texts_in_any_order(pieces: list[tuple[Any, str]]) -> None:
    """Translate: whatever follows whatever, deltas, repeats and the whole response agree."""
    happened = [kind(0, text) for kind, text in pieces]
    frames = written([ev.Began("a"), *happened, ev.Finished(0, "stop"), ev.Ended()])
    final = accumulated(checked_events(frames))
    said = "".join(text for kind, text in pieces if kind is ev.TextPiece)
    assert final.output_text == said
    texts: dict[str, str] = {}
    for frame in frames:
        data = frame.data or {}
        place = str((data.get("item_id"), data.get("content_index")))
        if data["type"].endswith(".delta"):
            texts[place] = texts.get(place, "") + data["delta"]
        elif data["type"].endswith("text.done") or data["type"] == "response.refusal.done":
            assert texts[place] == data.get("text", data.get("refusal"))


@settings(max_examples=60, deadline=None)
@given(order=st.permutations([0, 0, 0, 1, 1, 2]))
def test_parallel_calls_that_interleave(order: list[int]) -> None:
    """Translate: pieces of parallel calls in any order end in whole calls."""
    wanted = {0: ['{"a"', ": ", "1}"], 1: ['{"b": "', 'x"}'], 2: ["{}"]}
    left = {index: list(texts) for index, texts in wanted.items()}
    began = [ev.ToolBegan(0, index, f"call_{index}", "look_up") for index in wanted]
    pieces = [ev.ToolPiece(0, index, left[index].pop(0)) for index in order]
    frames = written([*began, *pieces, ev.Finished(0, "tool_calls"), ev.Used(USAGE), ev.Ended()])
    final = accumulated(checked_events(frames))
    assert {item.call_id: item.arguments for item in final.output} == {  # type: ignore[union-attr]
        f"call_{index}": "".join(texts) for index, texts in wanted.items()
    }


def test_a_complete_call_is_done_before_the_next_begins() -> None:
    """Translate: an agent may start on the first call while the second is still written."""
    kinds = [frame.event for frame in written(HAPPENED[8:12])]
    assert kinds[-2:] == ["response.output_item.done", "response.output_item.added"]


@pytest.mark.parametrize(
    ("finish", "parts", "status", "reason"),
    [
        ("stop", [Text(text="x")], "completed", None),
        ("stop_sequence", [Text(text="x")], "completed", None),
        ("pause", [Text(text="x")], "completed", None),
        ("length", [Text(text="x")], "incomplete", "max_output_tokens"),
        ("content_filter", [Text(text="x")], "incomplete", "content_filter"),
        ("refusal", [Text(text="x")], "incomplete", "content_filter"),
        ("refusal", [Refused(text="no")], "completed", None),
    ],
)
def test_why_it_ended(finish: Any, parts: list[Part], status: str, reason: str | None) -> None:
    """Translate: an answer that was cut says so, streamed or not."""
    body = whole(parts, finish)
    kind = ev.RefusedPiece if type(parts[0]) is Refused else ev.TextPiece
    happened = [kind(0, "x"), ev.Finished(0, finish), ev.Used(USAGE), ev.Ended()]
    last = checked_events(written(happened))[-1]
    assert last.type == f"response.{status}"
    for read in (checked_response(body), last.response):
        assert read.status == status
        assert (read.incomplete_details and read.incomplete_details.reason) == reason


def test_an_error_in_mid_stream_raises() -> None:
    """Translate: the SDK raises its own error; a reader of events finds a failed response."""
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    frames = written([ev.Began("a"), ev.TextPiece(0, "so "), ev.Failed(error, 529)])
    assert checked_events(frames)[-1].response.error.code == "server_error"
    with pytest.raises(openai.APIError, match="Overloaded"):
        list(over_http(frames))


def test_a_stream_that_the_gateway_ends() -> None:
    """Translate: a refusal in mid-stream raises in the SDK, and is no reason to try again."""
    tree = {"error": {"message": "Blocked.", "type": "invalid_request_error", "param": None,
                      "code": "guardrail_blocked", "decision_id": "0199-abc"}}  # fmt: skip
    frame = refused_frame(tree, 400, model="house/model", created=7, asked=ASKED)
    (event,) = checked_events([frame])
    assert event.response.id == "resp_0199abc" and event.response.error.code == "invalid_prompt"
    with pytest.raises(openai.APIError) as raised:
        list(over_http([*written(HAPPENED[:5]), frame]))
    assert raised.value.code == "guardrail_blocked"


def test_an_image_that_was_drawn() -> None:
    """Translate: what a model drew is an item, streamed or not."""
    image = Image(source=Inline("image/png", "aGk="))
    body = whole([image])
    assert checked_response(body).output[0].type == "image_generation_call"
    frames = written([ev.Whole(0, image), ev.Finished(0, "stop"), ev.Used(USAGE), ev.Ended()])
    checked_events(frames)
    assert frames[-1].data["response"]["output"][0]["result"] == "aGk="  # type: ignore[index]


def test_log_probabilities() -> None:
    """Translate: chat's entries on the delta, on the part, and in the whole answer."""
    entries: list[Json] = [{"token": "Hi", "logprob": -0.2, "bytes": None, "top_logprobs": [
        {"token": "Ho", "logprob": -1.0, "bytes": None}]}]  # fmt: skip
    body = whole([Text(text="Hi")], logprobs=entries)
    told = checked_response(body).to_dict()["output"][0]["content"][0]["logprobs"]  # type: ignore[index]
    assert [(entry["logprob"], entry["bytes"]) for entry in told] == [(-0.2, [])]
    happened = [ev.LogprobsPiece(0, entries), ev.TextPiece(0, "Hi"), ev.Finished(0, "stop")]
    events = checked_events(written([*happened, ev.Used(USAGE), ev.Ended()]))
    assert [len(e.logprobs) for e in events if e.type == "response.output_text.delta"] == [1]
    assert [len(e.logprobs) for e in events if e.type == "response.output_text.done"] == [1]


def test_what_makes_no_sense() -> None:
    """Translate: arguments of no call, and more of a call that is over, end the stream."""
    with pytest.raises(StreamFault):
        written([ev.ToolPiece(0, 3, "{")])
    with pytest.raises(StreamFault):
        written([ev.ToolBegan(0, 0, "c", "f"), ev.ToolBegan(0, 0, "c", "f")])
    over = [ev.ToolBegan(0, 0, "c", "f"), ev.ToolPiece(0, 0, "{}"), ev.TextPiece(0, "x")]
    assert written([*over, ev.ToolPiece(0, 0, "  ")])
    with pytest.raises(StreamFault):
        written([*over, ev.ToolPiece(0, 0, "{}")])


def test_a_custom_tools_text_that_is_no_object() -> None:
    """Translate: what a model made of a custom tool's arguments is never lost."""
    body = whole([ToolCall(call_id="c", name="patch", arguments="plain")])
    assert body["output"][0]["input"] == "plain"
    assert orjson.dumps(body)
