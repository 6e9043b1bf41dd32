"""Amazon's binary event stream, as a service sends it (docs.aws.amazon.com, Amazon Transcribe
developer guide, "Event stream encoding"; smithy.io, "Amazon Event Stream Specification").

Promises: prelude with both lengths and its CRC, headers, payload, CRC of the whole; all numbers big
endian. Made without the gateway's own reader of this format, so that the two judge each other.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from zlib import crc32

_STRING = 7


def message(headers: Mapping[str, str], payload: bytes) -> bytes:
    """One message; every header's value is a string."""
    packed = b"".join(_header(name, value) for name, value in headers.items())
    prelude = struct.pack("!II", 16 + len(packed) + len(payload), len(packed))
    start = prelude + struct.pack("!I", crc32(prelude)) + packed + payload
    return start + struct.pack("!I", crc32(start))


def _header(name: str, value: str) -> bytes:
    said, text = name.encode(), value.encode()
    return struct.pack("!B", len(said)) + said + struct.pack("!BH", _STRING, len(text)) + text


def event(kind: str, payload: bytes) -> bytes:
    headers = {
        ":event-type": kind,
        ":content-type": "application/json",
        ":message-type": "event",
    }
    return message(headers, payload)


def exception(kind: str, payload: bytes) -> bytes:
    headers = {
        ":exception-type": kind,
        ":content-type": "application/json",
        ":message-type": "exception",
    }
    return message(headers, payload)
