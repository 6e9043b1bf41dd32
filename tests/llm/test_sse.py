"""Any split of the bytes gives the same frames, and unchanged frames are the bytes that came."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extproc.llm.call import Frame
from extproc.llm.sse import EventTooLarge, FrameUnreadable, SseReader, encode, wire

STREAMS = {
    "openai": b'data: {"a":"\xc3\xa9"}\n\ndata: {"b":2}\n\ndata: [DONE]\n\n',
    "anthropic": b'event: ping\ndata: {"type": "ping"}\n\nevent: x\ndata: {"c":1}\n\n',
    "crlf": b'event: ping\r\ndata: {"type": "ping"}\r\n\r\ndata: [DONE]\r\n\r\n',
    "cr": b'event: a\rdata: {"a":1}\r\rdata: {"b":2}\r\r',
    "mixed": b'data: {"a":1}\n\r\ndata: {"b":2}\r\n\ndata: {"c":3}\n\rdata: {"d":4}\r\r\n',
    "bom": b'\xef\xbb\xbfdata: {"a":1}\n\n',
    "comments": b': hello\n\ndata: {"a":1}\n: inside\n\n\n:\n\n',
    "several data lines": b'data: {"a":\ndata: 1}\nid: 7\nretry: 9\n\n',
    "no space": b'data:{"a":1}\n\ndata\n\n',
    "blank lines": b'\n\n\ndata: {"a":1}\n\n\n\ndata: {"b":1}\n\n\n',
    "no final blank line": b'data: {"a":1}\n\ndata: {"b":2}',
    "one final line end": b'data: {"a":1}\r\n\r\ndata: {"b":2}\r\n',
}


def read(chunks: list[bytes]) -> tuple[list[Frame], bytes]:
    reader = SseReader()
    frames = [frame for chunk in chunks for frame in reader.feed(chunk)]
    kept = reader.remainder
    assert b"".join(f.raw for f in frames) + kept == b"".join(chunks)
    return [*frames, *reader.finish()], kept


@pytest.mark.parametrize("stream", STREAMS.values(), ids=STREAMS.keys())
def test_every_split_gives_the_same_frames(stream: bytes) -> None:
    """P5: two-way splits at every byte, and byte by byte."""
    whole, _ = read([stream])
    assert b"".join(frame.raw for frame in whole) == stream
    assert read([stream[i : i + 1] for i in range(len(stream))])[0] == whole
    for at in range(len(stream)):
        assert read([stream[:at], stream[at:]])[0] == whole


PIECES = st.sampled_from(
    [
        b"\n",
        b"\r",
        b"\r\n",
        b"data: ",
        b"data",
        b":",
        b"event: e",
        b"{}",
        b'{"a":1}',
        b"[DONE]",
        b" ",
        b"x",
    ]
)


@settings(max_examples=500, deadline=None)
@given(st.lists(PIECES, max_size=14), st.lists(st.integers(0, 40), max_size=4))
def test_any_bytes_any_split(pieces: list[bytes], cuts: list[int]) -> None:
    """P5: also for streams nobody would send; a fault in one reading is a fault in the other."""
    stream = b"".join(pieces)
    edges = sorted({0, *(min(c, len(stream)) for c in cuts), len(stream)})
    parts = [stream[a:b] for a, b in itertools.pairwise(edges)]
    outcomes = []
    for chunks in ([stream], parts):
        try:
            outcomes.append(read(chunks)[0])
        except FrameUnreadable:
            outcomes.append("unreadable")
    assert outcomes[0] == outcomes[1]


def test_what_the_frames_say() -> None:
    """P5: event names and data as the WHATWG algorithm gives them; None is `[DONE]` alone."""
    frames, _ = read([STREAMS["anthropic"]])
    assert [(f.event, f.data) for f in frames] == [("ping", {"type": "ping"}), ("x", {"c": 1})]
    frames, _ = read([STREAMS["openai"]])
    assert [f.data for f in frames] == [{"a": "\u00e9"}, {"b": 2}, None]
    assert [f.data for f in read([STREAMS["several data lines"]])[0]] == [{"a": 1}]
    assert [f.data for f in read([STREAMS["comments"]])[0]] == [{}, {"a": 1}, {}]
    assert [f.data for f in read([STREAMS["mixed"]])[0]] == [{"a": 1}, {"b": 2}, {"c": 3}, {"d": 4}]


@pytest.mark.parametrize(
    "stream",
    [
        b"data: hello\n\n",
        b"data: [1]\n\n",
        b'data: {"a":\n\n',
        b'data: {"a":"\xff"}\n\n',
        b"data: " + b'{"a":' * 100 + b"1" + b"}" * 100 + b"\n\n",
        b'data: {"a": 1',
    ],
)
def test_what_cannot_be_read_is_a_fault(stream: bytes) -> None:
    """P5: data that cannot be scanned is never passed on, cut events at the end included."""
    with pytest.raises(FrameUnreadable):
        read([stream])


def test_an_event_may_not_grow_for_ever() -> None:
    """P1: the buffer is bounded, whether an event comes at once or in drops."""
    with pytest.raises(EventTooLarge):
        SseReader(100).feed(b"data: " + b"x" * 200 + b"\n\n")
    reader = SseReader(100)
    with pytest.raises(EventTooLarge):
        for _ in range(300):
            reader.feed(b"x")
    assert len(SseReader(100).feed(b'data: {"a":1}\n\n' * 50)) == 50


def test_encode_is_read_back() -> None:
    """P5: what the gateway writes is one frame; a changed frame is written anew."""
    for event, data in (
        ("", {"a": "x\n\ny"}),
        ("message_stop", {"type": "message_stop"}),
        ("", None),
    ):
        [frame] = SseReader().feed(encode(event, data))
        assert (frame.event, frame.data) == (event, data)
        assert wire(frame) == frame.raw
    frame.data, frame.changed = {"b": 1}, True
    assert wire(frame) == b'data: {"b":1}\n\n'
