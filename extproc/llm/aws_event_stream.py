"""AWS event streams (`application/vnd.amazon.eventstream`), read incrementally and written.

Wire (smithy.io, "Amazon Event Stream Specification"), integers big-endian:

    total length u32 | headers length u32 | CRC-32 of those 8 bytes
    headers: name length u8, name, value type u8, value
    payload | CRC-32 of everything before it

Promises: any split of the bytes gives the same frames; nothing passes whose checksums do not hold.
Refuses, by raising StreamFault: a message larger than `event_bytes_max`, lengths that contradict
each other, headers that cannot be read or say a thing twice, a payload that is not a JSON object or
is nested too deep, a stream that ends inside a message. What cannot be read cannot be governed
(P5).

Frames: `event` is the header `:event-type`. An exception's data is `{"error": {"type", "message",
"status", ...}}` whatever its payload, as whoever looks for errors in a stream expects it. No caller
speaks this format, so frames carry no bytes of their own (`raw` is empty) and are always `changed`.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from functools import lru_cache
from zlib import crc32

import orjson

from extproc.llm.call import Frame, Json
from extproc.llm.sse import EVENT_BYTES_MAX, EventTooLarge, FrameUnreadable
from extproc.llm.strict_json import within_depth

HEADERS_BYTES_MAX = 128 * 1024
_PRELUDE = struct.Struct(">III")
_CRC = struct.Struct(">I")
_PRELUDE_BYTES, _LEAST_BYTES = 12, 16
_EVENT_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
_FIXED_BYTES = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
"""Value types of one size: true, false, byte, short, integer, long, timestamp, uuid."""
_BYTES, _STRING = 6, 7
_CACHED_HEADERS_BYTES = 256
_STATUS = {
    "throttlingException": 429, "validationException": 400, "serviceUnavailableException": 503,
    "modelTimeoutException": 504, "accessDeniedException": 403,
}  # fmt: skip
"""As "ConverseStream" documents them; what failed at the model's side is nobody's bad request,
whatever AWS's own status (424, 408): 500 for all others."""


class EventStreamReader:
    """Owns the bytes of a message that has not ended yet. One per stream."""

    def __init__(self, event_bytes_max: int = EVENT_BYTES_MAX) -> None:
        self._rest = bytearray()
        self._event_bytes_max = event_bytes_max
        self._next = _PRELUDE_BYTES
        """Bytes of `_rest` at which something can be read: a prelude, or a whole message."""

    @property
    def remainder(self) -> bytes:
        """Bytes that are not part of any frame yet."""
        return bytes(self._rest)

    def feed(self, chunk: bytes) -> list[Frame]:
        """The messages that `chunk` completes, in order. Raises StreamFault."""
        rest = self._rest
        rest += chunk
        if len(rest) < self._next:
            return []
        data = bytes(rest)
        frames, start = [], 0
        while len(data) - start >= _PRELUDE_BYTES:
            total, headers = self._lengths(data, start)
            self._next = total
            if len(data) - start < total:
                break
            frames.append(_frame(data, start, total, headers))
            start, self._next = start + total, _PRELUDE_BYTES
        del rest[:start]
        return frames

    def finish(self) -> list[Frame]:
        """Nothing: a message says itself where it ends. Raises FrameUnreadable when it was cut."""
        if self._rest:
            self._rest.clear()
            raise FrameUnreadable("the stream ends inside a message")
        return []

    def _lengths(self, data: bytes, start: int) -> tuple[int, int]:
        total, headers, told = _PRELUDE.unpack_from(data, start)
        if crc32(data[start : start + 8]) != told:
            raise FrameUnreadable("a message's prelude does not match its checksum")
        if total > self._event_bytes_max:
            raise EventTooLarge(f"a message is larger than {self._event_bytes_max} bytes")
        if headers > HEADERS_BYTES_MAX or total < _LEAST_BYTES + headers:
            raise FrameUnreadable("a message's lengths contradict each other")
        return total, headers


def encode_message(headers: Mapping[str, str], payload: bytes) -> bytes:
    """One message; all header values are strings."""
    fields = b"".join(_header(name.encode(), value.encode()) for name, value in headers.items())
    total = _LEAST_BYTES + len(fields) + len(payload)
    lengths = struct.pack(">II", total, len(fields))
    message = lengths + _CRC.pack(crc32(lengths)) + fields + payload
    return message + _CRC.pack(crc32(message))


def encode_event(event: str, data: Json) -> bytes:
    """An event as Bedrock sends it."""
    headers = {":event-type": event, ":content-type": "application/json", ":message-type": "event"}
    return encode_message(headers, orjson.dumps(data))


def encode_exception(kind: str, data: Json) -> bytes:
    """An exception as Bedrock sends it in the middle of a stream."""
    headers = {
        ":exception-type": kind,
        ":content-type": "application/json",
        ":message-type": "exception",
    }
    return encode_message(headers, orjson.dumps(data))


def _header(name: bytes, value: bytes) -> bytes:
    return struct.pack(">B", len(name)) + name + struct.pack(">BH", _STRING, len(value)) + value


def _frame(data: bytes, start: int, total: int, headers_bytes: int) -> Frame:
    end = start + total - 4
    if crc32(data[start:end]) != _CRC.unpack_from(data, end)[0]:
        raise FrameUnreadable("a message does not match its checksum")
    body = start + _PRELUDE_BYTES + headers_bytes
    raw = data[start + _PRELUDE_BYTES : body]
    known = _headers_again if len(raw) <= _CACHED_HEADERS_BYTES else _headers
    kind, name, message = known(raw)
    if _EVENT_NAME.fullmatch(name) is None:
        raise FrameUnreadable("a message has no type that can be read")
    tree = _json(data[body:end])
    if kind == "event":
        return Frame(name, tree, b"", True)
    return Frame(name, {"error": _error(name, message, tree)}, b"", True)


def _headers(raw: bytes) -> tuple[str, str, str]:
    """(message type, event's or exception's type, the words of an error without payload)."""
    said: dict[str, str] = {}
    try:
        at = 0
        while at < len(raw):
            at = _read_header(raw, at, said)
    except (IndexError, struct.error, UnicodeDecodeError):
        raise FrameUnreadable("a message's headers cannot be read") from None
    kind = said.get(":message-type", "")
    match kind:
        case "event":
            return kind, said.get(":event-type", ""), ""
        case "exception":
            return kind, said.get(":exception-type", ""), ""
        case "error":
            return kind, said.get(":error-code", ""), said.get(":error-message", "")
    raise FrameUnreadable("a message is neither event nor exception")


_headers_again = lru_cache(maxsize=64)(_headers)
"""A stream repeats the headers of a handful of events."""


def _read_header(raw: bytes, at: int, said: dict[str, str]) -> int:
    """Read one header at `at` into `said`; where the next one is."""
    value = at + 2 + raw[at]
    name, kind = raw[at + 1 : value - 1].decode(), raw[value - 1]
    if name in said:
        raise FrameUnreadable("a message says a header twice")
    if kind in (_BYTES, _STRING):
        (length,) = struct.unpack_from(">H", raw, value)
        value += 2
    elif kind in _FIXED_BYTES:
        length = _FIXED_BYTES[kind]
    else:
        raise FrameUnreadable("a message has a header of unknown type")
    end: int = value + length
    if end > len(raw):
        raise FrameUnreadable("a message's headers cannot be read")
    said[name] = raw[value:end].decode() if kind == _STRING else ""
    return end


def _json(payload: bytes) -> Json:
    if not payload:
        return {}
    try:
        tree = orjson.loads(payload)
    except orjson.JSONDecodeError:
        raise FrameUnreadable("a message's payload is not JSON") from None
    if type(tree) is not dict:
        raise FrameUnreadable("a message's payload is not a JSON object")
    if not within_depth(tree):
        raise FrameUnreadable("a message's payload is nested too deep")
    return tree


def _error(name: str, message: str, tree: Json) -> Json:
    status = tree.get("originalStatusCode")
    known = type(status) is int and 400 <= status <= 599
    return {
        "message": message,
        **tree,
        "type": name,
        "status": status if known else _STATUS.get(name, 500),
    }
