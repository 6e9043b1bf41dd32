"""Answers and streams say the same in either dialect, however the bytes are split."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from anthropic.types import Message, RawMessageStreamEvent
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from pydantic import TypeAdapter

from extproc.errors import Code, Refusal
from extproc.llm.anthropic_messages import ANTHROPIC_MESSAGES
from extproc.llm.call import Frame, Json
from extproc.llm.openai_chat import OPENAI_CHAT
from extproc.llm.sse import SseReader, StreamFault, encode, wire
from extproc.llm.translate import StreamTranslator, Translation, translator

TO_ANTHROPIC = translator(OPENAI_CHAT, ANTHROPIC_MESSAGES)
TO_OPENAI = translator(ANTHROPIC_MESSAGES, OPENAI_CHAT)
assert TO_ANTHROPIC and TO_OPENAI
EVENT: TypeAdapter[Any] = TypeAdapter(RawMessageStreamEvent)

CLAUDE: Json = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-x",
    "content": [
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "text", "text": "Let me look."},
        {"type": "tool_use", "id": "t1", "name": "search", "input": {"q": "a", "n": [1, None]}},
        {"type": "tool_use", "id": "t2", "name": "now", "input": {}},
    ],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": {
        "input_tokens": 10,
        "cache_read_input_tokens": 5,
        "cache_creation_input_tokens": 3,
        "output_tokens": 9,
        "output_tokens_details": {"thinking_tokens": 2},
    },
}
GPT: Json = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 7,
    "model": "gpt-x",
    "choices": [
        {
            "index": 0,
            "finish_reason": "tool_calls",
            "logprobs": None,
            "message": {
                "role": "assistant",
                "content": "Let me look.",
                "refusal": None,
                "tool_calls": [
                    {
                        "id": "c1",
                        "type": "function",
                        "function": {"name": "search", "arguments": '{"q": "a"}'},
                    },
                    {"id": "c2", "type": "function", "function": {"name": "now", "arguments": ""}},
                ],
            },
        }
    ],
    "usage": {
        "prompt_tokens": 18,
        "completion_tokens": 9,
        "total_tokens": 27,
        "prompt_tokens_details": {"cached_tokens": 5},
    },
}


def test_a_claude_answer_for_an_openai_caller() -> None:
    """Contract, section 3: golden shape, and the official SDK's model accepts it."""
    made = TO_ANTHROPIC.response(CLAUDE, model="prod/a", created=42)
    assert made == {
        "id": "msg_1",
        "object": "chat.completion",
        "created": 42,
        "model": "prod/a",
        "choices": [
            {
                "index": 0,
                "logprobs": None,
                "finish_reason": "tool_calls",
                "message": {
                    "role": "assistant",
                    "content": "Let me look.",
                    "refusal": None,
                    "tool_calls": [
                        {
                            "id": "t1",
                            "type": "function",
                            "function": {"name": "search", "arguments": '{"q":"a","n":[1,null]}'},
                        },
                        {
                            "id": "t2",
                            "type": "function",
                            "function": {"name": "now", "arguments": "{}"},
                        },
                    ],
                },
            }
        ],
        "usage": {
            "prompt_tokens": 18,
            "completion_tokens": 9,
            "total_tokens": 27,
            "prompt_tokens_details": {"cached_tokens": 5, "cache_write_tokens": 3},
            "completion_tokens_details": {"reasoning_tokens": 2},
        },
    }
    ChatCompletion.model_validate(made, strict=True)


def test_a_gpt_answer_for_an_anthropic_caller() -> None:
    """Contract, section 3: golden shape, and the official SDK's model accepts it."""
    made = TO_OPENAI.response(GPT, model="prod/a", created=42)
    assert made == {
        "id": "chatcmpl-1",
        "type": "message",
        "role": "assistant",
        "model": "prod/a",
        "content": [
            {"type": "text", "text": "Let me look."},
            {"type": "tool_use", "id": "c1", "name": "search", "input": {"q": "a"}},
            {"type": "tool_use", "id": "c2", "name": "now", "input": {}},
        ],
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 13,
            "output_tokens": 9,
            "cache_read_input_tokens": 5,
            "cache_creation_input_tokens": 0,
        },
    }
    Message.model_validate(made, strict=True)


@pytest.mark.parametrize(
    ("stop", "finish", "back"),
    [
        ("end_turn", "stop", "end_turn"),
        ("max_tokens", "length", "max_tokens"),
        ("stop_sequence", "stop", "end_turn"),
        ("tool_use", "tool_calls", "tool_use"),
        ("refusal", "content_filter", "refusal"),
        ("pause_turn", "stop", "end_turn"),
        ("model_context_window_exceeded", "length", "max_tokens"),
        (None, "stop", "end_turn"),
    ],
)
def test_stop_reasons(stop: Any, finish: str, back: str) -> None:
    """Contract, section 3: why an answer ended, in either vendor's words."""
    made = TO_ANTHROPIC.response({**CLAUDE, "stop_reason": stop}, model="m", created=1)
    assert made["choices"][0]["finish_reason"] == finish  # type: ignore[index]
    again = TO_OPENAI.response(made, model="m", created=1)
    assert again["stop_reason"] == back  # type: ignore[index]


def test_an_openai_refusal_is_a_refusal() -> None:
    """Contract, section 3: the refusal's text is not lost."""
    message = {"role": "assistant", "content": None, "refusal": "I will not."}
    body = {"id": "x", "choices": [{"index": 0, "finish_reason": "stop", "message": message}]}
    made = TO_OPENAI.response(body, model="m", created=1)
    assert isinstance(made, dict)
    assert (made["content"], made["stop_reason"]) == (
        [{"type": "text", "text": "I will not."}],
        "refusal",
    )


@pytest.mark.parametrize(
    ("direction", "body"),
    [
        (TO_ANTHROPIC, {}),
        (TO_ANTHROPIC, {"content": "x"}),
        (TO_ANTHROPIC, {"content": ["x"]}),
        (TO_ANTHROPIC, {"content": [{"type": "server_tool_use", "id": "1"}]}),
        (TO_ANTHROPIC, {"content": [{"type": "text", "text": 1}]}),
        (TO_OPENAI, {}),
        (TO_OPENAI, {"choices": []}),
        (TO_OPENAI, {"choices": [{"message": "x"}]}),
        (
            TO_OPENAI,
            {
                "choices": [
                    {
                        "message": {
                            "tool_calls": [
                                {"id": "1", "function": {"name": "f", "arguments": "{oops"}}
                            ]
                        }
                    }
                ]
            },
        ),
    ],
)
def test_an_answer_of_another_shape_is_an_upstream_error(
    direction: Translation, body: Json
) -> None:
    """P1: what cannot be read is refused, with the place for the audit and none for the caller."""
    refusal = direction.response(body, model="m", created=1)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.detail) == (Code.UPSTREAM_ERROR, "")
    assert refusal.reason


def claude_stream(answer: Json, cuts: list[int]) -> bytes:
    """The events Anthropic would send for `answer`, deltas cut at `cuts`."""
    head = {
        **answer,
        "content": [],
        "stop_reason": None,
        "usage": {**answer["usage"], "output_tokens": 1},
    }
    events: list[Json] = [{"type": "message_start", "message": head}, {"type": "ping"}]
    for index, block in enumerate(answer["content"]):
        kind = block["type"]
        empty = {"text": {"text": ""}, "thinking": {"thinking": "", "signature": ""}}.get(
            kind, {"input": {}}
        )
        events.append(
            {"type": "content_block_start", "index": index, "content_block": {**block, **empty}}
        )
        text = block.get("text") or block.get("thinking") or json.dumps(block.get("input"))
        if block.get("input") == {}:
            text = ""
        field, delta = {
            "text": ("text", "text_delta"),
            "thinking": ("thinking", "thinking_delta"),
        }.get(kind, ("partial_json", "input_json_delta"))
        for piece in pieces(text, cuts) or [""]:
            events.append(
                {
                    "type": "content_block_delta",
                    "index": index,
                    "delta": {"type": delta, field: piece},
                }
            )
        events.append({"type": "content_block_stop", "index": index})
    stop = {"stop_reason": answer["stop_reason"], "stop_sequence": None}
    events.append(
        {
            "type": "message_delta",
            "delta": stop,
            "usage": {
                "output_tokens": answer["usage"]["output_tokens"],
                "output_tokens_details": answer["usage"].get("output_tokens_details"),
            },
        }
    )
    events.append({"type": "message_stop"})
    return b"".join(encode(event["type"], event) for event in events)


def gpt_stream(answer: Json, cuts: list[int], interleave: bool = False) -> bytes:
    """The chunks OpenAI would send for `answer`; tool calls one after another or interleaved."""
    head = {"id": answer["id"], "object": "chat.completion.chunk", "created": 7, "model": "gpt-x"}
    message = answer["choices"][0]["message"]
    deltas: list[Json] = [{"role": "assistant", "content": "", "refusal": None}]
    deltas += [{"content": piece} for piece in pieces(message.get("content") or "", cuts)]
    starts, rest = [], []
    for index, call in enumerate(message.get("tool_calls") or ()):
        named = {"name": call["function"]["name"], "arguments": ""}
        starts.append(
            {
                "tool_calls": [
                    {"index": index, "id": call["id"], "type": "function", "function": named}
                ]
            }
        )
        rest.append(
            [
                {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}
                for piece in pieces(call["function"]["arguments"], cuts)
            ]
        )
    if interleave:
        deltas += starts
        for turn in range(max(map(len, rest), default=0)):
            deltas += [calls[turn] for calls in rest if turn < len(calls)]
    else:
        for start, calls in zip(starts, rest, strict=True):
            deltas += [start, *calls]
    chunks = [
        {**head, "choices": [{"index": 0, "delta": d, "finish_reason": None}], "usage": None}
        for d in deltas
    ]
    reason = answer["choices"][0]["finish_reason"]
    chunks.append(
        {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": reason}], "usage": None}
    )
    chunks.append({**head, "choices": [], "usage": answer["usage"]})
    return b"".join(encode("", chunk) for chunk in chunks) + encode("", None)


def pieces(text: str, cuts: list[int]) -> list[str]:
    edges = sorted({0, *(cut % (len(text) + 1) for cut in cuts), len(text)})
    return [text[a:b] for a, b in itertools.pairwise(edges)]


def run(stream: bytes, to: StreamTranslator, byte_cut: int = 0) -> list[Frame]:
    reader, out = SseReader(), []
    for chunk in (stream[:byte_cut], stream[byte_cut:]):
        for frame in reader.feed(chunk):
            out += to.feed(frame)
    for frame in reader.finish():
        out += to.feed(frame)
    out += to.finish()
    # What is sent must read as what was meant.
    again = SseReader().feed(b"".join(wire(frame) for frame in out))
    assert [(f.event, f.data) for f in again] == [(f.event, f.data) for f in out]
    return out


def join_chunks(frames: list[Frame]) -> Json:
    """What an OpenAI client makes of the chunks, validated by the official SDK's model."""
    assert frames[-1].data is None
    text, calls, finish, usage = "", {}, None, None
    for frame in frames[:-1]:
        chunk = ChatCompletionChunk.model_validate(frame.data, strict=True)
        usage = chunk.usage or usage
        for choice in chunk.choices:
            assert finish is None, "nothing may follow the finish reason"
            text += choice.delta.content or ""
            finish = choice.finish_reason
            for call in choice.delta.tool_calls or ():
                if call.index not in calls:
                    assert call.id and call.function and call.function.name
                    calls[call.index] = [call.id, call.function.name, ""]
                calls[call.index][2] += call.function.arguments or ""  # type: ignore[union-attr]
    read = [(call_id, name, json.loads(given)) for call_id, name, given in calls.values()]
    return {"text": text, "calls": read, "finish": finish, "usage": usage}


def join_events(frames: list[Frame]) -> Json:
    """What an Anthropic client makes of the events: strictly one block after another."""
    content: list[Json] = []
    partial, is_open, message = "", False, {}
    for frame in frames:
        event = frame.data
        assert event is not None
        assert frame.event == event["type"]
        EVENT.validate_python(event, strict=True)
        match event["type"]:
            case "message_start":
                assert not message
                message = dict(event["message"])
            case "content_block_start":
                assert not is_open
                assert event["index"] == len(content)
                is_open, partial = True, ""
                content.append(dict(event["content_block"]))
            case "content_block_delta":
                assert is_open
                assert event["index"] == len(content) - 1
                if event["delta"]["type"] == "text_delta":
                    content[-1]["text"] += event["delta"]["text"]
                else:
                    partial += event["delta"]["partial_json"]
            case "content_block_stop":
                assert is_open
                assert event["index"] == len(content) - 1
                is_open = False
                if partial:
                    content[-1]["input"] = json.loads(partial)
            case "message_delta":
                assert not is_open
                message |= event["delta"]
                message["usage"] = event["usage"]
    assert frames[-1].event == "message_stop"
    return {**message, "content": content}


TEXT = st.text(max_size=8)
ARGUMENTS = st.dictionaries(
    TEXT, TEXT | st.integers(0, 99) | st.lists(TEXT, max_size=2), max_size=3
)
CALLS = st.lists(st.tuples(st.text(min_size=1, max_size=5), ARGUMENTS), max_size=3)
CUTS = st.lists(st.integers(0, 60), max_size=4)


@settings(max_examples=120, deadline=None)
@given(TEXT, CALLS, CUTS, st.integers(0, 3000), st.booleans())
def test_a_claude_stream_says_what_its_whole_answer_says(
    text: str, calls: list[Any], cuts: list[int], byte_cut: int, include_usage: bool
) -> None:
    """P5: translated stream == translated whole, for any cut of deltas and of bytes."""
    content: list[Json] = [{"type": "thinking", "thinking": "hm", "signature": "s"}]
    content += [{"type": "text", "text": text}] if text else []
    content += [
        {"type": "tool_use", "id": f"t{i}", "name": name, "input": arguments}
        for i, (name, arguments) in enumerate(calls)
    ]
    answer = {**CLAUDE, "content": content}
    to = TO_ANTHROPIC.stream(model="prod/a", created=42, include_usage=include_usage)
    got = join_chunks(run(claude_stream(answer, cuts), to, byte_cut))
    whole = ChatCompletion.model_validate(TO_ANTHROPIC.response(answer, model="prod/a", created=42))
    choice = whole.choices[0]
    assert to.complete
    assert got["text"] == (choice.message.content or "")
    assert got["finish"] == choice.finish_reason
    assert got["usage"] == (whole.usage if include_usage else None)
    assert got["calls"] == [
        (c.id, c.function.name, json.loads(c.function.arguments))  # type: ignore[union-attr]
        for c in choice.message.tool_calls or ()
    ]


@settings(max_examples=150, deadline=None)
@given(TEXT, CALLS, CUTS, st.integers(0, 3000), st.booleans())
def test_a_gpt_stream_says_what_its_whole_answer_says(
    text: str, calls: list[Any], cuts: list[int], byte_cut: int, interleave: bool
) -> None:
    """P5: also when the deltas of parallel tool calls come interleaved."""
    made = [
        {"id": f"c{i}", "type": "function", "function": {"name": n, "arguments": json.dumps(a)}}
        for i, (n, a) in enumerate(calls)
    ]
    message = {"role": "assistant", "content": text or None, "tool_calls": made}
    answer = {**GPT, "choices": [{**GPT["choices"][0], "message": message}]}
    to = TO_OPENAI.stream(model="prod/a", created=42, include_usage=False)
    got = join_events(run(gpt_stream(answer, cuts, interleave), to, byte_cut))
    assert to.complete
    assert got == TO_OPENAI.response(answer, model="prod/a", created=42)


def test_ids_and_model_are_the_same_in_every_chunk() -> None:
    """Contract, section 3: the caller sees the model it asked for."""
    to = TO_ANTHROPIC.stream(model="prod/a", created=42, include_usage=True)
    frames = run(claude_stream(CLAUDE, [3]), to)
    heads = {(f.data["id"], f.data["model"], f.data["created"]) for f in frames if f.data}
    assert heads == {("msg_1", "prod/a", 42)}


def test_text_between_unfinished_tool_calls_waits() -> None:
    """P5: Anthropic's blocks stay in sequence whatever order a compatible server invents."""

    def chunk(delta: Json) -> Frame:
        return Frame("", {"id": "i", "choices": [{"index": 0, "delta": delta}]}, b"")

    def call(index: int, arguments: str, **more: str) -> Json:
        return {
            "tool_calls": [
                {"index": index, **more, "function": {"name": "f", "arguments": arguments}}
            ]
        }

    to = TO_OPENAI.stream(model="m")
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
    frames += to.feed(Frame("", None, b""))
    assert join_events(frames)["content"] == [
        {"type": "tool_use", "id": "c0", "name": "f", "input": {"a": 1}},
        {"type": "text", "text": "wa"},
        {"type": "tool_use", "id": "c1", "name": "f", "input": {}},
        {"type": "text", "text": "it!"},
    ]


def test_a_cut_stream_is_not_complete() -> None:
    """P5: a stream that the provider cut never ends as if it were whole."""
    to = TO_ANTHROPIC.stream(model="m", created=1, include_usage=True)
    stream = claude_stream(CLAUDE, [])
    frames = run(stream[: stream.index(b"event: message_delta")], to)
    assert (to.complete, to.closed) == (False, False)
    assert all(frame.data is not None for frame in frames)
    to = TO_OPENAI.stream(model="m")
    stream = gpt_stream(GPT, [])
    frames = run(b"".join(stream.partition(b'"arguments":"{')[0].rpartition(b"data: ")[:1]), to)
    assert to.complete is False
    assert all(frame.event != "message_stop" for frame in frames)


def test_a_compatible_server_that_omits_done_still_ends() -> None:
    """P5: a finish reason is an end too; finish() says the rest, usage included."""
    to = TO_OPENAI.stream(model="m")
    stream = gpt_stream(GPT, []).replace(b"data: [DONE]\n\n", b"")
    got = join_events(run(stream, to))
    assert to.complete
    assert got["usage"]["output_tokens"] == 9
    assert to.feed(Frame("", None, b"")) == []


def test_a_providers_error_in_the_stream_is_passed_on_and_is_the_last_word() -> None:
    """P5: an error event is mapped, and nothing follows it."""
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    to = TO_ANTHROPIC.stream(model="m", created=1, include_usage=True)
    [frame] = to.feed(Frame("error", error, b""))
    assert frame.data is not None
    assert (frame.data["error"]["message"], frame.data["error"]["type"]) == (
        "Overloaded",
        "overloaded_error",
    )
    assert to.feed(Frame("message_stop", {"type": "message_stop"}, b"")) == to.finish() == []
    assert (to.complete, to.closed) == (False, True)
    back = TO_OPENAI.stream(model="m")
    [frame] = back.feed(Frame("", {"error": {"message": "boom"}}, b""))
    assert frame.event == "error"
    assert back.finish() == []


CLAUDE_FAULTS = [
    {"type": "content_block_delta"},
    {"no": "type"},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "server_tool_use"}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "hologram_delta"}},
    {
        "type": "content_block_delta",
        "index": 9,
        "delta": {"type": "input_json_delta", "partial_json": "{"},
    },
]
GPT_FAULTS = [
    {"choices": [{"index": 1, "delta": {"content": "x"}}]},
    {"choices": [7]},
    {"object": "x"},
    {"choices": [{"delta": {"content": {"x": 1}}}]},
    {"choices": [{"delta": {"tool_calls": [{"index": 0, "function": {"arguments": "{"}}]}}]},
    {"choices": [{"delta": {"tool_calls": [{"index": [], "id": "x", "function": {"name": "f"}}]}}]},
]


@pytest.mark.parametrize("event", CLAUDE_FAULTS)
def test_claude_events_of_another_shape_are_a_fault(event: Json) -> None:
    """P1: nothing is guessed; the stream ends in an error."""
    with pytest.raises(StreamFault):
        TO_ANTHROPIC.stream(model="m", created=1, include_usage=False).feed(Frame("", event, b""))


@pytest.mark.parametrize("chunk", GPT_FAULTS)
def test_gpt_chunks_of_another_shape_are_a_fault(chunk: Json) -> None:
    """P1: nothing is guessed; the stream ends in an error."""
    with pytest.raises(StreamFault):
        TO_OPENAI.stream(model="m").feed(Frame("", chunk, b""))


def test_errors_of_a_provider_in_the_callers_words() -> None:
    """Contract, section 4: each direction maps the other vendor's error body."""
    claude = {"type": "error", "error": {"type": "not_found_error", "message": "model: x"}}
    assert TO_ANTHROPIC.error(404, claude, decision_id="d")["error"]["message"] == "model: x"
    gpt = {"error": {"message": "no", "type": "x", "code": None}}
    assert TO_OPENAI.error(429, gpt)["error"]["type"] == "rate_limit_error"
