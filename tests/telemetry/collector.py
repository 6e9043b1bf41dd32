"""A little OTLP/HTTP collector: keeps what it is sent, decoded by the official messages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue


class Collector:
    """`answer`: the HTTP status it gives. `hold`: when set, nobody is answered until it is."""

    def __init__(self) -> None:
        self.url = ""
        self.answer = 200
        self.hold: asyncio.Event | None = None
        self.asked = asyncio.Event()
        self.raw: list[bytes] = []
        self.traces: list[ExportTraceServiceRequest] = []
        self.metrics: list[ExportMetricsServiceRequest] = []

    @property
    def spans(self) -> list[Any]:
        return [s for t in self.traces for r in t.resource_spans for c in r.scope_spans
                for s in c.spans]  # fmt: skip

    @property
    def last_metrics(self) -> dict[str, Any]:
        return {m.name: m for r in self.metrics[-1].resource_metrics for s in r.scope_metrics
                for m in s.metrics}  # fmt: skip

    async def take_traces(self, request: web.Request) -> web.Response:
        body = await self._body(request)
        if self.answer == 200:
            self.traces.append(ExportTraceServiceRequest.FromString(body))
        return web.Response(status=self.answer)

    async def take_metrics(self, request: web.Request) -> web.Response:
        body = await self._body(request)
        if self.answer == 200:
            self.metrics.append(ExportMetricsServiceRequest.FromString(body))
        return web.Response(status=self.answer)

    async def _body(self, request: web.Request) -> bytes:
        body = await request.read()
        self.raw.append(body)
        self.asked.set()
        if self.hold is not None:
            await self.hold.wait()
        return body


@asynccontextmanager
async def collecting() -> AsyncIterator[Collector]:
    collector = Collector()
    app = web.Application()
    app.router.add_post("/v1/traces", collector.take_traces)
    app.router.add_post("/v1/metrics", collector.take_metrics)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    collector.url = "http://{}:{}".format(*runner.addresses[0][:2])
    try:
        yield collector
    finally:
        if collector.hold is not None:
            collector.hold.set()
        await runner.cleanup()


def plain(values: Any) -> dict[str, Any]:
    """Attributes as a dict."""
    pairs: list[KeyValue] = list(values)
    return {pair.key: _plain(pair.value) for pair in pairs}


def _plain(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_plain(item) for item in value.array_value.values]
    return getattr(value, kind) if kind else None
