"""Converse answers in nobody's dialect: whole, and streamed to the same end."""

from __future__ import annotations

import itertools
from base64 import b64decode, b64encode
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extproc.llm.aws_event_stream import EventStreamReader, encode_event, encode_exception
from extproc.llm.bedrock_converse import BEDROCK_CONVERSE
from extproc.llm.call import Frame, Json
from extproc.llm.sse import StreamFault
from extproc.llm.translate.bedrock_converse import PROVIDER
from extproc.llm.translate.conversation import (
    Audio,
    ChatAnswer,
    Citation,
    Image,
    Inline,
    Part,
    Reasoning,
    Seal,
    Text,
    ToolCall,
)
from extproc.llm.translate.events import Ended, Event, Failed, Finished, Used
from extproc.llm.translate.not_carried import Unreadable
from extproc.usage.usage import Usage
from tests.llm.assembled import assembled, events_of, normal
from tests.llm.bedrock.converse_model import answer_faults, event_faults

USAGE = {"inputTokens": 5, "outputTokens": 7, "totalTokens": 12}


def whole(blocks: list[Json], reason: str = "end_turn", **fields: Any) -> Json:
    return {
        "output": {"message": {"role": "assistant", "content": blocks}},
        "stopReason": reason, "usage": USAGE, "metrics": {"latencyMs": 1}, **fields,
    }  # fmt: skip


def pieces(text: str) -> list[str]:
    """Two of them, where there are two."""
    half = len(text) // 2
    return [piece for piece in (text[:half], text[half:]) if piece]


def deltas(block: Json) -> list[Json]:
    """How one block is streamed."""
    match block:
        case {"text": text}:
            return [{"text": piece} for piece in pieces(text)]
        case {"toolUse": use}:
            text = orjson.dumps(use["input"]).decode() if use["input"] else ""
            return [{"toolUse": {"input": piece}} for piece in pieces(text)]
        case {"reasoningContent": {"reasoningText": said}}:
            made: list[Json] = [{"reasoningContent": {"text": p}} for p in pieces(said["text"])]
            signature = pieces(said.get("signature", ""))
            return made + [{"reasoningContent": {"signature": piece}} for piece in signature]
        case {"reasoningContent": {"redactedContent": blob}}:
            return [{"reasoningContent": {"redactedContent": piece}} for piece in blobs(blob)]
        case {"citationsContent": said}:
            texts: list[Json] = [{"text": one["text"]} for one in said["content"]]
            return texts + [{"citation": one} for one in said["citations"]]
        case {"image": file}:
            return [{"image": {"source": {"bytes": p}}} for p in blobs(file["source"]["bytes"])]
    raise AssertionError(block)


def blobs(text: str) -> list[str]:
    """A blob in pieces, each base64 of its own."""
    raw = b64decode(text)
    return [b64encode(piece).decode() for piece in (raw[:1], raw[1:]) if piece]


def stream_of(body: Json) -> list[tuple[str, Json]]:
    """The events that say what a whole answer says."""
    events: list[tuple[str, Json]] = [("messageStart", {"role": "assistant"})]
    for index, block in enumerate(body["output"]["message"]["content"]):
        at = {"contentBlockIndex": index, "p": "abc"}
        if use := block.get("toolUse"):
            named = {"toolUseId": use["toolUseId"], "name": use["name"]}
            events.append(("contentBlockStart", {"start": {"toolUse": named}, **at}))
        if file := block.get("image"):
            start = {"image": {"format": file["format"]}}
            events.append(("contentBlockStart", {"start": start, **at}))
        events += [("contentBlockDelta", {"delta": delta, **at}) for delta in deltas(block)]
        events.append(("contentBlockStop", at))
    stop: Json = {key: body[key] for key in ("stopReason", "additionalModelResponseFields")
            if key in body}  # fmt: skip
    return [*events, ("messageStop", stop),
            ("metadata", {"usage": body["usage"], "metrics": {"latencyMs": 1}})]  # fmt: skip


def frames_of(events: list[tuple[str, Json]]) -> list[Frame]:
    for event, data in events:
        assert event_faults(event, data) == []
    sent = b"".join(encode_event(event, data) for event, data in events)
    reader = EventStreamReader()
    return reader.feed(sent) + reader.finish()


def streamed(body: Json) -> ChatAnswer:
    return assembled(events_of(PROVIDER.stream_reader(), frames_of(stream_of(body))))


def parts_of(body: Json) -> list[Part]:
    assert answer_faults(body) == []
    answer = PROVIDER.read_answer(body)
    assert normal(answer) == normal(streamed(body))
    return answer.choices[0].parts


def test_an_answer() -> None:
    """Translate: words, thoughts with their seals, calls of tools, usage."""
    body = whole(
        [
            {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "c2VhbA=="}}},
            {"reasoningContent": {"redactedContent": "eHl6"}},
            {"text": "I look."},
            {"toolUse": {"toolUseId": "t1", "name": "weather", "input": {"city": "Köln"}}},
            {"toolUse": {"toolUseId": "t2", "name": "time", "input": {}}},
        ],
        "tool_use",
    )
    at = "output.message.content"
    answer = PROVIDER.read_answer(body)
    assert parts_of(body) == [
        Reasoning(f"{at}[0]", text="Hm.", seal=Seal("bedrock", "c2VhbA==")),
        Reasoning(f"{at}[1]", seal=Seal("bedrock", "eHl6"), hidden=True),
        Text(f"{at}[2]", text="I look."),
        ToolCall(f"{at}[3]", call_id="t1", name="weather", arguments='{"city":"Köln"}'),
        ToolCall(f"{at}[4]", call_id="t2", name="time", arguments="{}"),
    ]
    assert (answer.usage, answer.choices[0].finish, answer.left_out) == (
        Usage(5, 7), "tool_calls", [],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("end_turn", "stop"), ("tool_use", "tool_calls"), ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"), ("guardrail_intervened", "content_filter"),
        ("content_filtered", "content_filter"), ("stop_sequence", "stop_sequence"),
    ],
)  # fmt: skip
def test_why_it_ended(reason: str, finish: str) -> None:
    """Translate: every reason of the model, whole and streamed."""
    body = whole([{"text": "x"}], reason)
    parts_of(body)
    assert PROVIDER.read_answer(body).choices[0].finish == finish


def test_which_sequence_was_met() -> None:
    """Translate: where the model tells it, as it is asked to."""
    body = whole([{"text": "x"}], "stop_sequence",
                 additionalModelResponseFields={"stop_sequence": "END"})  # fmt: skip
    parts_of(body)
    assert PROVIDER.read_answer(body).choices[0].stop_sequence == "END"
    for more in (None, 5, {"stop_sequence": 5}):
        body["additionalModelResponseFields"] = more
        assert PROVIDER.read_answer(body).choices[0].stop_sequence is None


@pytest.mark.parametrize("reason", [None, 5, "later", []])
def test_unknown_reasons_promise_nothing(reason: Any) -> None:
    """P8: and break nothing."""
    answer = PROVIDER.read_answer({**whole([]), "stopReason": reason})
    assert answer.choices[0].finish == "stop"
    events = events_of(
        PROVIDER.stream_reader(), [Frame("messageStop", {"stopReason": reason}, b"")]
    )
    assert events == [Finished(0, "stop"), Ended()]


@pytest.mark.parametrize("reason", ["malformed_model_output", "malformed_tool_use"])
def test_malformed_output_is_an_error(reason: str) -> None:
    """Translate: it is no answer, whole or streamed."""
    body = whole([{"text": "x"}], reason)
    with pytest.raises(Unreadable):
        PROVIDER.read_answer(body)
    events = events_of(PROVIDER.stream_reader(), frames_of(stream_of(body)))
    assert type(events[-1]) is Failed and not any(type(e) in (Finished, Ended) for e in events)


def test_citations() -> None:
    """Translate: what they cite is carried, where in its source it stands is reported."""
    body = whole([{"citationsContent": {
        "content": [{"text": "It rains."}],
        "citations": [
            {"title": "News", "sourceContent": [{"text": "Rain"}, {"text": " today"}],
             "location": {"documentChar": {"documentIndex": 1, "start": 3, "end": 9}}},
            {"location": {"web": {"url": "https://x.io/a", "domain": "x.io"}}},
            {"source": "https://x.io/b", "title": "B"},
        ],
    }}])  # fmt: skip
    (part,) = parts_of(body)
    assert isinstance(part, Text) and part.text == "It rains."
    assert part.citations == (
        Citation(title="News", cited="Rain today", document=1),
        Citation(url="https://x.io/a"),
        Citation(url="https://x.io/b", title="B"),
    )
    path = "output.message.content[0].citationsContent.citations[0].location"
    assert PROVIDER.read_answer(body).left_out == [path]


def test_images_and_sound() -> None:
    """Translate: bytes as they are; an image also from its pieces."""
    png = b64encode(b"\x89PNG bytes").decode()
    (image,) = parts_of(whole([{"image": {"format": "png", "source": {"bytes": png}}}]))
    assert isinstance(image, Image) and image.source == Inline("image/png", png)
    sound = whole([{"audio": {"format": "wav", "source": {"bytes": png}}}])
    (audio,) = PROVIDER.read_answer(sound).choices[0].parts
    assert isinstance(audio, Audio) and audio.source == Inline("audio/wav", png)


def test_what_nobody_else_has_is_reported() -> None:
    """Translate: what Bedrock's own tools did, and blocks nobody knows."""
    use = {"toolUseId": "t", "name": "search", "input": {}, "type": "server_tool_use"}
    result = {"toolUseId": "t", "content": [{"text": "x"}]}
    blocks: list[Json] = [{"toolUse": use}, {"toolResult": result}, {"later": {}}, {"text": "x"}]
    answer = PROVIDER.read_answer(whole(blocks))
    assert [type(part) for part in answer.choices[0].parts] == [Text]
    at = "output.message.content"
    assert answer.left_out == [f"{at}[0].toolUse", f"{at}[1].toolResult", f"{at}[2].later"]
    events: list[tuple[str, Json]] = [
        ("messageStart", {"role": "assistant"}),
        ("contentBlockStart", {"contentBlockIndex": 0, "start": {"toolUse": {
            "toolUseId": "t", "name": "search", "type": "server_tool_use"}}}),
        ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"toolUse": {"input": "{}"}}}),
        ("contentBlockStop", {"contentBlockIndex": 0}),
        ("contentBlockStart", {"contentBlockIndex": 1, "start": {"toolResult": {
            "toolUseId": "t"}}}),
        ("contentBlockDelta", {"contentBlockIndex": 1, "delta": {"toolResult": [{"text": "x"}]}}),
        ("contentBlockStop", {"contentBlockIndex": 1}),
        ("contentBlockDelta", {"contentBlockIndex": 2, "delta": {"text": "x"}}),
        ("messageStop", {"stopReason": "end_turn"}),
    ]  # fmt: skip
    answer = assembled(events_of(PROVIDER.stream_reader(), frames_of(events)))
    assert answer.choices[0].parts == [Text(text="x")] and answer.usage is None


@pytest.mark.parametrize(
    "body",
    [
        {}, {"output": {}}, {"output": {"message": {"content": "x"}}}, {"output": []},
        {"output": {"message": {"content": [5]}}}, whole([{"toolUse": {"name": "x"}}]),
        whole([{"reasoningContent": {}}]),
        whole([{"citationsContent": {"content": [{"text": 5}]}}]),
        whole([{"citationsContent": {"citations": ["x"]}}]),
        whole([{"citationsContent": {"citations": [{"title": ["x"]}]}}]),
        whole([{"citationsContent": {"citations": [{"sourceContent": [{"text": 5}]}]}}]),
        whole([{"image": {"format": "png"}}]),
        whole([{"reasoningContent": {"reasoningText": {"text": "x", "signature": 5}}}]),
    ],
)  # fmt: skip
def test_what_cannot_be_read(body: Json) -> None:
    """P5: an answer of another shape is never passed on."""
    with pytest.raises(Unreadable):
        PROVIDER.read_answer(body)


@pytest.mark.parametrize(
    ("event", "data"),
    [
        ("contentBlockDelta", {"contentBlockIndex": 0}),
        ("contentBlockDelta", {"delta": "x"}),
        ("contentBlockDelta", {"delta": {"text": 5}}),
        ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"toolUse": {"input": "x"}}}),
        ("contentBlockDelta", {"delta": {"reasoningContent": {"text": 5}}}),
        ("contentBlockDelta", {"delta": {"citation": "x"}}),
        ("contentBlockStart", {"start": {"toolUse": {"name": "x"}}}),
        ("contentBlockStart", {"start": 5, "contentBlockIndex": 0}),
        ("contentBlockDelta", {"contentBlockIndex": [], "delta": {"toolUse": {"input": "x"}}}),
    ],
)
def test_events_that_cannot_be_read(event: str, data: Json) -> None:
    """P5: a fault, and nothing but a fault."""
    reader = PROVIDER.stream_reader()
    reader.read(Frame("messageStart", {"role": "assistant"}, b""))
    with pytest.raises(StreamFault):
        reader.read(Frame(event, data, b""))


def test_what_comes_in_pieces_may_not_grow_for_ever() -> None:
    """P8: seals and images are kept until their block ends, up to a bound."""
    reader = PROVIDER.stream_reader()
    delta = {"reasoningContent": {"redactedContent": "A" * (1 << 20)}}
    frame = Frame("contentBlockDelta", {"contentBlockIndex": 0, "delta": delta}, b"")
    with pytest.raises(StreamFault):
        for _ in range(20):
            reader.read(frame)


def test_blobs_that_are_no_base64_are_a_fault() -> None:
    """P5: pieces that cannot be joined are not sent on."""
    reader = PROVIDER.stream_reader()
    for piece in ("A", "!"):
        delta = {"reasoningContent": {"redactedContent": piece}}
        reader.read(Frame("contentBlockDelta", {"contentBlockIndex": 0, "delta": delta}, b""))
    with pytest.raises(StreamFault):
        reader.read(Frame("contentBlockStop", {"contentBlockIndex": 0}, b""))


def test_the_end_comes_with_the_usage() -> None:
    """Contract: `Ended` behind `metadata`, or behind the last byte where it never came."""
    frames = frames_of(stream_of(whole([{"text": "x"}])))
    reader = PROVIDER.stream_reader()
    before = [event for frame in frames[:-1] for event in reader.read(frame)]
    assert type(before[-1]) is Finished
    assert list(reader.read(frames[-1])) == [Used(Usage(5, 7)), Ended()]
    assert list(reader.finish()) == []
    reader = PROVIDER.stream_reader()
    assert type(events_of(reader, frames[:-1])[-1]) is Ended
    assert not any(type(event) is Ended for event in events_of(PROVIDER.stream_reader(),
                                                               frames[:-2]))  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "status"), [("throttlingException", 429), ("internalServerException", 500)]
)
def test_an_exception_ends_the_stream(kind: str, status: int) -> None:
    """Translate: as an error with its status; nothing follows it."""
    sent = encode_event("messageStart", {"role": "assistant"})
    sent += encode_exception(kind, {"message": "words"})
    sent += encode_event("messageStop", {"stopReason": "end_turn"})
    events: list[Event] = events_of(PROVIDER.stream_reader(), EventStreamReader().feed(sent))
    failed = events[-1]
    assert isinstance(failed, Failed) and failed.status == status
    assert failed.error["error"]["message"] == "words"


_TEXT = st.text(min_size=1, max_size=12)
_BLOB = st.binary(min_size=1, max_size=9).map(lambda raw: b64encode(raw).decode())
_INPUT = st.dictionaries(st.text(max_size=4), st.integers(0, 9) | st.text(max_size=6), max_size=3)
_BLOCKS = st.one_of(
    st.builds(lambda text: {"text": text}, _TEXT),
    st.builds(lambda made: {"toolUse": {"toolUseId": "t", "name": "f", "input": made}}, _INPUT),
    st.builds(lambda text, seal: {"reasoningContent": {"reasoningText": {
        "text": text, "signature": seal}}}, _TEXT, _BLOB),
    st.builds(lambda blob: {"reasoningContent": {"redactedContent": blob}}, _BLOB),
    st.builds(lambda blob: {"image": {"format": "png", "source": {"bytes": blob}}}, _BLOB),
    st.builds(lambda text, title: {"citationsContent": {
        "content": [{"text": text}], "citations": [{"title": title}]}}, _TEXT, _TEXT),
)  # fmt: skip


@settings(deadline=None)
@given(st.lists(_BLOCKS, max_size=5), st.lists(st.integers(0, 3000), max_size=6))
def test_a_stream_says_what_the_whole_answer_says(blocks: list[Json], cuts: list[int]) -> None:
    """Translate: whatever is in it, however its bytes are cut."""
    body = whole(blocks)
    sent = b"".join(encode_event(event, data) for event, data in stream_of(body))
    edges = sorted({0, *(min(cut, len(sent)) for cut in cuts), len(sent)})
    reader = EventStreamReader()
    frames = [f for a, b in itertools.pairwise(edges) for f in reader.feed(sent[a:b])]
    made = assembled(events_of(PROVIDER.stream_reader(), frames + reader.finish()))
    assert normal(made) == normal(PROVIDER.read_answer(body))


def test_guarded_texts_are_those_that_are_carried() -> None:
    """P5: every word of the translated answer is one that the guardrails saw."""
    body = whole([{"text": "words"}, {"toolUse": {"toolUseId": "t", "name": "f", "input": {
        "k": "v"}}}, {"reasoningContent": {"reasoningText": {"text": "thought"}}}])  # fmt: skip
    for slot in BEDROCK_CONVERSE.response_texts(body):
        slot.text = '{"k":"R"}' if slot.json_text else "R"
    text, call, thought = PROVIDER.read_answer(body).choices[0].parts
    assert isinstance(text, Text) and text.text == "R"
    assert isinstance(call, ToolCall) and (call.name, call.arguments) == ("R", '{"k":"R"}')
    assert isinstance(thought, Reasoning) and thought.text == "R"
