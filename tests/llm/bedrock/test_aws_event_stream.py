"""AWS event streams: any split gives the same frames, any flipped bit is a fault, and what is
written is what AWS's own decoder reads."""

from __future__ import annotations

import itertools
import struct
from typing import Any
from zlib import crc32

import orjson
import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given, settings
from hypothesis import strategies as st

from extproc.llm.aws_event_stream import (
    HEADERS_BYTES_MAX,
    EventStreamReader,
    encode_event,
    encode_exception,
    encode_message,
)
from extproc.llm.call import Frame
from extproc.llm.sse import EventTooLarge, FrameUnreadable, StreamFault

DELTA = {"contentBlockIndex": 0, "delta": {"text": "größer"}, "p": "abcdefgh"}
EVENTS: list[tuple[str, Any]] = [
    ("messageStart", {"role": "assistant"}),
    ("contentBlockDelta", DELTA),
    ("contentBlockStop", {"contentBlockIndex": 0}),
    ("messageStop", {"stopReason": "end_turn"}),
    ("metadata", {"usage": {"inputTokens": 1, "outputTokens": 2}, "metrics": {"latencyMs": 3}}),
]
STREAM = b"".join(encode_event(event, data) for event, data in EVENTS)
EVENT_HEADERS = {":event-type": "messageStart", ":message-type": "event"}


def read(chunks: list[bytes]) -> list[Frame]:
    reader = EventStreamReader()
    frames = [frame for chunk in chunks for frame in reader.feed(chunk)]
    return frames + reader.finish()


def outcome(chunks: list[bytes]) -> Any:
    try:
        return read(chunks)
    except StreamFault as fault:
        return type(fault)


def message(raw_headers: bytes, payload: bytes = b"{}", *, total: int | None = None) -> bytes:
    """A message of raw headers whose checksums hold, whatever its lengths say."""
    size = 16 + len(raw_headers) + len(payload) if total is None else total
    prelude = struct.pack(">II", size, len(raw_headers))
    body = prelude + struct.pack(">I", crc32(prelude)) + raw_headers + payload
    return body + struct.pack(">I", crc32(body))


def header(name: str, kind: int, value: bytes) -> bytes:
    return bytes([len(name)]) + name.encode() + bytes([kind]) + value


def text(name: str, value: str) -> bytes:
    return header(name, 7, struct.pack(">H", len(value)) + value.encode())


KNOWN = text(":message-type", "event") + text(":event-type", "x")


def test_what_the_frames_say() -> None:
    """Dialect: the event is the header's, the data the payload's; nothing is passed as it came."""
    assert read([STREAM]) == [Frame(event, data, b"", True) for event, data in EVENTS]


def test_the_documented_message_without_anything() -> None:
    """Dialect: the bytes of the specification's own example of an empty message."""
    assert encode_message({}, b"").hex() == "000000100000000005c248eb7d98c8ff"


@given(
    st.dictionaries(st.text(min_size=1, max_size=40), st.text(max_size=60), max_size=5),
    st.binary(max_size=200),
)
def test_awss_own_decoder_reads_what_is_written(headers: dict[str, str], payload: bytes) -> None:
    """Dialect: headers and payload of any kind."""
    buffer = EventStreamBuffer()
    buffer.add_data(encode_message(headers, payload))
    (decoded,) = list(buffer)
    assert decoded.headers == headers and decoded.payload == payload


def test_every_two_way_split_gives_the_same_frames() -> None:
    """P5: cut anywhere, and byte by byte."""
    whole = read([STREAM])
    assert read([STREAM[i : i + 1] for i in range(len(STREAM))]) == whole
    for at in range(len(STREAM)):
        assert read([STREAM[:at], STREAM[at:]]) == whole


@given(
    st.lists(st.sampled_from(EVENTS), max_size=6),
    st.lists(st.integers(0, 700), max_size=8),
    st.none() | st.integers(0, 5000),
)
def test_any_split_gives_the_same_outcome(
    events: list[tuple[str, Any]], cuts: list[int], flip: int | None
) -> None:
    """P5: of any stream, sound or not: the same frames, or the same fault."""
    stream = bytearray(b"".join(encode_event(event, data) for event, data in events))
    if flip is not None and stream:
        stream[flip % len(stream)] ^= 1 << (flip % 8)
    edges = sorted({0, *(min(cut, len(stream)) for cut in cuts), len(stream)})
    parts = [bytes(stream[a:b]) for a, b in itertools.pairwise(edges)]
    assert outcome([bytes(stream)]) == outcome(parts)


def test_any_flipped_bit_is_a_fault() -> None:
    """P5: every bit of every byte, lengths and checksums included."""
    sound = encode_event("contentBlockDelta", DELTA)
    for at in range(len(sound) * 8):
        flipped = bytearray(sound)
        flipped[at // 8] ^= 1 << (at % 8)
        with pytest.raises(StreamFault):
            read([bytes(flipped)])


@settings(max_examples=300)
@given(st.binary(max_size=300))
def test_any_bytes_are_a_fault_or_nothing(junk: bytes) -> None:
    """P8: nothing but a StreamFault comes out of bytes that nobody meant."""
    assert outcome([junk]) in ([], FrameUnreadable, EventTooLarge)


@given(st.binary(max_size=60))
def test_any_headers_are_read_or_a_fault(raw: bytes) -> None:
    """P8: the same of headers whose checksums hold."""
    got = outcome([message(KNOWN + raw)])
    assert got in ([Frame("x", {}, b"", True)], FrameUnreadable)


def test_every_cut_is_a_fault_at_the_end() -> None:
    """P5: a message that did not come to its end is never read."""
    for at in range(1, len(STREAM)):
        reader = EventStreamReader()
        reader.feed(STREAM[:at])
        if reader.remainder:
            with pytest.raises(FrameUnreadable):
                reader.finish()
        else:
            assert reader.finish() == []


def test_a_message_may_not_grow_for_ever() -> None:
    """P8: refused as soon as its length is known, before it came."""
    reader = EventStreamReader(event_bytes_max=100)
    with pytest.raises(EventTooLarge):
        reader.feed(message(KNOWN, b"x" * 200)[:12])
    reader = EventStreamReader(event_bytes_max=len(message(KNOWN)))
    assert len(reader.feed(message(KNOWN))) == 1


@pytest.mark.parametrize(
    "sent",
    [
        message(b"", total=15),
        message(KNOWN, b"", total=16),
        message(text("x", "y" * 1000) * 140, b"{}"),
        message(KNOWN + text(":event-type", "y")),
        message(KNOWN + header("later", 10, b"")),
        message(KNOWN + header("later", 7, b"\x00\x09short")),
        message(KNOWN + b"\x20"),
        message(KNOWN + header("later", 7, b"\x00\x01\xff")),
        message(text(":event-type", "x")),
        message(text(":message-type", "later") + text(":event-type", "x")),
        message(text(":message-type", "event")),
        message(text(":message-type", "event") + text(":event-type", "Words for the caller.")),
        message(KNOWN, b"[1]"),
        message(KNOWN, b"text"),
        message(KNOWN, b'{"a":"\xff"}'),
        message(KNOWN, b'{"a":' * 100 + b"1" + b"}" * 100),
    ],
)
def test_what_cannot_be_read_is_a_fault(sent: bytes) -> None:
    """P5: lengths, headers, types and payloads nobody can vouch for, though checksums hold."""
    assert outcome([sent]) is FrameUnreadable


def test_headers_of_every_type_are_passed_over() -> None:
    """Dialect: the ten types of the specification; none but strings say anything here."""
    sizes = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
    extra = b"".join(header(f"h{kind}", kind, bytes(size)) for kind, size in sizes.items())
    extra += header("h6", 6, b"\x00\x03\xff\xfe\xfd")
    assert outcome([message(KNOWN + extra)]) == [Frame("x", {}, b"", True)]
    assert len(KNOWN + extra) < HEADERS_BYTES_MAX


def test_a_payload_may_be_empty() -> None:
    """Dialect: it says nothing then."""
    assert read([encode_message(EVENT_HEADERS, b"")]) == [Frame("messageStart", {}, b"", True)]


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("throttlingException", 429),
        ("validationException", 400),
        ("serviceUnavailableException", 503),
        ("internalServerException", 500),
        ("modelStreamErrorException", 500),
        ("laterException", 500),
    ],
)
def test_exceptions_are_errors(kind: str, status: int) -> None:
    """Dialect: each of those a stream may hold, and any other."""
    (frame,) = read([encode_exception(kind, {"message": "words"})])
    error = {"message": "words", "type": kind, "status": status}
    assert frame == Frame(kind, {"error": error}, b"", True)


def test_an_exception_tells_the_models_own_status() -> None:
    """Dialect: `originalStatusCode` of `modelStreamErrorException`, where it is one of an error."""
    for told, status in ((429, 429), (200, 500), ("429", 500)):
        sent = encode_exception("modelStreamErrorException", {"originalStatusCode": told})
        (frame,) = read([sent])
        assert frame.data is not None and frame.data["error"]["status"] == status


def test_an_error_message_tells_its_words_in_headers() -> None:
    """Dialect: the third type of message, which has no payload."""
    headers = {":message-type": "error", ":error-code": "InternalFailure", ":error-message": "w"}
    (frame,) = read([encode_message(headers, b"")])
    assert frame.data == {"error": {"message": "w", "type": "InternalFailure", "status": 500}}


def test_an_exception_named_like_an_event_is_none() -> None:
    """P5: the type of the message decides, whatever its headers say besides."""
    headers = {":message-type": "exception", ":event-type": "metadata", ":exception-type": "xE"}
    (frame,) = read([encode_message(headers, orjson.dumps({"usage": {}}))])
    assert frame.event == "xE" and frame.data is not None and "usage" not in frame.data
