"""Little OTLP collectors, one for HTTP and one for gRPC: they keep what they are sent, decoded by
the official messages, and answer as they are told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from aiohttp import web
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

MESSAGES: dict[str, Any] = {
    "traces": ExportTraceServiceRequest, "metrics": ExportMetricsServiceRequest,
}  # fmt: skip


@dataclass
class Collector:
    """`answer`, `body`, `headers`: of its answers. `hold`: when set, nobody is answered until it
    is. `code`: gRPC's way of refusing."""

    url: str = ""
    answer: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    code: grpc.StatusCode | None = None
    hold: asyncio.Event | None = None
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    heads: list[dict[str, str]] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    traces: list[Any] = field(default_factory=list)
    metrics: list[Any] = field(default_factory=list)

    @property
    def spans(self) -> list[Any]:
        return [s for t in self.traces for r in t.resource_spans for c in r.scope_spans
                for s in c.spans]  # fmt: skip

    @property
    def servers(self) -> list[Any]:
        """One for each exchange."""
        return [span for span in self.spans if span.kind == span.SPAN_KIND_SERVER]

    @property
    def last_metrics(self) -> dict[str, Any]:
        return {m.name: m for r in self.metrics[-1].resource_metrics for s in r.scope_metrics
                for m in s.metrics}  # fmt: skip

    async def take(self, signal: str, body: bytes) -> None:
        self.raw.append(body)
        self.asked.set()
        if self.hold is not None:
            await self.hold.wait()
        if self.answer == 200 and self.code is None:
            getattr(self, signal).append(MESSAGES[signal].FromString(body))

    async def http(self, request: web.Request) -> web.Response:
        self.heads.append({name.lower(): value for name, value in request.headers.items()})
        await self.take(request.path.rpartition("/")[2], await request.read())
        return web.Response(status=self.answer, body=self.body, headers=self.headers)

    async def rpc(self, signal: str, body: bytes, context: Any) -> bytes:
        self.heads.append({name: str(value) for name, value in context.invocation_metadata()})
        await self.take(signal, body)
        if self.code is not None:
            await context.abort(self.code, "no")
        return self.body


@asynccontextmanager
async def collecting() -> AsyncIterator[Collector]:
    collector = Collector()
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_post("/v1/traces", collector.http)
    app.router.add_post("/v1/metrics", collector.http)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    collector.url = "http://{}:{}".format(*runner.addresses[0][:2])
    try:
        yield collector
    finally:
        _let_go(collector)
        await runner.cleanup()


@asynccontextmanager
async def collecting_grpc() -> AsyncIterator[Collector]:
    collector, server = Collector(), grpc.aio.server()
    for service, signal in (("trace.v1.TraceService", "traces"),
                            ("metrics.v1.MetricsService", "metrics")):  # fmt: skip
        name = f"opentelemetry.proto.collector.{service}"
        handlers = {"Export": grpc.unary_unary_rpc_method_handler(_rpc(collector, signal))}
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(name, handlers),))
    collector.url = f"http://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    try:
        yield collector
    finally:
        _let_go(collector)
        await server.stop(0)


def _rpc(collector: Collector, signal: str) -> Any:
    async def export(body: bytes, context: Any) -> bytes:
        return await collector.rpc(signal, body, context)

    return export


def _let_go(collector: Collector) -> None:
    if collector.hold is not None:
        collector.hold.set()


def plain(values: Any) -> dict[str, Any]:
    """Attributes as a dict."""
    pairs: list[KeyValue] = list(values)
    return {pair.key: _plain(pair.value) for pair in pairs}


def _plain(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_plain(item) for item in value.array_value.values]
    return getattr(value, kind) if kind else None
