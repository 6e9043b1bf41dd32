"""Cohere answers in nobody's dialect: whole, and streamed to the same end."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extproc.llm.call import Frame, Json
from extproc.llm.cohere_chat import COHERE_CHAT
from extproc.llm.sse import SseReader, StreamFault, encode
from extproc.llm.translate.cohere_chat import PROVIDER
from extproc.llm.translate.conversation import (
    ChatAnswer,
    Citation,
    Part,
    Reasoning,
    Text,
    ToolCall,
)
from extproc.llm.translate.events import Began, Ended, Failed, Finished, Used
from extproc.llm.translate.not_carried import Unreadable
from extproc.usage.usage import Usage
from tests.llm.assembled import assembled, events_of, normal

USAGE = {"billed_units": {"input_tokens": 5, "output_tokens": 7},
         "tokens": {"input_tokens": 71, "output_tokens": 7}}  # fmt: skip


def whole(reason: str = "COMPLETE", **message: Any) -> Json:
    return {"id": "c14c80c3", "finish_reason": reason, "usage": USAGE,
            "message": {"role": "assistant", **message}}  # fmt: skip


def said(kind: str, index: int | None, key: str, value: Any) -> Json:
    at = {} if index is None else {"index": index}
    return {"type": kind, **at, "delta": {"message": {key: value}}}


def stream_of(body: Json) -> list[Json]:
    """The events that say what a whole answer says ("Streaming responses", "Tool use")."""
    message = body["message"]
    start = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
    events: list[Json] = [{"id": body["id"], "type": "message-start", "delta": {"message": start}}]
    for index, part in enumerate(message.get("content") or ()):
        kind = part["type"]
        events.append(said("content-start", index, "content", {"type": kind, kind: ""}))
        for piece in (part[kind][:2], part[kind][2:]):
            events.append(said("content-delta", index, "content", {kind: piece}))
        events.append({"type": "content-end", "index": index})
    for index, cited in enumerate(message.get("citations") or ()):
        events += [said("citation-start", index, "citations", cited),
                   {"type": "citation-end", "index": index}]  # fmt: skip
    if plan := message.get("tool_plan"):
        events += [said("tool-plan-delta", None, "tool_plan", p) for p in (plan[:3], plan[3:])]
    for index, call in enumerate(message.get("tool_calls") or ()):
        function = call["function"]
        begun = {**call, "function": {"name": function["name"], "arguments": ""}}
        events.append(said("tool-call-start", index, "tool_calls", begun))
        for piece in (function["arguments"][:3], function["arguments"][3:]):
            delta = {"function": {"arguments": piece}}
            events.append(said("tool-call-delta", index, "tool_calls", delta))
        events.append({"type": "tool-call-end", "index": index})
    end = {"finish_reason": body["finish_reason"], "usage": body["usage"]}
    return [*events, {"type": "message-end", "id": body["id"], "delta": end}]


def bytes_of(events: list[Json]) -> bytes:
    return b"".join(encode(event["type"], event) for event in events)


def frames_of(events: list[Json]) -> list[Frame]:
    reader = SseReader()
    return reader.feed(bytes_of(events)) + reader.finish()


def streamed(body: Json) -> ChatAnswer:
    return assembled(events_of(PROVIDER.stream_reader(), frames_of(stream_of(body))))


def parts_of(body: Json) -> list[Part]:
    answer = PROVIDER.read_answer(body)
    assert normal(answer) == normal(streamed(body))
    return answer.choices[0].parts


def call(call_id: str, arguments: str) -> Json:
    function = {"name": "weather", "arguments": arguments}
    return {"id": call_id, "type": "function", "function": function}


def test_an_answer() -> None:
    """Translate: thoughts, words, usage as billed."""
    body = whole(content=[{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "Yo."}])
    assert parts_of(body) == [
        Reasoning("message.content[0]", text="Hm."), Text("message.content[1]", text="Yo."),
    ]  # fmt: skip
    answer = PROVIDER.read_answer(body)
    assert (answer.answer_id, answer.usage, answer.left_out) == ("c14c80c3", Usage(5, 7), [])


def test_calls_of_tools() -> None:
    """Translate: several at once, the plan as a thought, and a call without arguments."""
    calls = [call("weather_1", '{"city":"Köln"}'), call("weather_2", "")]
    body = whole("TOOL_CALL", tool_plan="I will look.", tool_calls=calls)
    assert parts_of(body) == [
        Reasoning("message.tool_plan", text="I will look."),
        ToolCall("message.tool_calls[0]", call_id="weather_1", name="weather",
                 arguments='{"city":"Köln"}'),
        ToolCall("message.tool_calls[1]", call_id="weather_2", name="weather", arguments="{}"),
    ]  # fmt: skip


def test_a_call_that_nobody_ended_has_its_arguments() -> None:
    """Translate: where `tool-call-end` did not come."""
    body = whole("TOOL_CALL", tool_calls=[call("1", "")])
    events = [event for event in stream_of(body) if event["type"] != "tool-call-end"]
    assert normal(assembled(events_of(PROVIDER.stream_reader(), frames_of(events)))) == normal(
        PROVIDER.read_answer(body)
    )


def test_citations() -> None:
    """Translate: one for each source; those of plans and thoughts are reported."""
    document = {"title": "News", "snippet": "Rain today", "url": "https://x.io/a"}
    output = {"content": "rain"}
    sources = [{"type": "document", "id": "doc:0", "document": document},
               {"type": "tool", "id": "weather_1:0", "tool_output": output}]  # fmt: skip
    body = whole(
        content=[{"type": "thinking", "thinking": "x"}, {"type": "text", "text": "It rains."}],
        citations=[
            {"start": 3, "end": 8, "text": "rains", "sources": sources, "content_index": 1,
             "type": "TEXT_CONTENT"},
            {"start": 0, "end": 2, "text": "It", "sources": []},
            {"start": 0, "end": 1, "text": "x", "sources": sources, "type": "THINKING_CONTENT"},
        ],
    )  # fmt: skip
    text = parts_of(body)[1]
    assert isinstance(text, Text)
    assert text.citations == (
        Citation("https://x.io/a", "News", "Rain today", 3, 8),
        Citation("", "weather_1:0", "rain", 3, 8),
        Citation(start=0, end=2),
    )
    assert PROVIDER.read_answer(body).left_out == ["message.citations[2]"]


def test_sources_of_any_shape_are_cited() -> None:
    """P8: documents are their authors' own; what is no text there is none here."""
    source = {"id": ["x"], "document": {"title": 5, "url": {}, "snippet": [], "text": "t"}}
    body = whole(content=[{"type": "text", "text": "x"}], citations=[{"sources": [source, {}]}])
    (text,) = parts_of(body)
    assert isinstance(text, Text) and text.citations == (Citation(cited="t"), Citation())


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("COMPLETE", "stop"), ("STOP_SEQUENCE", "stop_sequence"), ("MAX_TOKENS", "length"),
        ("TOOL_CALL", "tool_calls"), ("ERROR_TOXIC", "content_filter"), ("later", "stop"),
        (None, "stop"), ([], "stop"),
    ],
)  # fmt: skip
def test_why_it_ended(reason: Any, finish: str) -> None:
    """Translate: every reason, whole and streamed."""
    body = whole(reason, content=[{"type": "text", "text": "x"}])
    parts_of(body)
    assert PROVIDER.read_answer(body).choices[0].finish == finish


@pytest.mark.parametrize(("reason", "status"), [("ERROR", 500), ("TIMEOUT", 504)])
def test_generation_that_broke_off_is_an_error(reason: str, status: int) -> None:
    """Translate: it is no answer, whole or streamed; what it used is told."""
    body = whole(reason, content=[{"type": "text", "text": "x"}])
    with pytest.raises(Unreadable):
        PROVIDER.read_answer(body)
    events = events_of(PROVIDER.stream_reader(), frames_of(stream_of(body)))
    assert type(events[-2]) is Used and isinstance(events[-1], Failed)
    assert events[-1].status == status
    assert not any(type(event) in (Finished, Ended) for event in events)


def test_an_errors_words_are_passed_on() -> None:
    """Translate: those of `message-end`, and of an event that is an error altogether."""
    end = {"type": "message-end", "delta": {"finish_reason": "ERROR", "error": "words"}}
    for event in (end, {"type": "error", "error": {"message": "words"}}):
        (failed,) = PROVIDER.stream_reader().read(Frame("", event, b""))
        assert isinstance(failed, Failed) and failed.error["error"]["message"] == "words"


def test_nothing_follows_the_end() -> None:
    """Contract: `Ended` is the last, once."""
    frames = frames_of(stream_of(whole(content=[{"type": "text", "text": "x"}])))
    reader = PROVIDER.stream_reader()
    events = events_of(reader, [*frames, *frames])
    assert type(events[-1]) is Ended and sum(type(event) is Ended for event in events) == 1
    assert not any(type(e) is Ended for e in events_of(PROVIDER.stream_reader(), frames[:-1]))


def test_ids_that_are_missing() -> None:
    """P8: an answer without one has none."""
    body = whole(content="words")
    del body["id"]
    answer = PROVIDER.read_answer(body)
    assert (answer.answer_id, answer.choices[0].parts) == ("", [Text("message.content",
                                                                     text="words")])  # fmt: skip
    start = Frame("", {"type": "message-start"}, b"")
    assert PROVIDER.stream_reader().read(start) == (Began(""),)


def test_parts_of_unknown_types_are_reported() -> None:
    """Translate: never dropped in silence; citations still find their text."""
    body = whole(content=[{"type": "image"}, {"type": "text", "text": "x"}],
                 citations=[{"start": 0, "end": 1, "content_index": 1}])  # fmt: skip
    answer = PROVIDER.read_answer(body)
    assert answer.left_out == ["message.content[0]"]
    cited = (Citation(start=0, end=1),)
    assert answer.choices[0].parts == [Text("message.content[1]", None, "x", cited)]


@pytest.mark.parametrize(
    "message",
    [
        None, [], {"content": 5}, {"content": [{"type": "text", "text": 5}]}, {"tool_plan": 5},
        {"tool_calls": [5]}, {"tool_calls": [{"id": "x"}]}, {"tool_calls": 5},
        {"tool_calls": [{"id": 5, "function": {"name": "x"}}]}, {"citations": [5]},
        {"content": "x", "citations": [{"sources": [5]}]},
    ],
)  # fmt: skip
def test_what_cannot_be_read(message: Any) -> None:
    """P5: an answer of another shape is never passed on."""
    with pytest.raises(Unreadable):
        PROVIDER.read_answer({"id": "x", "message": message, "finish_reason": "COMPLETE"})


@pytest.mark.parametrize(
    "event",
    [
        {"type": "content-delta"}, {"type": "content-delta", "delta": {"message": "x"}},
        said("content-delta", 0, "content", {"text": 5}), said("content-delta", 0, "content", [5]),
        said("tool-plan-delta", None, "tool_plan", [5]),
        said("tool-call-start", 0, "tool_calls", {"id": "x"}),
        said("tool-call-start", 0, "tool_calls", [call("1", "")]),
        said("tool-call-delta", 0, "tool_calls", {"function": {"arguments": "x"}}),
        said("citation-start", 0, "citations", [5]),
        {"type": "message-end", "delta": [5]},
        {"type": "tool-call-end", "index": []},
    ],
)  # fmt: skip
def test_events_that_cannot_be_read(event: Json) -> None:
    """P5: a fault, and nothing but a fault."""
    with pytest.raises(StreamFault):
        PROVIDER.stream_reader().read(Frame("", event, b""))


def test_a_call_that_begins_twice_is_a_fault() -> None:
    """P5: nobody could tell whose arguments follow."""
    reader = PROVIDER.stream_reader()
    frame = Frame("", said("tool-call-start", 0, "tool_calls", call("1", "")), b"")
    reader.read(frame)
    with pytest.raises(StreamFault):
        reader.read(frame)


_TEXT = st.text(min_size=1, max_size=12)
_CONTENT = st.lists(
    st.builds(lambda text: {"type": "text", "text": text}, _TEXT)
    | st.builds(lambda text: {"type": "thinking", "thinking": text}, _TEXT),
    max_size=3,
)
_CALLS = st.lists(st.sampled_from((call("1", "{}"), call("2", '{"a":"ü"}'), call("3", ""))),
                  max_size=3)  # fmt: skip


@settings(deadline=None)
@given(_CONTENT, st.text(max_size=9), _CALLS, st.lists(st.integers(0, 4000), max_size=6))
def test_a_stream_says_what_the_whole_answer_says(
    content: list[Json], plan: str, calls: list[Json], cuts: list[int]
) -> None:
    """Translate: whatever is in it, however its bytes are cut."""
    body = whole(content=content, tool_plan=plan, tool_calls=calls)
    sent = bytes_of(stream_of(body))
    edges = sorted({0, *(min(cut, len(sent)) for cut in cuts), len(sent)})
    reader = SseReader()
    frames = [f for a, b in itertools.pairwise(edges) for f in reader.feed(sent[a:b])]
    made = assembled(events_of(PROVIDER.stream_reader(), frames + reader.finish()))
    assert normal(made) == normal(PROVIDER.read_answer(body))


def test_guarded_texts_are_those_that_are_carried() -> None:
    """P5: every word of the translated answer is one that the guardrails saw."""
    body = whole("TOOL_CALL", content=[{"type": "thinking", "thinking": "a"}], tool_plan="b",
                 tool_calls=[call("1", '{"k":"v"}')])  # fmt: skip
    for slot in COHERE_CHAT.response_texts(body):
        slot.text = "{}" if slot.json_text else "R"
    thought, plan, made = PROVIDER.read_answer(body).choices[0].parts
    assert isinstance(thought, Reasoning) and isinstance(plan, Reasoning)
    assert isinstance(made, ToolCall)
    assert (thought.text, plan.text, made.name, made.arguments) == ("R", "R", "R", "{}")
