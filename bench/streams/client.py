"""A plain HTTP/1.1 client of streams: when every token came, and how long ago it was written."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.setups import HOST
from bench.streams.provider import CannotMeasure, since_ns

_TIMEOUT_S = 20


@dataclass(frozen=True, slots=True)
class Token:
    """A frame with text: when the provider wrote it and the client read it (delays in ns)."""

    text: str
    arrived_ns: int
    delay_ns: int


@dataclass(frozen=True, slots=True)
class Stream:
    """One answer. `asked_ns`, `ended_ns`: the monotonic clock."""

    asked_ns: int
    ended_ns: int
    tokens: Sequence[Token]

    @property
    def text(self) -> str:
        return "".join(token.text for token in self.tokens)


class _Reader(asyncio.Protocol):
    """One connection. It only notes what came when; everything else is done afterwards."""

    def __init__(self) -> None:
        self.reads: list[tuple[int, bytes]] = []
        self.ended: asyncio.Future[None] | None = None
        self._tail = b""

    def data_received(self, data: bytes) -> None:
        self.reads.append((time.monotonic_ns(), data))
        self._tail = (self._tail + data)[-5:]
        if self._tail == b"0\r\n\r\n":
            self._end()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end()

    def _end(self) -> None:
        if self.ended is not None and not self.ended.done():
            self.ended.set_result(None)


class Caller:
    """Asks one question over keep-alive connections, as many at once as wanted."""

    def __init__(self, port: int, payload: bytes) -> None:
        self._port, self._payload = port, payload
        self._open: list[tuple[asyncio.Transport, _Reader]] = []

    async def ask(self, at_once: int) -> list[Stream]:
        """All of them, whole. Raises CannotMeasure when an answer is no stream of tokens."""
        loop = asyncio.get_running_loop()
        while len(self._open) < at_once:
            self._open.append(await loop.create_connection(_Reader, HOST, self._port))
        return await asyncio.gather(*(self._one(*one) for one in self._open[:at_once]))

    async def _one(self, transport: asyncio.Transport, reader: _Reader) -> Stream:
        reader.reads, reader.ended = [], asyncio.get_running_loop().create_future()
        began = time.monotonic_ns()
        transport.write(self._payload)
        async with asyncio.timeout(_TIMEOUT_S):
            await reader.ended
        return read(began, reader.reads)

    def close(self) -> None:
        for transport, _ in self._open:
            transport.close()


def read(asked_ns: int, reads: Sequence[tuple[int, bytes]]) -> Stream:
    """What came in which read -> when every token was there as a whole."""
    found: list[Token] = []
    for at, event in _events(reads):
        if event == b"data: [DONE]":
            return Stream(asked_ns, reads[-1][0], found)
        frame = json.loads(event.removeprefix(b"data: "))
        delta = frame["choices"][0]["delta"] if frame.get("choices") else {}
        if delta.get("content"):
            delay_ns = since_ns(frame["system_fingerprint"], at)
            found.append(Token(delta["content"], at, delay_ns))
    raise CannotMeasure(f"no whole stream: {b''.join(data for _, data in reads)[-300:]!r}")


def _events(reads: Sequence[tuple[int, bytes]]) -> Iterator[tuple[int, bytes]]:
    """Server-sent events of a chunked answer, each with the time of the read that ended it."""
    raw, body, started = b"", b"", False
    for at, data in reads:
        raw += data
        if not started:
            head, started, rest = _head(raw)
            raw = rest if head else raw
        raw, more = _chunks(raw) if started else (raw, b"")
        *events, body = (body + more).split(b"\n\n")
        yield from ((at, event) for event in events)


def _head(raw: bytes) -> tuple[bytes, bool, bytes]:
    head, end, rest = raw.partition(b"\r\n\r\n")
    if end and not head.startswith(b"HTTP/1.1 200"):
        raise CannotMeasure(raw[:500].decode("utf-8", "replace"))
    return (head, True, rest) if end else (b"", False, raw)


def _chunks(raw: bytes) -> tuple[bytes, bytes]:
    """What is not a whole chunk yet, and the data of those that are (RFC 9112, 7.1)."""
    out: list[bytes] = []
    while (line := raw.find(b"\r\n")) >= 0:
        end = line + 2 + int(raw[:line], 16)
        if len(raw) < end + 2:
            break
        out.append(raw[line + 2 : end])
        raw = raw[end + 2 :]
    return raw, b"".join(out)
