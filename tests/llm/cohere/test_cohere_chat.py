"""Cohere Chat v2 as a provider speaks it: texts, usage, end and maximum."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.llm.call import Frame, Json
from extproc.llm.cohere_chat import COHERE_CHAT
from extproc.llm.cohere_chat_usage import read_cohere_usage
from extproc.usage.usage import Reported, Unsound, Usage
from tests.llm.canaries import PNG, Canaries
from tests.llm.test_every_text import _OBJECTS, _TREES, KEY, check, odd_things, rewrite, seen


def answer(c: Canaries) -> Json:
    """A word of its own in every place that can hold text."""
    c.paths += ["message.content[2]"]
    return {
        "id": "x-1", "finish_reason": "COMPLETE", "usage": {"billed_units": {"input_tokens": 1}},
        "later": [c("assistant")],
        "logprobs": [{"text": c("assistant"), "token_ids": [1, 2], "logprobs": [-0.1, -0.2]}],
        "message": {
            "role": "assistant", "later": {"w": c("assistant")}, "tool_plan": c("reasoning"),
            "content": [
                {"type": "text", "text": c("assistant"), "later": c("assistant")},
                {"type": "thinking", "thinking": c("reasoning")},
                {"type": "image", "data": PNG, "words": c("assistant")},
                c("assistant"),
            ],
            "tool_calls": [
                {"id": "c-1", "type": "function", "later": c("tool_arguments"), "function": {
                    "name": c("tool_arguments"), "arguments": c("tool_arguments"),
                    "later": c("tool_arguments")}},
                {"id": "c-2", "function": {"name": "f", "arguments": {
                    c("tool_arguments"): [c("tool_arguments")]}}},
                c("tool_arguments"),
            ],
            "citations": [{"start": 0, "end": 4, "text": c("tool"), "type": "TEXT_CONTENT",
                           "sources": [{"type": "tool", "id": "c-1:0", "tool_output": {
                               "k": c("tool")}},
                               {"type": "document", "id": "d", "document": {
                                   "title": c("tool"), c("tool"): c("tool")}}]}],
        },
    }  # fmt: skip


def events(c: Canaries) -> list[Json]:
    c.paths += ["message.content[7]"]
    call = {
        "id": "c-1",
        "type": "function",
        "function": {"name": c("tool_arguments"), "arguments": c("tool_arguments")},
    }
    deltas = {"function": {"arguments": c("tool_arguments"), "later": c("tool_arguments")}}
    cited = {"start": 0, "end": 1, "text": c("tool"), "sources": [{"document": {"t": c("tool")}}]}
    later = {"type": "audio", "data": PNG, "words": c("assistant")}
    return [
        {"id": "x-1", "type": "message-start", "delta": {"message": {
            "role": "assistant", "content": [], "tool_plan": "", "tool_calls": [],
            "citations": []}}},
        _event("content-start", 0, "content", {"type": "thinking", "thinking": c("reasoning")}),
        _event("content-delta", 1, "content", {"text": c("assistant")}),
        {"type": "content-end", "index": 1},
        _event("content-start", 7, "content", later),
        _event("tool-plan-delta", None, "tool_plan", c("reasoning")),
        _event("tool-call-start", 0, "tool_calls", call),
        _event("tool-call-delta", 0, "tool_calls", deltas),
        _event("citation-start", 0, "citations", cited),
        {"type": "message-end", "delta": {"finish_reason": "ERROR", "error": c("assistant"),
                                          "usage": {"billed_units": {"input_tokens": 1}}}},
        {"type": "debug", "prompt": c("assistant")},
        {"type": "later", "index": 0, "delta": c("assistant")},
    ]  # fmt: skip


def _event(kind: str, index: int | None, key: str, value: Any) -> Json:
    at = {} if index is None else {"index": index}
    return {"type": kind, **at, "delta": {"message": {key: value}}}


def test_every_place_of_an_answer() -> None:
    """P5: words, thoughts, plans, calls, citations and what they cite, unknown parts and fields."""
    c = Canaries()
    body = answer(c)
    check(c, COHERE_CHAT.response_texts(body), COHERE_CHAT.response_unscanned(body))


def test_every_place_of_a_stream() -> None:
    """P5: the same of single events."""
    c = Canaries()
    frames = [Frame("", data, b"") for data in events(c)]
    slots = [slot for frame in frames for slot in COHERE_CHAT.frame_texts(frame)]
    check(c, slots, [p for frame in frames for p in COHERE_CHAT.frame_unscanned(frame)])


def test_what_is_written_is_read_again() -> None:
    """P5: a replacement reaches the answer, whole and streamed."""
    for body in (answer(Canaries()), *events(Canaries())):
        for read in (COHERE_CHAT.response_texts,
                     lambda data: COHERE_CHAT.frame_texts(Frame("", data, b""))):  # fmt: skip
            for slot in read(body):
                if not slot.fixed:
                    slot.text = '{"k":"R"}' if slot.json_text else "R"
            for slot in read(body):
                assert slot.fixed or slot.text in ("R", '{"k":"R"}'), slot.path


@given(_TREES)
def test_nothing_hides_in_a_field_nobody_knows(tree: Any) -> None:
    """P3, P5: in an answer, a message, a part, a call, an event, a delta."""
    things = odd_things(tree) | {KEY}
    for message in ({KEY: tree}, {"content": [{"type": "text", KEY: tree}]},
                    {"tool_calls": [{KEY: tree}]}, {"tool_calls": [{"function": {KEY: tree}}]},
                    {"citations": [{KEY: tree}]}, {"tool_calls": {"function": {KEY: tree}}},
                    {"content": {KEY: tree}}, {"citations": {KEY: tree}}):  # fmt: skip
        body = {"message": message}
        unscanned = COHERE_CHAT.response_unscanned(body)
        assert seen(things, COHERE_CHAT.response_texts(body), unscanned)
        frame = Frame("", {"type": "x", "index": 0, "delta": {"message": message}}, b"")
        assert seen(things, COHERE_CHAT.frame_texts(frame), COHERE_CHAT.frame_unscanned(frame))
    for data in ({KEY: tree}, {"delta": {KEY: tree}}, {"delta": {"error": {KEY: tree}}}):
        frame = Frame("", data, b"")
        assert seen(things, COHERE_CHAT.frame_texts(frame), COHERE_CHAT.frame_unscanned(frame))
        assert seen(things, COHERE_CHAT.response_texts(data), COHERE_CHAT.response_unscanned(data))


@given(_OBJECTS, st.lists(_OBJECTS, max_size=3))
def test_known_names_in_odd_shapes_break_nothing(own: Json, parts: list[Json]) -> None:
    """P8: whatever comes back can be read and written."""
    for message in (own, {"content": parts}, {"tool_calls": parts}, {"citations": parts},
                    {"content": own, "tool_calls": own, "citations": own, "tool_plan": own},
                    ):  # fmt: skip
        for body in ({"message": message}, {"delta": {"message": message}}, {"delta": message}):
            frame = Frame("", body, b"")
            assert set(map(type, COHERE_CHAT.response_unscanned(body))) <= {str}
            assert set(map(type, COHERE_CHAT.frame_unscanned(frame))) <= {str}
            rewrite(COHERE_CHAT.frame_texts(frame))
            rewrite(COHERE_CHAT.response_texts(body))


@pytest.mark.parametrize(
    "message",
    [
        {"content": "two words"}, {"content": [["two words"]]}, {"role": "two words"},
        {"tool_calls": "two words"}, {"tool_calls": {"function": "two words"}},
        {"tool_plan": ["two words"]}, {"citations": "two words"},
        {"content": {"text": ["two words"]}},
    ],
)  # fmt: skip
def test_words_in_odd_places_are_read(message: Json) -> None:
    """P5: whatever stands where another shape is documented, whole and streamed."""
    (slot,) = COHERE_CHAT.response_texts({"message": message})
    assert slot.text == "two words"
    (slot,) = COHERE_CHAT.frame_texts(Frame("", {"type": "x", "delta": {"message": message}}, b""))
    assert slot.text == "two words"


def test_the_pieces_of_one_text_share_a_channel() -> None:
    """P5: words, thoughts, plans and arguments each have their own."""
    sent = [
        _event("content-delta", 0, "content", {"thinking": "x"}),
        _event("content-delta", 1, "content", {"text": "x"}),
        _event("tool-plan-delta", None, "tool_plan", "x"),
        _event("tool-call-delta", 2, "tool_calls", {"function": {"arguments": "{"}}),
    ]
    frames = [Frame("", data, b"") for data in sent]
    assert [slot.channel for frame in frames for slot in COHERE_CHAT.frame_texts(frame)] == [
        "message.content[0].thinking", "message.content[1].text", "message.tool_plan",
        "message.tool_calls[2].function.arguments",
    ]  # fmt: skip
    assert not any(COHERE_CHAT.frame_unscanned(frame) for frame in frames)


def units(billed: Any, tokens: Any = None, cached: Any = None) -> Json:
    return {"billed_units": billed, "tokens": tokens, "cached_tokens": cached}


@pytest.mark.parametrize(
    ("told", "meant"),
    [
        (None, None),
        (units({"input_tokens": 5, "output_tokens": 418}, {"input_tokens": 71,
                                                           "output_tokens": 418}), Usage(5, 418)),
        (units({"input_tokens": 5.0, "output_tokens": 4.0}), Usage(5, 4)),
        (units(None, {"input_tokens": 71, "output_tokens": 4}), Usage(71, 4)),
        (units({"search_units": 1}, {"input_tokens": 7, "output_tokens": 4}), Usage(7, 4)),
        (units({"input_tokens": 50, "output_tokens": 4}, None, 30), Usage(20, 4, 30)),
        (units({"input_tokens": 5, "output_tokens": 4}, None, 64), Usage(0, 4, 5)),
        (units({"input_tokens": 5}), Unsound("provider_usage_malformed")),
        ([], Unsound("provider_usage_malformed")),
        ({}, Unsound("provider_usage_malformed")),
        (units({"input_tokens": 5.5, "output_tokens": 1}), Unsound("provider_usage_malformed")),
        (units({"input_tokens": True, "output_tokens": 1}), Unsound("provider_usage_malformed")),
        (units({"input_tokens": -5, "output_tokens": 1}), Unsound("provider_usage_negative")),
        (units({"input_tokens": 5, "output_tokens": 1e300}), Unsound("provider_usage_absurd")),
        (units({"input_tokens": 5, "output_tokens": 1}, None, -1.0),
         Unsound("provider_usage_negative")),
    ],
)  # fmt: skip
def test_usage(told: Any, meant: Reported) -> None:
    """P2: what is billed; whole and streamed alike."""
    assert read_cohere_usage(told) == meant
    assert COHERE_CHAT.response_usage({"usage": told}) == meant
    frame = Frame("", {"type": "message-end", "delta": {"usage": told}}, b"")
    assert COHERE_CHAT.frame_usage(frame, None) == meant


def test_usage_stays_what_the_last_frame_said() -> None:
    """P2: events without usage say nothing."""
    sent: list[Any] = [None, {}, {"delta": "x"}, {"delta": {}}, {"type": "content-end", "index": 0}]
    for data in sent:
        assert COHERE_CHAT.frame_usage(Frame("", data, b""), Usage(1, 2)) == Usage(1, 2)


def test_the_end() -> None:
    """Contract: `message-end`, whatever the SSE event is called, and nothing else."""
    for event in ("", "message-end"):
        assert COHERE_CHAT.is_final(Frame(event, {"type": "message-end"}, b""))
    for data in (None, {}, {"type": "content-end"}):
        assert not COHERE_CHAT.is_final(Frame("message-end", data, b""))


@pytest.mark.parametrize(
    ("body", "maximum", "meant"),
    [({}, None, None), ({}, 7, 7), ({"max_tokens": 5}, 7, 5), ({"max_tokens": 9}, 7, 7)],
)
def test_with_call(body: Json, maximum: int | None, meant: int | None) -> None:
    """P2: the lower maximum holds, and the model is the provider's."""
    call = COHERE_CHAT.with_call(body, model="m", max_output_tokens=maximum, include_usage=True)
    assert (call.get("max_tokens"), call["model"]) == (meant, "m") and "model" not in body


def test_the_path() -> None:
    """Dialect: one for both."""
    assert {COHERE_CHAT.upstream_path("m", stream=s) for s in (True, False)} == {"/v2/chat"}
