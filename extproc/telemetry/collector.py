"""One OTLP collector, over HTTP (binary protobuf) or gRPC.

Promises: no redirect is followed, no cookie kept, no proxy read from the environment; an answer is
read up to REPLY_BYTES_MAX and never shown (P4). An answer that is not one is no success. Source:
OTLP Specification 1.x, "OTLP/HTTP" and "OTLP/gRPC".
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol
from urllib.parse import urlsplit

import aiohttp
import grpc
from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

REPLY_BYTES_MAX = 64 * 1024
Signal = Literal["traces", "metrics"]
Result = Literal["taken", "refused", "busy", "unreachable", "late", "garbled"]
"""`busy`: asked to come again. `garbled`: an answer that no collector gives."""
AGAIN: frozenset[Result] = frozenset({"busy", "unreachable", "late"})
"""What may be sent a second time (OTLP, "Failures")."""

_RESPONSES: Mapping[Signal, type[Any]] = {
    "traces": ExportTraceServiceResponse,
    "metrics": ExportMetricsServiceResponse,
}
_METHODS: Mapping[Signal, str] = {
    "traces": "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    "metrics": "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
}
_BUSY_STATUS = frozenset({429, 502, 503, 504})
_BUSY_CODES = frozenset({
    grpc.StatusCode.CANCELLED, grpc.StatusCode.ABORTED, grpc.StatusCode.OUT_OF_RANGE,
    grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.DATA_LOSS,
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reply:
    """`rejected`: of what was taken, how many the collector says it did not keep.
    `again_in_s`: what a busy one asks for."""

    result: Result
    rejected: int = 0
    again_in_s: float = 0.0


class Collector(Protocol):
    """Belongs to one event loop."""

    async def send(self, signal: Signal, body: bytes, timeout_s: float) -> Reply:
        """One export request, encoded. Never raises but CancelledError."""
        ...

    async def close(self) -> None: ...


def open_collector(
    endpoint: str, protocol: str, headers: Mapping[str, str], ca_file: str | None
) -> Collector:
    """Nothing is connected before the first export. Raises OSError for a `ca_file` that cannot be
    read or is none."""
    if protocol == "grpc":
        return GrpcCollector(endpoint, headers, ca_file)
    return HttpCollector(endpoint, headers, ca_file)


class HttpCollector:
    """`endpoint`: the base URL; the paths are those of the specification."""

    def __init__(self, endpoint: str, headers: Mapping[str, str], ca_file: str | None) -> None:
        self._base = endpoint.rstrip("/")
        self._headers = {**headers, "content-type": "application/x-protobuf",
                         "accept-encoding": "identity", "user-agent": "envelope"}  # fmt: skip
        # Parsed here, so that a bad file shows when the worker starts.
        tls = self._base.startswith("https:")
        self._tls = ssl.create_default_context(cafile=ca_file) if tls else False
        self._session: aiohttp.ClientSession | None = None

    async def send(self, signal: Signal, body: bytes, timeout_s: float) -> Reply:
        try:
            async with asyncio.timeout(timeout_s):
                return await self._post(signal, body)
        except TimeoutError:
            return Reply("late")
        except (aiohttp.ClientError, OSError, ValueError):
            return Reply("unreachable")

    async def _post(self, signal: Signal, body: bytes) -> Reply:
        if self._session is None:
            self._session = _session(self._tls)
        async with self._session.post(
            f"{self._base}/v1/{signal}", data=body, headers=self._headers, allow_redirects=False
        ) as answer:
            said = await _some(answer)
            if answer.status in _BUSY_STATUS:
                return Reply("busy", again_in_s=_seconds(answer.headers.get("retry-after", "")))
            if answer.status != 200:
                return Reply("refused")
            if answer.content_type == "application/json":
                return Reply("taken")  # not in our encoding; nothing else is known of it
            return _read(signal, said)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None


class GrpcCollector:
    """`endpoint`: `http://host:port` (no TLS) or `https://host:port`."""

    def __init__(self, endpoint: str, headers: Mapping[str, str], ca_file: str | None) -> None:
        parts = urlsplit(endpoint)
        self._address = parts.netloc if parts.port else f"{parts.netloc}:4317"
        self._metadata = tuple(headers.items())
        self._roots = Path(ca_file).read_bytes() if ca_file is not None else None
        self._tls = parts.scheme == "https"
        self._channel: grpc.aio.Channel | None = None

    def _open(self) -> grpc.aio.Channel:
        options = [
            ("grpc.max_receive_message_length", REPLY_BYTES_MAX),
            ("grpc.enable_http_proxy", 0),
            ("grpc.enable_retries", 0),
        ]
        if not self._tls:
            return grpc.aio.insecure_channel(self._address, options)
        credentials = grpc.ssl_channel_credentials(self._roots)
        return grpc.aio.secure_channel(self._address, credentials, options)

    async def send(self, signal: Signal, body: bytes, timeout_s: float) -> Reply:
        if self._channel is None:
            self._channel = self._open()
        channel: Any = self._channel
        export = channel.unary_unary(_METHODS[signal])  # no serializers: bytes in, bytes out
        try:
            # The call's own deadline; the other one is for a channel that does not keep it.
            async with asyncio.timeout(timeout_s + 0.5):
                said = await export(body, timeout=timeout_s, metadata=self._metadata)
            return _read(signal, bytes(said))
        except TimeoutError:
            return Reply("late")
        except grpc.aio.AioRpcError as error:
            return Reply(_result(error.code()))
        except (grpc.RpcError, OSError, ValueError):
            return Reply("unreachable")

    async def close(self) -> None:
        if self._channel is not None:
            await self._channel.close(None)
            self._channel = None


def _result(code: grpc.StatusCode) -> Result:
    match code:
        case grpc.StatusCode.UNAVAILABLE:
            return "unreachable"
        case grpc.StatusCode.DEADLINE_EXCEEDED:
            return "late"
        case _:
            return "busy" if code in _BUSY_CODES else "refused"


def _read(signal: Signal, said: bytes | None) -> Reply:
    """A collector may say that it took the request and not all that is in it."""
    if said is None:
        return Reply("garbled")
    response: Message = _RESPONSES[signal]()
    try:
        response.ParseFromString(said)
    except DecodeError:
        return Reply("garbled")
    partial: Any = response.partial_success  # type: ignore[attr-defined]
    rejected = partial.rejected_spans if signal == "traces" else partial.rejected_data_points
    return Reply("taken", rejected=max(0, rejected))


async def _some(answer: aiohttp.ClientResponse) -> bytes | None:
    """The body, or None when it is longer than any collector's."""
    said = b""
    async for piece in answer.content.iter_chunked(8_192):
        said += piece
        if len(said) > REPLY_BYTES_MAX:
            answer.close()
            return None
    return said


def _seconds(said: str) -> float:
    """`Retry-After` in seconds; a date, or nonsense, asks for none."""
    return float(said) if said.isascii() and said.isdigit() and len(said) <= 4 else 0.0


def _session(tls: ssl.SSLContext | bool) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=tls or True, limit=2),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None),
        trust_env=False,
        auto_decompress=False,
    )
