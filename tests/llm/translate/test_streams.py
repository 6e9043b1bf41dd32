"""Streams say what the whole answers say, however the bytes are split."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extproc.llm.call import Frame, Json
from extproc.llm.sse import StreamFault
from extproc.llm.translate import anthropic_messages, openai_chat
from extproc.llm.translate.conversation import Audio, Citation, Image, Inline, Seal
from extproc.llm.translate.events import (
    Cited,
    Ended,
    Event,
    Finished,
    TextPiece,
    ThoughtPiece,
    ThoughtSealed,
    ToolBegan,
    Whole,
)
from extproc.llm.translate.sides import StreamTranslator
from tests.llm.translate.pairs import TO_ANTHROPIC, TO_OPENAI, answer
from tests.llm.translate.wires import (
    CLAUDE,
    GPT,
    claude_stream,
    gpt,
    gpt_stream,
    join_chunks,
    join_events,
    run,
)

USAGE: Json = {"stream_options": {"include_usage": True}}
THINKS: Json = {"thinking": {"type": "enabled", "budget_tokens": 2000}}


def stream(to: Any, asked: Json | None = None) -> StreamTranslator:
    made: StreamTranslator = to.stream(model="prod/a", created=42, asked=asked or {})
    return made


TEXT = st.text(max_size=8)
ARGUMENTS = st.dictionaries(
    TEXT, TEXT | st.integers(0, 99) | st.lists(TEXT, max_size=2), max_size=3
)
CALLS = st.lists(st.tuples(st.text(min_size=1, max_size=5), ARGUMENTS), max_size=3)
CUTS = st.lists(st.integers(0, 60), max_size=4)
BYTE_CUTS = st.lists(st.integers(0, 6000), max_size=5).map(tuple)
WEB = {
    "type": "web_search_result_location", "url": "https://x", "title": "X", "cited_text": "b",
    "encrypted_index": "e",
}  # fmt: skip


def same_message(streamed: Json, whole: Json) -> bool:
    """What a client keeps of a stream and of the whole answer; arguments by their meaning."""
    for message in (streamed, whole):
        for call in message.get("tool_calls") or ():
            call.pop("index", None)
            call["function"]["arguments"] = json.loads(call["function"]["arguments"])
        for block in message.get("thinking_blocks") or ():
            block.pop("index", None)
        for key in [key for key, value in message.items() if not value]:
            del message[key]
    return streamed == whole


@settings(max_examples=100, deadline=None)
@given(TEXT, TEXT, CALLS, CUTS, BYTE_CUTS, st.booleans())
def test_a_claude_stream_says_what_its_whole_answer_says(
    thought: str, text: str, calls: list[Any], cuts: list[int], at: Any, include_usage: bool
) -> None:
    """P5: translated stream == translated whole, for any cut of deltas and of bytes."""
    content: list[Json] = [{"type": "thinking", "thinking": thought, "signature": "SEAL"}]
    content += [{"type": "text", "text": "so "}, {"type": "text", "text": text}] if text else []
    if text:
        content[-1]["citations"] = [WEB]
    content += [
        {"type": "tool_use", "id": f"t{i}", "name": name, "input": arguments}
        for i, (name, arguments) in enumerate(calls)
    ]
    body = {**CLAUDE, "content": content}
    to = stream(TO_ANTHROPIC, USAGE if include_usage else {})
    got = join_chunks(run(claude_stream(body, cuts), to, at))
    whole = answer(TO_ANTHROPIC, body)
    assert to.complete
    assert same_message(got[0]["message"], whole["choices"][0]["message"])
    assert got[0]["finish"] == whole["choices"][0]["finish_reason"]
    assert got.get(-1) == (whole["usage"] if include_usage else None)


@settings(max_examples=100, deadline=None)
@given(TEXT, TEXT, CALLS, CUTS, BYTE_CUTS, st.booleans(), st.booleans())
def test_a_gpt_stream_says_what_its_whole_answer_says(
    thought: str, text: str, calls: list[Any], cuts: list[int], at: Any, interleave: bool,
    thinks: bool,
) -> None:  # fmt: skip
    """P5: also when the deltas of parallel tool calls come interleaved."""
    made = [
        {"id": f"c{i}", "type": "function", "function": {"name": n, "arguments": json.dumps(a)}}
        for i, (n, a) in enumerate(calls)
    ]
    note = {"url": "https://x", "title": "X", "start_index": 0, "end_index": 1}
    notes = [{"type": "url_citation", "url_citation": note}] if text else []
    body = gpt("stop", content=text, reasoning_content=thought, tool_calls=made, annotations=notes)
    asked = THINKS if thinks else {}
    to = stream(TO_OPENAI, asked)
    got = join_events(run(gpt_stream(body, cuts, interleave), to, at))
    assert to.complete
    assert got == answer(TO_OPENAI, body, asked)


@settings(max_examples=40, deadline=None)
@given(CUTS, BYTE_CUTS)
def test_any_split_of_the_bytes_gives_the_same_frames(cuts: list[int], at: Any) -> None:
    """P5: not only the same message: frame for frame the same."""
    for to, asked, data in (
        (TO_ANTHROPIC, USAGE, claude_stream(CLAUDE, cuts)),
        (TO_OPENAI, THINKS, gpt_stream(GPT, cuts, interleave=True)),
    ):
        whole = run(data, stream(to, asked))
        split = run(data, stream(to, asked), at)
        assert [(f.event, f.data) for f in split] == [(f.event, f.data) for f in whole]


def test_ids_and_model_are_the_same_in_every_chunk() -> None:
    """Contract, section 3: the caller sees the model it asked for; the role comes first."""
    frames = run(claude_stream(CLAUDE, [3]), stream(TO_ANTHROPIC, USAGE))
    heads = {(f.data["id"], f.data["model"], f.data["created"]) for f in frames if f.data}
    assert heads == {("msg_1", "prod/a", 42)}
    assert frames[0].data is not None
    assert frames[0].data["choices"][0]["delta"] == {"role": "assistant", "content": ""}


def chunk(delta: Json, index: int = 0, **more: Any) -> Frame:
    choice = {"index": index, "delta": delta, **more}
    return Frame("", {"id": "i", "choices": [choice]}, b"")


def call(index: int, arguments: str, **more: str) -> Json:
    function = {"name": "f", "arguments": arguments}
    return {"tool_calls": [{"index": index, **more, "function": function}]}


DONE = Frame("", None, b"")


def test_text_between_unfinished_tool_calls_waits() -> None:
    """P5: Anthropic's blocks stay in sequence whatever order a compatible server invents."""
    to = stream(TO_OPENAI)
    frames: list[Frame] = []
    for delta in (
        call(0, '{"a"', id="c0"),
        {"content": "wa"},
        call(1, "{", id="c1"),
        {"content": "it"},
        call(1, "}"),
        call(0, ":1}"),
        {"content": "!"},
    ):
        frames += to.feed(chunk(delta))
    frames += to.feed(DONE)
    assert join_events(frames)["content"] == [
        {"type": "tool_use", "id": "c0", "name": "f", "input": {"a": 1}},
        {"type": "text", "text": "wa"},
        {"type": "tool_use", "id": "c1", "name": "f", "input": {}},
        {"type": "text", "text": "it!"},
    ]


def test_calls_told_apart_by_their_ids() -> None:
    """Translate: some compatible servers tell no index, and some the same for every call."""
    for told in (False, True):
        to = stream(TO_OPENAI)
        frames: list[Frame] = []
        for text, more in (("{", {"id": "a"}), ("}", {}), ("{}", {"id": "b"})):
            delta = call(0, text, **more)
            if not told:
                del delta["tool_calls"][0]["index"]
            frames += to.feed(chunk(delta))
        frames += to.feed(DONE)
        assert [block["id"] for block in join_events(frames)["content"]] == ["a", "b"]


def test_a_cut_stream_is_not_complete() -> None:
    """P5: a stream that the provider cut never ends as if it were whole."""
    to = stream(TO_ANTHROPIC, USAGE)
    data = claude_stream(CLAUDE, [])
    frames = run(data[: data.index(b"event: message_delta")], to)
    assert (to.complete, to.closed) == (False, False)
    assert all(frame.data is not None for frame in frames)
    to = stream(TO_OPENAI)
    data = gpt_stream(GPT, [])
    frames = run(b"".join(data.partition(b'"arguments":"{')[0].rpartition(b"data: ")[:1]), to)
    assert to.complete is False
    assert all(frame.event != "message_stop" for frame in frames)


def test_a_compatible_server_that_omits_done_still_ends() -> None:
    """P5: a finish reason is an end too; finish() says the rest, usage included."""
    to = stream(TO_OPENAI)
    got = join_events(run(gpt_stream(GPT, []).replace(b"data: [DONE]\n\n", b""), to))
    assert to.complete
    assert got["usage"]["output_tokens"] == 9
    assert to.feed(DONE) == []


def test_a_providers_error_in_the_stream_is_passed_on_and_is_the_last_word() -> None:
    """P5: an error event is mapped, and nothing follows it."""
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    to = stream(TO_ANTHROPIC, USAGE)
    [frame] = to.feed(Frame("error", error, b""))
    assert frame.data is not None
    told = frame.data["error"]
    assert (told["message"], told["type"]) == ("Overloaded", "overloaded_error")
    assert to.feed(Frame("message_stop", {"type": "message_stop"}, b"")) == to.finish() == []
    assert (to.complete, to.closed) == (False, True)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"message": "boom"}, "api_error"),
        ({"message": "boom", "code": 429}, "rate_limit_error"),
        ({"message": "boom", "type": "rate_limit_error"}, "rate_limit_error"),
        ("boom", "api_error"),
    ],
)
def test_an_error_chunk_in_anthropics_words(error: Any, kind: str) -> None:
    """P5: an `error` event, of the kind the provider told."""
    to = stream(TO_OPENAI)
    [frame] = to.feed(Frame("", {"error": error}, b""))
    assert frame.event == "error"
    assert frame.data is not None
    assert (frame.data["error"]["type"], frame.data["error"]["message"]) == (kind, "boom")
    assert to.finish() == []


def written(side: Any, events: list[Event], asked: Json | None = None) -> list[Frame]:
    writer = side.CALLER.stream_writer(model="m", created=1, asked=asked or {})
    return [frame for event in events for frame in writer.write(event)]


SEALED: list[Event] = [
    ThoughtPiece(0, "a"),
    ThoughtSealed(0, Seal("gemini", "S")),
    ThoughtSealed(0, Seal("openai", "E"), hidden=True),
    ThoughtPiece(0, "b"),
    TextPiece(0, "x"),
    Finished(0, "stop"),
    Ended(),
]


def test_seals_of_every_vendor_reach_the_caller() -> None:
    """Translate: each with its vendor's name; a sealed thought is not written on."""
    blocks = [
        {"type": "thinking", "thinking": "a", "signature": "gemini:S"},
        {"type": "redacted_thinking", "data": "openai:E"},
    ]
    got = join_events(written(anthropic_messages, SEALED, THINKS))
    unsealed = {"type": "thinking", "thinking": "b", "signature": ""}
    assert got["content"] == [*blocks, unsealed, {"type": "text", "text": "x"}]
    message = join_chunks(written(openai_chat, SEALED))[0]["message"]
    assert message["reasoning_content"] == "ab"
    assert message["thinking_blocks"] == [{**one, "index": i} for i, one in enumerate(blocks)]
    quiet = join_events(written(anthropic_messages, SEALED))
    assert quiet["content"] == [{"type": "text", "text": "x"}]


def test_choices_seals_and_images_of_a_stream() -> None:
    """Translate: lists are shown so that OpenAI's SDK can add them up."""
    image = Image(source=Inline("image/png", "AA"))
    seal = Seal("gemini", "S")
    events: list[Event] = [
        TextPiece(0, "x"),
        Whole(0, image),
        Whole(0, image),
        TextPiece(1, "y"),
        ToolBegan(1, 0, "c", "f", seal),
        Cited(0, Citation("https://x")),
        Finished(0, "stop"),
        Finished(1, "tool_calls"),
        Ended(),
    ]
    got = join_chunks(written(openai_chat, events))
    assert [one["image_url"]["url"] for one in got[0]["message"]["images"]] == [
        "data:image/png;base64,AA"
    ] * 2
    assert got[0]["message"]["annotations"][0]["url_citation"]["end_index"] == 1
    [made] = got[1]["message"]["tool_calls"]
    assert made["extra_content"] == {"google": {"thought_signature": "S"}}
    assert (got[0]["finish"], got[1]["finish"]) == ("stop", "tool_calls")


@pytest.mark.parametrize(
    ("side", "event"),
    [
        (anthropic_messages, TextPiece(1, "x")),
        (anthropic_messages, Whole(0, Image(source=Inline("image/png", "AA")))),
        (openai_chat, Whole(0, Audio(source=Inline("audio/wav", "AA")))),
    ],
)
def test_what_a_dialect_has_no_word_for_ends_the_stream(side: Any, event: Event) -> None:
    """P1: nothing is dropped in the middle of an answer."""
    with pytest.raises(StreamFault):
        written(side, [event])


def test_a_chat_stream_of_several_choices_and_log_probabilities() -> None:
    """Translate: every event names its choice."""
    entry = {"token": "x", "logprob": -0.1, "bytes": None, "top_logprobs": []}
    reader = openai_chat.PROVIDER.stream_reader()
    events: list[Event] = []
    for frame in (
        chunk({"content": "x"}, 0, logprobs={"content": [entry], "refusal": None}),
        chunk({"content": "y"}, 1),
        chunk({}, 1, finish_reason="length"),
        DONE,
    ):
        events += reader.read(frame)
    got = join_chunks(written(openai_chat, events))
    assert [(got[i]["message"]["content"], got[i]["finish"]) for i in (0, 1)] == [
        ("x", "stop"),
        ("y", "length"),
    ]
    assert got[0]["logprobs"] == [entry]


CLAUDE_FAULTS: list[Json] = [
    {"type": "content_block_delta"},
    {"no": "type"},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "server_tool_use"}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": 7}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "hologram_delta"}},
    {"type": "content_block_stop", "index": 3},
    {
        "type": "content_block_delta",
        "index": 9,
        "delta": {"type": "input_json_delta", "partial_json": "{"},
    },
]
GPT_FAULTS: list[Json] = [
    {"choices": [{"index": 1, "delta": {"content": "x"}}]},
    {"choices": [7]},
    {"object": "x"},
    {"choices": [{"delta": {"content": {"x": 1}}}]},
    {"choices": [{"delta": {"reasoning_content": 7}}]},
    {"choices": [{"delta": {"audio": {"id": "a"}}}]},
    {"choices": [{"delta": {"tool_calls": [{"index": 0, "function": {"arguments": "{"}}]}}]},
    {"choices": [{"delta": {"tool_calls": [{"index": [], "id": "x", "function": {"name": "f"}}]}}]},
    {"choices": [{"delta": {"tool_calls": [{"function": {"arguments": "{"}}]}}]},
    {"choices": [{"delta": {"images": ["x"]}}]},
]


@pytest.mark.parametrize("event", CLAUDE_FAULTS)
def test_claude_events_of_another_shape_are_a_fault(event: Json) -> None:
    """P1: nothing is guessed; the stream ends in an error."""
    with pytest.raises(StreamFault):
        stream(TO_ANTHROPIC).feed(Frame("", event, b""))


@pytest.mark.parametrize("data", GPT_FAULTS)
def test_gpt_chunks_of_another_shape_are_a_fault(data: Json) -> None:
    """P1: nothing is guessed; the stream ends in an error."""
    with pytest.raises(StreamFault):
        stream(TO_OPENAI).feed(Frame("", data, b""))
