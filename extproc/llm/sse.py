"""Server-sent events, read incrementally (WHATWG HTML, 9.2.5 "Parsing an event stream").

Promises: any split of the bytes gives the same frames; the `raw` of all frames followed by the
remainder is the input, byte for byte, so that what was not changed passes untouched; a frame with
lines that nobody reads (comments, ids, unknown fields) is marked as changed. Refuses, by
raising StreamFault: an event larger than `event_bytes_max`, data that is not a JSON object, nesting
deeper than strict JSON allows. What cannot be read cannot be governed (P5): whoever catches the
fault ends the stream with an error event.

A frame whose `data` is `{}` carries no data at all (a comment, a lone keep-alive).
"""

from __future__ import annotations

import re

import orjson

from extproc.llm.call import Frame, Json
from extproc.llm.strict_json import within_depth

EVENT_BYTES_MAX = 8 * 1024 * 1024
"""The last event of a Responses stream holds the whole answer, pictures and all."""
_BOM = b"\xef\xbb\xbf"
_LINE_END = re.compile(rb"\r\n|\n|\r")
_EVENT_END = re.compile(rb"(?:\r\n|\n|\r(?!\n)){2}")
_DONE = b"[DONE]"
_EVENT_NAME = re.compile(r"[a-z_.]{0,64}")
_READ_LINE = re.compile(rb"(?:(?:event|data):.*|: ?(?:ping|keep-?alive)?)?", re.S)


class StreamFault(Exception):
    """A provider's stream cannot be read; the message never holds content (P4)."""


class EventTooLarge(StreamFault):
    """One event is longer than the reader may keep."""


class FrameUnreadable(StreamFault):
    """An event's data is not a JSON object and not `[DONE]`."""


class SseReader:
    """Owns the bytes of an event that has not ended yet. One per stream."""

    def __init__(self, event_bytes_max: int = EVENT_BYTES_MAX) -> None:
        self._rest = bytearray()
        self._event_bytes_max = event_bytes_max
        self._at_start = True

    @property
    def remainder(self) -> bytes:
        """Bytes that are not part of any frame yet."""
        return bytes(self._rest)

    def feed(self, chunk: bytes) -> list[Frame]:
        """The events that `chunk` completes, in order. Raises StreamFault."""
        data = chunk
        if self._rest:
            seen = max(0, len(self._rest) - 3)
            self._rest += chunk
            if _EVENT_END.search(self._rest, seen) is None:
                self._check_size(len(self._rest))
                return []
            data = bytes(self._rest)
            self._rest.clear()
        frames, start = [], 0
        for end in _event_ends(data):
            self._check_size(end - start)
            frames.append(self._frame(data[start:end]))
            start = end
        self._check_size(len(data) - start)
        self._rest += data[start:]
        return frames

    def finish(self) -> list[Frame]:
        """The event left open when the stream ended, if it is whole but for its blank line.

        Raises FrameUnreadable when it was cut: nobody could have scanned it.
        """
        rest, self._rest = bytes(self._rest), bytearray()
        return [self._frame(rest)] if rest else []

    def _check_size(self, size: int) -> None:
        if size > self._event_bytes_max:
            raise EventTooLarge(f"an event is larger than {self._event_bytes_max} bytes")

    def _frame(self, raw: bytes) -> Frame:
        text = raw
        if self._at_start:
            self._at_start = False
            text = raw.removeprefix(_BOM)
        if text.startswith(b"data: ") and text.find(b"\n") == len(text) - 2 and b"\r" not in text:
            return Frame("", _json(text[6:-2]), raw)
        event, data = _fields(text)
        tree = {} if data is None else _json(data)
        if _only_what_is_read(text) and _EVENT_NAME.fullmatch(event):
            return Frame(event, tree, raw)
        name = event if _EVENT_NAME.fullmatch(event) else ""
        return Frame(name, tree, raw, changed=True)


def encode(event: str, data: Json | None) -> bytes:
    """One event on the wire; `data` None is OpenAI's `[DONE]`, `{}` is a bare comment."""
    if data == {}:
        return b":\n\n"
    payload = _DONE if data is None else orjson.dumps(data)
    head = b"event: " + event.encode() + b"\n" if event else b""
    return head + b"data: " + payload + b"\n\n"


def wire(frame: Frame) -> bytes:
    """The bytes to send for a frame: its own, unless it was changed."""
    return encode(frame.event, frame.data) if frame.changed else frame.raw


def _only_what_is_read(text: bytes) -> bool:
    """Whether every line is one that is parsed here. Comments, ids and unknown fields are text that
    nobody scans: a frame that holds any is encoded anew, without them (P3, P5)."""
    return all(_READ_LINE.fullmatch(line) for line in _LINE_END.split(text))


def _event_ends(data: bytes) -> list[int]:
    """Offsets just behind each blank line. A CR at the very end may be half of a CRLF: wait."""
    if b"\r" not in data:
        ends, start = [], 0
        while (found := data.find(b"\n\n", start)) >= 0:
            start = found + 2
            ends.append(start)
        return ends
    ends = [match.end() for match in _EVENT_END.finditer(data)]
    if ends and ends[-1] == len(data) and data.endswith(b"\r"):
        ends.pop()
    return ends


def _fields(text: bytes) -> tuple[str, bytes | None]:
    """(event, data) of one event; None when it has no data field. `id` and `retry` say nothing."""
    event, data = "", []
    for line in _LINE_END.split(text) if b"\r" in text else text.split(b"\n"):
        name, _, value = line.partition(b":")
        if name == b"data":
            data.append(value.removeprefix(b" "))
        elif name == b"event":
            event = value.removeprefix(b" ").decode(errors="replace")
    return event, b"\n".join(data) if data else None


def _json(payload: bytes) -> Json | None:
    """The data of an event: an object, None for `[DONE]`, `{}` for nothing at all."""
    if payload.startswith(b"{"):
        try:
            tree = orjson.loads(payload)
        except orjson.JSONDecodeError:
            raise FrameUnreadable("an event's data is not JSON") from None
        if not within_depth(tree):
            raise FrameUnreadable("an event's data is nested too deep")
        return tree  # type: ignore[no-any-return]
    text = payload.strip()
    if text == _DONE:
        return None
    if text.startswith(b"{") and text != payload:
        return _json(text)
    if text:
        raise FrameUnreadable("an event's data is not a JSON object")
    return {}
