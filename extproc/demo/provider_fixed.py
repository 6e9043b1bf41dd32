"""The provider stand-in for benchmarks: one constant answer a vendor, with the least work.

Promises: valid OpenAI and Anthropic shapes, streamed or not, over keep-alive HTTP/1.1 with a
content-length or chunked request body. Refuses everything else (404, close). No keys, scripts or
records: only `GET /_control/totals`. A protocol of its own because a web framework costs several
times what is measured.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import cycle, islice

import orjson

from extproc.demo import provider_anthropic_answers, provider_openai_answers
from extproc.demo.provider_plan import Options
from extproc.demo.provider_reply import LEXICON, Ask, Frame, compose
from extproc.demo.provider_script import Script

MODEL = "fixed"
INPUT_TOKENS = 32
CREATED = 1_767_225_600
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:[ \t]*chunked", re.IGNORECASE)
# A key inside a JSON string has a backslash before its quote, so content cannot pose as a field.
_STREAM = re.compile(rb'(?<!\\)"stream"\s*:\s*true')
_INCLUDE_USAGE = re.compile(rb'(?<!\\)"include_usage"\s*:\s*true')


@dataclass(slots=True)
class Counts:
    """What a fixed provider has answered."""

    requests: int = 0
    output_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Canned:
    """Ready responses: path -> the whole one; (path, include_usage) -> the writes of a stream."""

    whole: dict[bytes, bytes] = field(default_factory=dict)
    streams: dict[tuple[bytes, bool], Sequence[bytes]] = field(default_factory=dict)


def can(options: Options) -> Canned:
    """Prepare every response, HTTP framing included."""
    text = " ".join(islice(cycle(LEXICON.split()), options.fixed_tokens))
    ask = Ask(MODEL, "", INPUT_TOKENS)
    canned = Canned()
    for path, answers in (
        (b"/v1/chat/completions", provider_openai_answers),
        (b"/v1/messages", provider_anthropic_answers),
    ):
        reply = compose(ask, Script(reply=text), cached_inside=True)
        canned.whole[path] = _response(answers.whole(ask, reply, 1, CREATED))
        for usage in (False, True):
            frames = answers.frames(replace(ask, include_usage=usage), reply, 1, CREATED)
            canned.streams[path, usage] = _stream(list(frames))
    vectors = provider_openai_answers.embeddings(
        {"model": MODEL, "input": text, "encoding_format": "base64", "dimensions": 256},
        compose(ask, Script(reply=""), cached_inside=True),
    )
    canned.whole[b"/v1/embeddings"] = _response(vectors)
    return canned


def _response(body: bytes, status: bytes = b"200 OK") -> bytes:
    return (
        b"HTTP/1.1 %b\r\ncontent-type: application/json\r\nx-request-id: req_fixed\r\n"
        b"content-length: %d\r\n\r\n%b" % (status, len(body), body)
    )


def _stream(frames: Sequence[Frame]) -> list[bytes]:
    """One write a frame: the headers lead the first, the end of the body follows the last."""
    head = (
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
        b"x-request-id: req_fixed\r\ntransfer-encoding: chunked\r\n\r\n"
    )
    writes = [b"%x\r\n%b\r\n" % (len(frame.data), frame.data) for frame in frames]
    writes[0] = head + writes[0]
    writes[-1] += b"0\r\n\r\n"
    return writes


_NOT_FOUND = _response(b'{"error": {"message": "not a fixed route"}}', b"404 Not Found")


class FixedProtocol(asyncio.Protocol):
    """One connection. Requests are answered one after the other."""

    __slots__ = ("_buffer", "_busy", "_canned", "_counts", "_options", "_transport", "_wake")

    def __init__(self, canned: Canned, options: Options, counts: Counts) -> None:
        self._canned, self._options, self._counts = canned, options, counts
        self._buffer = b""
        self._busy = False
        self._transport: asyncio.Transport
        self._wake: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    def connection_lost(self, exc: Exception | None) -> None:
        if self._wake is not None:
            self._wake.cancel()

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        while not self._busy and self._buffer:
            head_end = self._buffer.find(b"\r\n\r\n")
            if head_end < 0:
                return
            head = self._buffer[:head_end]
            end = _body_end(self._buffer, head, head_end + 4)
            if end < 0:
                return
            body, self._buffer = self._buffer[head_end + 4 : end], self._buffer[end:]
            self._answer(head, body)

    def _answer(self, head: bytes, body: bytes) -> None:
        method, _, rest = head.partition(b" ")
        path = rest.partition(b" ")[0].partition(b"?")[0]
        if path == b"/_control/totals":
            self._transport.write(_response(self._totals()))
            return
        whole = self._canned.whole.get(path) if method == b"POST" else None
        if whole is None:
            self._transport.write(_NOT_FOUND)
            self._transport.close()
            return
        self._counts.requests += 1
        self._counts.output_tokens += self._options.fixed_tokens
        writes: Sequence[bytes] = (whole,)
        if _STREAM.search(body):
            usage = _INCLUDE_USAGE.search(body) is not None
            writes = self._canned.streams.get((path, usage), writes)
        self._send(writes)

    def _totals(self) -> bytes:
        counts = self._counts
        sums = {
            "requests": counts.requests,
            "input_tokens": counts.requests * INPUT_TOKENS,
            "output_tokens": counts.output_tokens,
        }
        return orjson.dumps({"models": {MODEL: sums}, "all": sums, "open": 0})

    def _send(self, writes: Sequence[bytes]) -> None:
        if self._options.fixed_delay:
            self._busy = True
            self._later(self._options.fixed_delay, writes, 0)
        elif self._options.fixed_pause and len(writes) > 1:
            self._busy = True
            self._next(writes, 0)
        else:
            self._transport.writelines(writes)

    def _later(self, seconds: float, writes: Sequence[bytes], at: int) -> None:
        self._wake = asyncio.get_running_loop().call_later(seconds, self._next, writes, at)

    def _next(self, writes: Sequence[bytes], at: int) -> None:
        """Write from `at` on: one, when there is a pause between them, else the rest."""
        pause = self._options.fixed_pause
        self._transport.writelines(writes[at : at + 1] if pause else writes[at:])
        if pause and at + 1 < len(writes):
            self._later(pause, writes, at + 1)
            return
        self._busy, self._wake = False, None
        self.data_received(b"")


def _body_end(buffer: bytes, head: bytes, start: int) -> int:
    """Where the body that starts at `start` ends; -1 when it has not all arrived. A chunked body
    keeps its chunk lines: nobody but the field search above reads it."""
    if length := _LENGTH.search(head):
        end = start + int(length[1])
        return end if end <= len(buffer) else -1
    if not _CHUNKED.search(head):
        return start
    at = start
    while (line_end := buffer.find(b"\r\n", at)) >= 0:
        size = int(buffer[at:line_end].partition(b";")[0], 16)
        at = line_end + 2 + size + 2
        if at > len(buffer):
            return -1
        if size == 0:
            return at
    return -1
