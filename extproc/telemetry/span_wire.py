"""A span and its attributes as bytes of OpenTelemetry's protocol. Pure.

Written by hand, because a call has about twenty spans and building them as messages costs a
quarter of what governing it does; the tests read all of it back with the official messages. Source:
opentelemetry-proto v1, `trace.proto` and `common.proto`; Protocol Buffers, "Encoding".

Promises: text that cannot be encoded (a caller's JSON may name half a surrogate pair) is replaced,
for one such span would spoil its batch; a text is cut at TEXT_CHARS_MAX.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from enum import IntEnum
from functools import lru_cache

Value = str | bool | int | float | tuple[str, ...]
Attributes = dict[str, Value]
TEXT_CHARS_MAX = 256
_INT_MAX = 2**63 - 1
_fixed64 = struct.Struct("<Q").pack
_fixed32 = struct.Struct("<I").pack
_double = struct.Struct("<d").pack

# Field numbers with their wire types.
_SPAN_TRACE, _SPAN_ID, _SPAN_STATE, _SPAN_PARENT, _SPAN_NAME = 1, 2, 3, 4, 5
_SPAN_ATTRIBUTE, _SPAN_EVENT, _SPAN_STATUS = 9, 11, 15
_SPAN_KIND, _SPAN_START, _SPAN_END, _SPAN_FLAGS = b"\x30", b"\x39", b"\x41", b"\x85\x01"
_EVENT_TIME, _EVENT_NAME, _EVENT_ATTRIBUTE = b"\x09", 2, 3
_ERROR = b"\x7a\x02\x18\x02"
"""`status { code: STATUS_CODE_ERROR }`; unset is left out."""


class Kind(IntEnum):
    """`Span.SpanKind`."""

    INTERNAL = 1
    SERVER = 2
    CLIENT = 3


_SHORT = [[bytes((number << 3 | 2, size)) for size in range(0x80)] for number in range(16)]
"""What a length-delimited field begins with: number -> size -> bytes."""


def field(number: int, payload: bytes) -> bytes:
    """One length-delimited field. `number` below 16."""
    size = len(payload)
    if size < 0x80:
        return _SHORT[number][size] + payload
    return bytes((number << 3 | 2,)) + _varint(size) + payload


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def encoded(value: str) -> bytes:
    """At most TEXT_CHARS_MAX characters, as UTF-8."""
    return value[:TEXT_CHARS_MAX].encode("utf-8", "replace")


def attributes(values: Mapping[str, Value], number: int = _SPAN_ATTRIBUTE) -> bytes:
    """A repeated `KeyValue` field."""
    return b"".join([_pair(number, name, value) for name, value in values.items()])


def _pair(number: int, name: str, value: Value) -> bytes:
    if isinstance(value, str):
        return _text_pair(number, name, value[:TEXT_CHARS_MAX])
    return field(number, _key(name) + field(2, _any(value)))


@lru_cache(maxsize=4096)
def _text_pair(number: int, name: str, value: str) -> bytes:
    """Most texts are of a few: models, rules, outcomes."""
    return field(number, _key(name) + field(2, field(1, encoded(value))))


@lru_cache(maxsize=1024)
def _key(name: str) -> bytes:
    return field(1, name.encode())


def _any(value: Value) -> bytes:
    """`AnyValue`."""
    match value:
        case bool():
            return b"\x10\x01" if value else b"\x10\x00"
        case int():
            return b"\x18" + _varint(max(-_INT_MAX, min(value, _INT_MAX)) & (2**64 - 1))
        case float():
            return b"\x21" + _double(value)
        case str():
            return field(1, encoded(value))
        case tuple():
            return field(5, b"".join([field(1, field(1, encoded(one))) for one in value]))


def event(name: str, at_ns: int, values: Mapping[str, Value]) -> bytes:
    """One of a span's events, as its field. `at_ns`: Unix time."""
    said = attributes(values, _EVENT_ATTRIBUTE)
    return field(
        _SPAN_EVENT, _EVENT_TIME + _fixed64(at_ns) + field(_EVENT_NAME, encoded(name)) + said
    )


@lru_cache(maxsize=4096)
def head(name: str, kind: Kind) -> bytes:
    """What spans of one name begin with."""
    return field(_SPAN_NAME, encoded(name)) + _SPAN_KIND + bytes((kind,))


def family(trace_id: str, flags: str) -> bytes:
    """What all spans of one trace have in common. Both in hex."""
    return field(_SPAN_TRACE, bytes.fromhex(trace_id)) + _SPAN_FLAGS + _fixed32(int(flags, 16))


def ids(span_id: str, parent_id: str, state: str = "") -> bytes:
    """In hex; '' for a span without a parent."""
    found = _SHORT[_SPAN_ID][8] + bytes.fromhex(span_id)
    if parent_id:
        found += _SHORT[_SPAN_PARENT][8] + bytes.fromhex(parent_id)
    return found + field(_SPAN_STATE, state.encode()) if state else found


def times(start_ns: int, end_ns: int) -> bytes:
    """Unix time."""
    return _SPAN_START + _fixed64(start_ns) + _SPAN_END + _fixed64(end_ns)


def status(error: bool) -> bytes:
    return _ERROR if error else b""
