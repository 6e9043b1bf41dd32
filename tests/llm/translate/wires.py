"""Recorded shapes of both vendors' answers, their streams, and what their clients make of them.

Streams follow "Streaming messages" (platform.claude.com) and "Streaming" of Chat Completions
(developers.openai.com): framing, order, `ping`, null usage, the usage chunk.
"""

from __future__ import annotations

import itertools
import json
from typing import Any

from anthropic.types import RawMessageStreamEvent
from openai.types.chat import ChatCompletionChunk
from pydantic import TypeAdapter

from extproc.llm.call import Frame, Json
from extproc.llm.sse import SseReader, encode, wire
from extproc.llm.translate.sides import StreamTranslator

EVENT: TypeAdapter[Any] = TypeAdapter(RawMessageStreamEvent)
CLAUDE: Json = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-x",
    "content": [
        {"type": "thinking", "thinking": "hm", "signature": "SEAL"},
        {"type": "redacted_thinking", "data": "DATA"},
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
SEARCH_CALL: Json = {
    "id": "c1",
    "type": "function",
    "function": {"name": "search", "arguments": '{"q": "a"}'},
}
NOW_CALL: Json = {"id": "c2", "type": "function", "function": {"name": "now", "arguments": ""}}
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
                "tool_calls": [SEARCH_CALL, NOW_CALL],
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


def gpt(finish: str = "stop", **message: Any) -> Json:
    """GPT with another message."""
    said = {"role": "assistant", "content": None, **message}
    return {**GPT, "choices": [{"index": 0, "finish_reason": finish, "message": said}]}


def pieces(text: str, cuts: list[int]) -> list[str]:
    edges = sorted({0, *(cut % (len(text) + 1) for cut in cuts), len(text)})
    return [text[a:b] for a, b in itertools.pairwise(edges)]


_KINDS = {"text": ("text", "text_delta"), "thinking": ("thinking", "thinking_delta")}


def claude_stream(answer: Json, cuts: list[int]) -> bytes:
    """The events Anthropic would send for `answer`, deltas cut at `cuts`."""
    usage = {**answer["usage"], "output_tokens": 1}
    head = {**answer, "content": [], "stop_reason": None, "usage": usage}
    events: list[Json] = [{"type": "message_start", "message": head}, {"type": "ping"}]
    for index, block in enumerate(answer["content"]):
        events += [{**event, "index": index} for event in _block(block, cuts)]
    stop = {"stop_reason": answer["stop_reason"], "stop_sequence": answer["stop_sequence"]}
    told = {key: answer["usage"].get(key) for key in ("output_tokens", "output_tokens_details")}
    events.append({"type": "message_delta", "delta": stop, "usage": told})
    events.append({"type": "message_stop"})
    return b"".join(encode(event["type"], event) for event in events)


def _block(block: Json, cuts: list[int]) -> list[Json]:
    kind = block["type"]
    fields: dict[str, Json] = {
        "text": {"text": "", "citations": None},
        "thinking": {"thinking": "", "signature": ""},
        "tool_use": {"input": {}},
    }
    empty = fields.get(kind, {})
    field, delta = _KINDS.get(kind, ("partial_json", "input_json_delta"))
    text = block.get(field, "") if kind in _KINDS else json.dumps(block.get("input"))
    made = [{"type": delta, field: piece} for piece in pieces(text, cuts) or [""]]
    if kind == "redacted_thinking":
        made = []
    elif block.get("input") == {}:
        made = [{"type": delta, field: ""}]
    if block.get("signature"):
        made.append({"type": "signature_delta", "signature": block["signature"]})
    for citation in block.get("citations") or ():
        made.append({"type": "citations_delta", "citation": citation})
    return [
        {"type": "content_block_start", "content_block": {**block, **empty}},
        *({"type": "content_block_delta", "delta": one} for one in made),
        {"type": "content_block_stop"},
    ]


def gpt_stream(answer: Json, cuts: list[int], interleave: bool = False) -> bytes:
    """The chunks OpenAI would send for `answer`; tool calls one after another or interleaved."""
    head = {"id": answer["id"], "object": "chat.completion.chunk", "created": 7, "model": "gpt-x"}
    chunks: list[Json] = []
    for choice in answer["choices"]:
        made = [(delta, None) for delta in _deltas(choice["message"], cuts, interleave)]
        for delta, reason in [*made, ({}, choice["finish_reason"])]:
            one = {"index": choice["index"], "delta": delta, "finish_reason": reason}
            chunks.append({**head, "choices": [one], "usage": None})
    chunks.append({**head, "choices": [], "usage": answer["usage"]})
    return b"".join(encode("", chunk) for chunk in chunks) + encode("", None)


def _deltas(message: Json, cuts: list[int], interleave: bool) -> list[Json]:
    deltas: list[Json] = [{"role": "assistant", "content": "", "refusal": None}]
    for key in ("reasoning_content", "content", "refusal"):
        deltas += [{key: piece} for piece in pieces(message.get(key) or "", cuts)]
    for key in ("annotations", "images"):
        deltas += [{key: [one]} for one in message.get(key) or ()]
    starts, rest = [], []
    for index, call in enumerate(message.get("tool_calls") or ()):
        named = {"name": call["function"]["name"], "arguments": ""}
        starts.append({"tool_calls": [{**call, "index": index, "function": named}]})
        rest.append(
            [
                {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}
                for piece in pieces(call["function"]["arguments"], cuts)
            ]
        )
    if not interleave:
        return deltas + [one for start, calls in zip(starts, rest, strict=True)
                         for one in (start, *calls)]  # fmt: skip
    deltas += starts
    for turn in range(max(map(len, rest), default=0)):
        deltas += [calls[turn] for calls in rest if turn < len(calls)]
    return deltas


def run(stream: bytes, to: StreamTranslator, cuts: tuple[int, ...] = ()) -> list[Frame]:
    """The caller's frames for a provider's stream that came in these pieces."""
    reader, out = SseReader(), []
    edges = sorted({0, *(cut % (len(stream) + 1) for cut in cuts), len(stream)})
    for start, end in itertools.pairwise(edges):
        for frame in reader.feed(stream[start:end]):
            out += to.feed(frame)
    for frame in reader.finish():
        out += to.feed(frame)
    out += to.finish()
    # What is sent must read as what was meant.
    again = SseReader().feed(b"".join(wire(frame) for frame in out))
    assert [(f.event, f.data) for f in again] == [(f.event, f.data) for f in out]
    return out


def join_chunks(frames: list[Frame]) -> dict[int, Json]:
    """What an OpenAI client makes of the chunks: the message of each choice, with its finish;
    under -1 the usage. Validated by the official SDK's model, added up by its own code."""
    from openai.lib.streaming._deltas import accumulate_delta

    assert frames[-1].data is None
    joined: dict[int, Json] = {}
    for frame in frames[:-1]:
        assert frame.data is not None
        chunk = ChatCompletionChunk.model_validate(frame.data, strict=True)
        if not chunk.choices:
            joined[-1] = frame.data["usage"]
        for choice in json.loads(json.dumps(frame.data))["choices"]:
            state = joined.setdefault(choice["index"], {"message": {}, "logprobs": []})
            assert "finish" not in state, "nothing may follow the finish reason"
            accumulate_delta(state["message"], choice["delta"])
            state["logprobs"] += (choice["logprobs"] or {}).get("content", [])
            if choice["finish_reason"]:
                state["finish"] = choice["finish_reason"]
    return joined


_ADDED = {
    "text_delta": "text", "thinking_delta": "thinking", "signature_delta": "signature",
}  # fmt: skip


def join_events(frames: list[Frame]) -> Json:
    """What an Anthropic client makes of the events: strictly one block after another."""
    content: list[Json] = []
    partial, is_open = "", False
    message: Json = {}
    for frame in frames:
        event = json.loads(json.dumps(frame.data))
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
                content.append(event["content_block"])
            case "content_block_delta":
                assert is_open
                assert event["index"] == len(content) - 1
                delta = event["delta"]
                if delta["type"] in _ADDED:
                    content[-1][_ADDED[delta["type"]]] += delta[_ADDED[delta["type"]]]
                elif delta["type"] == "citations_delta":
                    content[-1].setdefault("citations", []).append(delta["citation"])
                else:
                    partial += delta["partial_json"]
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
