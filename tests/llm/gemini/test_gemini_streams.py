"""Gemini streams read and written: what they say is what the whole answer would have said."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from google.genai import types
from hypothesis import given, settings
from hypothesis import strategies as st

from extproc.llm.call import Frame, Json
from extproc.llm.gemini_generate import GEMINI_GENERATE
from extproc.llm.sse import SseReader, StreamFault, wire
from extproc.llm.translate.conversation import (
    ChatAnswer,
    Choice,
    Citation,
    Image,
    Inline,
    Reasoning,
    Seal,
    Text,
    ToolCall,
)
from extproc.llm.translate.events import (
    Began,
    Cited,
    Ended,
    Event,
    Failed,
    Finished,
    LogprobsPiece,
    TextPiece,
    ThoughtPiece,
    ThoughtSealed,
    ToolBegan,
    ToolPiece,
    Used,
    Whole,
)
from extproc.llm.translate.gemini_generate import CALLER, PROVIDER
from extproc.llm.translate.sides import StreamTranslator
from extproc.usage.usage import Usage
from tests.llm.gemini import sdk
from tests.llm.gemini.sdk import frames_of

SHOWN: Json = {"generationConfig": {"thinkingConfig": {"includeThoughts": True}}}
USAGE = {"promptTokenCount": 3, "candidatesTokenCount": 4, "totalTokenCount": 7}


def chunk(*parts: Json, index: int = 0, **beside: Any) -> Json:
    reason = {"finishReason": beside.pop("finish")} if "finish" in beside else {}
    candidate: Json = {"content": {"role": "model", "parts": list(parts)}, **reason}
    if index:
        candidate["index"] = index
    return {"candidates": [candidate], "responseId": "r-1", "modelVersion": "gemini-3", **beside}


STREAM = [
    chunk({"text": "hm", "thought": True}, usageMetadata={"promptTokenCount": 3,
                                                          "totalTokenCount": 3}),
    chunk({"text": "Grü"}), chunk({"text": "ße", "thoughtSignature": "s1"}),
    chunk({"functionCall": {"name": "f", "args": {"n": 1}}, "thoughtSignature": "s2"}),
    chunk({"functionCall": {"name": "f", "args": {"n": 2}}}),
    chunk({"text": ""}, finish="STOP", usageMetadata=USAGE),
]  # fmt: skip


def events_of(frames: list[Frame]) -> list[Event]:
    reader = PROVIDER.stream_reader()
    return [e for frame in frames for e in reader.read(frame)] + list(reader.finish())


def written(events: list[Event], asked: Json | None = None) -> list[Frame]:
    writer = CALLER.stream_writer(model="prod/x", created=0, asked=asked or {})
    return [frame for event in events for frame in writer.write(event)]


def test_a_stream_is_read() -> None:
    """Translate: pieces, seals, whole calls, one finish, usage and end once, last."""
    seal = Seal("gemini", "s2")
    assert events_of(frames_of(STREAM)) == [
        Began("r-1"), ThoughtPiece(0, "hm"), TextPiece(0, "Grü"), TextPiece(0, "ße"),
        ThoughtSealed(0, Seal("gemini", "s1"), True),
        ToolBegan(0, 0, "call_r1_0", "f", seal), ToolPiece(0, 0, '{"n":1}'),
        ToolBegan(0, 1, "call_r1_1", "f"), ToolPiece(0, 1, '{"n":2}'),
        Finished(0, "tool_calls"), Used(Usage(3, 4)), Ended(),
    ]  # fmt: skip


def test_a_stream_that_was_cut_has_no_end() -> None:
    """Translate: an end is never made up (P5)."""
    one_open = [chunk({"text": "a"}, finish="STOP"), chunk({"text": "b"}, index=1)]
    for frames in (frames_of(STREAM[:-1]), [], frames_of(one_open)):
        assert Ended() not in events_of(frames)


def test_two_candidates_finish_apart() -> None:
    """Translate: each has its own pieces and its own finish."""
    chunks = [chunk({"text": "a"}), chunk({"text": "b"}, index=1), chunk(finish="STOP"),
              chunk(index=1, finish="MAX_TOKENS", usageMetadata=USAGE)]  # fmt: skip
    assert events_of(frames_of(chunks))[1:] == [
        TextPiece(0, "a"), TextPiece(1, "b"), Finished(0, "stop"), Finished(1, "length"),
        Used(Usage(3, 4)), Ended(),
    ]  # fmt: skip


def test_a_blocked_prompt_ends_a_stream() -> None:
    """Translate: one chunk, no candidate."""
    frames = frames_of([{"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": USAGE}])
    assert events_of(frames)[1:] == [Finished(0, "content_filter"), Used(Usage(3, 4)), Ended()]


def test_an_error_in_the_middle() -> None:
    """Translate: as Google's own object; nothing follows."""
    error = {"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}}
    assert events_of(frames_of([STREAM[1], error]))[-1] == Failed(error, 503)
    (frame,) = written([Failed({"error": {"message": "no"}}, 529)])
    assert frame.data and frame.data["error"]["code"] == 529
    assert frame.data["error"]["status"] == "UNAVAILABLE"


def test_grounding_and_probabilities_in_a_stream() -> None:
    """Translate: chunks repeat what they said of the text so far; it is told once."""
    metadata = {"groundingChunks": [{"web": {"uri": "https://a", "title": "A"}}],
                "groundingSupports": [{"segment": {"startIndex": 7, "endIndex": 10},
                                       "groundingChunkIndices": [0]}]}  # fmt: skip
    last = chunk({"text": "abc"}, finish="STOP")
    last["candidates"][0]["groundingMetadata"] = metadata
    last["candidates"][0]["logprobsResult"] = {"chosenCandidates": [{"token": "abc"}]}
    again = chunk()
    again["candidates"][0]["groundingMetadata"] = metadata
    events = events_of(frames_of([chunk({"text": "Grüße"}), last, again]))
    cited = [event for event in events if isinstance(event, Cited)]
    assert cited == [Cited(0, Citation("https://a", "A", "", 5, 8))]
    assert any(isinstance(event, LogprobsPiece) for event in events)


@pytest.mark.parametrize("bad", [
    {"candidates": "x"}, {"candidates": [{"content": {"parts": [{"later": 1}]}}]},
    {"candidates": [{"content": {"parts": [{"functionCall": {"partialArgs": []}}]}}]},
])  # fmt: skip
def test_chunks_of_another_shape_end_the_stream(bad: Json) -> None:
    """Translate: what cannot be carried over is not passed over (P5)."""
    with pytest.raises(StreamFault):
        events_of(frames_of([bad]))


def whole(events: list[Event], asked: Json | None = None) -> ChatAnswer:
    """What a caller has read at the end of the stream, as one answer."""
    parts: list[Json] = []
    last: Json = {}
    for frame in written(events, asked):
        assert frame.data is not None
        (candidate,) = frame.data["candidates"]
        parts += candidate["content"]["parts"]
        last = {**frame.data, "candidates": [candidate]}
    last["candidates"][0]["content"]["parts"] = parts
    return PROVIDER.read_answer(last)


EVENTS: list[Event] = [
    Began("r-1"), ThoughtPiece(0, "h"), ThoughtPiece(0, "m"), TextPiece(0, "Hel"),
    TextPiece(0, "lo"), ToolBegan(0, 0, "c-0", "f"), ToolBegan(0, 1, "c-1", "g"),
    ToolPiece(0, 1, '{"b":'), ToolPiece(0, 0, '{"a":1'), ToolPiece(0, 1, "2}"),
    ToolPiece(0, 0, "}"), Finished(0, "tool_calls"), Used(Usage(3, 4)), Ended(),
]  # fmt: skip


def test_googles_chat_keeps_a_stream() -> None:
    """Translate: interleaved calls leave whole; finish and usage stand in the last chunk."""
    chunks, history = sdk.chat(written(EVENTS, SHOWN))
    assert "".join(c.text or "" for c in chunks) == "Hello"
    calls = [call for c in chunks for call in c.function_calls or []]
    assert [(c.id, c.name, c.args) for c in calls] == [
        ("c-0", "f", {"a": 1}), ("c-1", "g", {"b": 2})]  # fmt: skip
    last = chunks[-1]
    assert last.candidates and last.candidates[0].finish_reason is types.FinishReason.STOP
    assert last.usage_metadata and last.usage_metadata.total_token_count == 7
    assert all(c.model_version == "prod/x" and c.response_id == "r-1" for c in chunks)
    assert [content.role for content in history] == ["user", *["model"] * len(chunks)]
    contents = [content.model_dump(mode="json", exclude_none=True) for content in history]
    (_, turn) = CALLER.read_request({"contents": contents}).turns
    assert [type(part) for part in turn.parts] == [Reasoning, Text, ToolCall, ToolCall]
    thought, text = turn.parts[:2]
    assert isinstance(thought, Reasoning) and isinstance(text, Text)
    assert (thought.text, text.text) == ("hm", "Hello")


def test_a_stream_says_what_the_whole_answer_says() -> None:
    """Translate: the parts, their order, the finish and the usage."""
    answer = whole(EVENTS)
    texts = "".join(p.text for p in answer.choices[0].parts if isinstance(p, Text))
    calls = [p for p in answer.choices[0].parts if isinstance(p, ToolCall)]
    assert (texts, answer.usage, answer.choices[0].finish) == ("Hello", Usage(3, 4), "tool_calls")
    assert [call.arguments for call in calls] == ['{"a":1}', '{"b":2}']


def test_calls_in_front_of_words_leave_in_front_of_them() -> None:
    """Translate: the order of the parts is the order of the answer."""
    events: list[Event] = [
        ToolBegan(0, 0, "c", "f"), ToolPiece(0, 0, "{}"), TextPiece(0, "x"),
        Whole(0, Image(source=Inline("image/png", "aGk="))), Finished(0, "stop"), Ended(),
    ]  # fmt: skip
    kinds = [type(part) for part in whole(events).choices[0].parts]
    assert kinds == [ToolCall, Text, Image]


def test_sealed_thoughts_of_others_leave_whole() -> None:
    """Translate: their vendor wants them back as they were, whoever asked to see them."""
    events: list[Event] = [
        ThoughtPiece(0, "h"), ThoughtPiece(0, "m"), ThoughtSealed(0, Seal("anthropic", "s")),
        ThoughtSealed(0, Seal("anthropic", "r"), True), ThoughtPiece(0, "not sealed"),
        TextPiece(0, "x"), Finished(0, "stop"), Ended(),
    ]  # fmt: skip
    for asked in ({}, SHOWN):
        contents = [{"role": "model", "parts": frame.data["candidates"][0]["content"]["parts"]}
                    for frame in written(events, asked) if frame.data]  # fmt: skip
        (turn,) = CALLER.read_request({"contents": contents}).turns
        thoughts = [part for part in turn.parts if isinstance(part, Reasoning) and part.seal]
        assert [(t.text, t.seal, t.hidden) for t in thoughts] == [
            ("hm", Seal("anthropic", "s"), False), ("", Seal("anthropic", "r"), True),
        ]  # fmt: skip


def test_citations_of_a_stream() -> None:
    """Translate: on the text that came last, in bytes of all text."""
    events: list[Event] = [
        TextPiece(0, "Grüße "), ThoughtPiece(0, "t"), TextPiece(0, "die Ä"), TextPiece(0, "pfel"),
        Cited(0, Citation("https://a", "A", "", 4, 9)), LogprobsPiece(0, [{"token": "x"}]),
        Finished(0, "stop"), Ended(),
    ]  # fmt: skip
    last = written(events)[-1].data
    assert last is not None
    (support,) = last["candidates"][0]["groundingMetadata"]["groundingSupports"]
    text = "Grüße die Äpfel".encode()
    segment = support["segment"]
    assert text[segment["startIndex"] : segment["endIndex"]].decode() == "Äpfel"
    result = last["candidates"][0]["logprobsResult"]
    assert result == {"chosenCandidates": [{"token": "x", "logProbability": 0.0}]}


@pytest.mark.parametrize("arguments", ["{x", "[1]", '{"a":'])
def test_half_a_call_never_leaves(arguments: str) -> None:
    """Translate: arguments that are no JSON object end the stream."""
    with pytest.raises(StreamFault):
        written([ToolBegan(0, 0, "c", "f"), ToolPiece(0, 0, arguments), Finished(0, "tool_calls")])


_PIECES = st.lists(st.text(min_size=1, max_size=6), max_size=4)
_CALLS = st.lists(st.dictionaries(st.text(max_size=3), st.integers(-9, 9), max_size=2), max_size=3)


@settings(max_examples=60)
@given(_PIECES, _PIECES, _CALLS, st.integers(1, 40), st.data())
def test_any_split_of_the_bytes_says_the_same(
    thoughts: list[str], texts: list[str], calls: list[Json], size: int, data: Any
) -> None:
    """Translate: the chunks of a Gemini provider, in any pieces, through both sides."""
    chunks = [chunk({"text": text, "thought": True}) for text in thoughts]
    chunks += [chunk({"text": text}) for text in texts]
    chunks += [chunk({"functionCall": {"name": "f", "args": args}}) for args in calls]
    chunks.append(chunk({"text": ""}, finish="STOP", usageMetadata=USAGE))
    wanted = [("".join(thoughts), "".join(texts), [orjson.dumps(args).decode() for args in calls])]
    raw = b"".join(b"data: " + orjson.dumps(c) + b"\n\n" for c in chunks)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=size)))
    reader = SseReader()
    side = StreamTranslator(
        PROVIDER.stream_reader(), CALLER.stream_writer(model="m", created=0, asked=SHOWN)
    )
    out: list[Frame] = []
    for start, end in zip([0, *cuts], [*cuts, len(raw)], strict=True):
        for frame in reader.feed(raw[start:end]):
            out += side.feed(frame)
    out += side.finish()
    assert side.complete
    again = SseReader().feed(b"".join(map(wire, out)))
    assert GEMINI_GENERATE.is_final(again[-1])
    said = ChatAnswer("", [Choice([])])
    for frame in again:
        assert frame.data is not None
        answer = PROVIDER.read_answer(frame.data)
        said.choices[0].parts += answer.choices[0].parts
        said.usage = answer.usage
    parts = said.choices[0].parts
    assert wanted == [(
        "".join(p.text for p in parts if isinstance(p, Reasoning)),
        "".join(p.text for p in parts if isinstance(p, Text)),
        [p.arguments for p in parts if isinstance(p, ToolCall)],
    )]  # fmt: skip
    assert said.usage == Usage(3, 4)
