"""A small closed-loop HTTP/1.1 client: N keep-alive connections, one request each at a time.

Only what the benchmark's own servers send is understood: content-length or chunked bodies.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field


@dataclass(slots=True)
class Sample:
    """Nanoseconds per request; `first_ns` until the first body byte (streams)."""

    total_ns: list[int] = field(default_factory=list)
    first_ns: list[int] = field(default_factory=list)
    failed: int = 0
    seconds: float = 0.0

    @property
    def requests(self) -> int:
        return len(self.total_ns)

    def percentile_ms(self, share: float, values: list[int] | None = None) -> float:
        ordered = sorted(self.total_ns if values is None else values)
        if not ordered:
            return float("nan")
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] / 1e6


class _Client(asyncio.Protocol):
    """One connection. `done` resolves with (ok, first_ns) when the answer is whole."""

    def __init__(self) -> None:
        self.buffer = bytearray()
        self.done: asyncio.Future[tuple[bool, int]] | None = None
        self.first_ns = 0
        self.need: int | None = None
        self.ok = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def ask(self, payload: bytes) -> asyncio.Future[tuple[bool, int]]:
        self.buffer.clear()
        self.need, self.first_ns = None, 0
        self.done = asyncio.get_running_loop().create_future()
        self.transport.write(payload)  # type: ignore[attr-defined]
        return self.done

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if self.need is None and not self._head():
            return
        if not self.first_ns and len(self.buffer) > self.body_at:
            self.first_ns = time.perf_counter_ns()
        whole = (
            self.buffer.endswith(b"0\r\n\r\n")
            if self.need == -1
            else len(self.buffer) >= (self.need or 0)
        )
        if whole and self.done is not None and not self.done.done():
            self.done.set_result((self.ok, self.first_ns))

    def _head(self) -> bool:
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return False
        head = bytes(self.buffer[:end]).lower()
        self.ok = head.startswith(b"http/1.1 200")
        self.body_at = end + 4
        at = head.find(b"content-length: ")
        if at < 0:
            self.need = -1
        else:
            self.need = end + 4 + int(head[at + 16 :].split(b"\r\n", 1)[0])
        return True

    def connection_lost(self, _: Exception | None) -> None:
        if self.done is not None and not self.done.done():
            self.done.set_result((False, 0))


async def drive(port: int, payload: bytes, connections: int, seconds: float) -> Sample:
    """Closed loop for a bounded time. Loopback only."""
    sample = Sample()
    began = time.perf_counter()
    await asyncio.gather(*(_loop(port, payload, sample, seconds) for _ in range(connections)))
    sample.seconds = time.perf_counter() - began
    return sample


async def _loop(port: int, payload: bytes, sample: Sample, seconds: float) -> None:
    loop = asyncio.get_running_loop()
    _, client = await loop.create_connection(_Client, "127.0.0.1", port)
    deadline = time.perf_counter() + seconds
    while time.perf_counter() < deadline:
        began = time.perf_counter_ns()
        ok, first_ns = await client.ask(payload)
        if not ok:
            sample.failed += 1
            if client.transport.is_closing():
                _, client = await loop.create_connection(_Client, "127.0.0.1", port)
            continue
        sample.total_ns.append(time.perf_counter_ns() - began)
        if first_ns:
            sample.first_ns.append(first_ns - began)
    client.transport.close()


def request(path: str, body: bytes, headers: dict[str, str]) -> bytes:
    """The bytes of one POST."""
    lines = [f"POST {path} HTTP/1.1", "host: 127.0.0.1", "content-type: application/json",
             f"content-length: {len(body)}"]  # fmt: skip
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
