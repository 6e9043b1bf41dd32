"""Collectors on bad days: dead, hanging, refusing, lying. No exchange ever notices."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from extproc.config.model import Telemetry
from extproc.telemetry import catalog, otlp
from extproc.telemetry.collector import (
    GrpcCollector,
    HttpCollector,
    Reply,
    Result,
    Signal,
    open_collector,
)
from extproc.telemetry.metrics import Metrics
from extproc.telemetry.observer import build_observer
from extproc.telemetry.otlp import Otlp
from extproc.telemetry.snapshot import read
from tests.telemetry.collector import Collector, collecting, collecting_grpc
from tests.telemetry.records import served

EACH = 6
"""Spans of one `served()`: its own, four phases, one attempt."""


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    async with collecting() as running:
        yield running


class Told:
    """A collector that answers as it is told, and then takes everything."""

    def __init__(self, *replies: Reply | Exception) -> None:
        self.replies, self.sent, self.closed = list(replies), list[bytes](), False

    async def send(self, signal: Signal, body: bytes, timeout_s: float) -> Reply:
        self.sent.append(body)
        reply = self.replies.pop(0) if self.replies else Reply("taken")
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def close(self) -> None:
        self.closed = True


class Naps:
    """A sleep that ends at once, and remembers how long it was to be; `last` never ends."""

    def __init__(self, last: int) -> None:
        self.taken: list[float] = []
        self.over = asyncio.Event()
        self._last = last

    async def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)
        if len(self.taken) >= self._last:
            self.over.set()
            await asyncio.Event().wait()


async def _ran(exporter: Otlp, naps: Naps) -> None:
    running = asyncio.create_task(exporter.run())
    await naps.over.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def _counts(exported: int = 0, failed: int = 0, dropped: int = 0) -> dict[Any, int]:
    return {("exported",): exported, ("failed",): failed, ("dropped",): dropped}


async def test_dead_collector_loses_spans_and_nothing_else(
    tmp_path: Path, unused_tcp_port: int, caplog: pytest.LogCaptureFixture
) -> None:
    """P8: spans that no collector took are counted; the exchange's own figures are whole."""
    address = f"http://127.0.0.1:{unused_tcp_port}"
    observer = build_observer(Telemetry(otlp_endpoint=address), tmp_path, "w0")
    for _ in range(3):
        observer.exchange_closed(served())
    await observer.close()
    tables = read(tmp_path / "w0.json")
    assert tables[catalog.SPANS.name].rows == _counts(failed=3 * EACH)
    assert sum(tables[catalog.REQUESTS.name].rows.values()) == 3
    assert caplog.text.count("does not take traces") == 1
    assert caplog.text.count("does not take metrics") == 1
    assert address not in caplog.text


ANSWERS: list[tuple[dict[str, Any], Result]] = [
    ({"answer": 401}, "refused"),
    ({"answer": 302, "headers": {"location": "/v1/metrics"}}, "refused"),
    ({"answer": 204}, "refused"),
    ({"answer": 503, "headers": {"retry-after": "7"}}, "busy"),
    ({"answer": 429, "headers": {"retry-after": "soon"}}, "busy"),
    ({"body": b"<html>welcome</html>"}, "garbled"),
    ({"body": bytes(70_000)}, "garbled"),
    ({"body": b"{}", "headers": {"content-type": "application/json"}}, "taken"),
    ({}, "taken"),
]


@pytest.mark.parametrize(("made", "result"), ANSWERS)
async def test_what_an_http_answer_means(
    collector: Collector, made: dict[str, Any], result: Result
) -> None:
    """P3: only an answer that a collector gives is a success; nothing is followed elsewhere."""
    vars(collector).update(made)
    asking = HttpCollector(collector.url, {}, None)
    reply = await asking.send("traces", b"", 5)
    await asking.close()
    asks = 7.0 if made.get("headers", {}).get("retry-after") == "7" else 0.0
    assert (reply.result, reply.again_in_s) == (result, asks)
    assert len(collector.raw) == 1


CODES: list[tuple[grpc.StatusCode | None, Result]] = [
    (None, "taken"),
    (grpc.StatusCode.UNAVAILABLE, "unreachable"),
    (grpc.StatusCode.RESOURCE_EXHAUSTED, "busy"),
    (grpc.StatusCode.UNAUTHENTICATED, "refused"),
    (grpc.StatusCode.DEADLINE_EXCEEDED, "late"),
]


@pytest.mark.parametrize(("code", "result"), CODES)
async def test_what_a_grpc_answer_means(code: grpc.StatusCode | None, result: Result) -> None:
    """P3: the same over gRPC, by its status."""
    async with collecting_grpc() as collector:
        collector.code = code
        asking = GrpcCollector(collector.url, {}, None)
        assert (await asking.send("traces", b"", 5)).result == result
        await asking.close()


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
async def test_nobody_waits_for_a_collector_that_hangs(protocol: str) -> None:
    """P8: an export has a time limit, whatever the other side does."""
    async with collecting() if protocol != "grpc" else collecting_grpc() as collector:
        collector.hold = asyncio.Event()
        asking = open_collector(collector.url, protocol, {}, None)
        assert (await asking.send("traces", b"", 0.05)).result == "late"
        await asking.close()


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
async def test_an_address_where_something_else_listens(protocol: str) -> None:
    """P8: neither protocol's client is harmed by a server that speaks another one."""

    async def rude(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n" * 50)
        writer.close()

    server = await asyncio.start_server(rude, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    asking = open_collector(f"http://127.0.0.1:{port}", protocol, {}, None)
    assert (await asking.send("traces", b"", 1)).result in ("unreachable", "late", "refused")
    await asking.close()
    server.close()


async def test_an_answer_that_never_ends() -> None:
    """P8: a byte now and then keeps nobody waiting longer, and fills no memory."""

    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n")
        with suppress(OSError):
            while not writer.is_closing():
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0)

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    asking = HttpCollector(f"http://127.0.0.1:{port}", {}, None)
    assert (await asking.send("traces", b"", 0.2)).result in ("late", "garbled")
    await asking.close()
    server.close()


async def test_spans_that_a_collector_rejects_are_not_called_exported(
    collector: Collector, tmp_path: Path
) -> None:
    """P3: a collector that took the request and not all of it says so (OTLP, "Partial Success")."""
    rejected = ExportTracePartialSuccess(rejected_spans=2)
    collector.body = ExportTraceServiceResponse(partial_success=rejected).SerializeToString()
    observer = build_observer(Telemetry(otlp_endpoint=collector.url, metrics=False), tmp_path, "w0")
    observer.exchange_closed(served())
    await observer.close()
    spans = read(tmp_path / "w0.json")[catalog.SPANS.name].rows
    assert spans == _counts(exported=EACH - 2, failed=2)


async def test_busy_collector_is_asked_again_when_it_says(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """P8: as long as it asks, at most AGAIN_IN_S_MAX, and TRIES times; the log tells once."""
    naps = Naps(4)
    told = Told(Reply("busy", again_in_s=7), Reply("late"), Reply("busy"))
    exporter = Otlp(told, Resource(), sleep=naps)
    exporter.exchange_closed(served())
    await _ran(exporter, naps)
    assert naps.taken == [otlp.BATCH_EVERY_S, 7, 2 * otlp.AGAIN_IN_S, otlp.BATCH_EVERY_S]
    assert len(told.sent) == otlp.TRIES == 3
    assert len(set(told.sent)) == 1
    assert exporter.outcomes() == _counts(failed=EACH)
    exporter.exchange_closed(served())
    await exporter.close(Metrics(), 0, 1)
    assert exporter.outcomes() == _counts(exported=EACH, failed=EACH)
    assert [r.message for r in caplog.records] == [
        "the OTLP collector does not take traces", "the OTLP collector takes traces again",
    ]  # fmt: skip


async def test_a_collector_of_one_signal_costs_one_line(caplog: pytest.LogCaptureFixture) -> None:
    """P8: many take spans and never metrics: turn about, that is no going and coming back."""
    replies = [Reply("taken"), Reply("refused")] * 3
    metrics = Metrics()
    metrics.exchange_closed(served())
    exporter = Otlp(Told(*replies), Resource(), sleep=Naps(9))
    for _ in range(3):
        exporter.exchange_closed(served())
        await exporter._send_batch(1)
        await exporter.export_metrics(metrics, 0, 1)
    assert exporter.exports() == {("traces", "taken"): 3, ("metrics", "refused"): 3}
    assert [r.message for r in caplog.records] == ["the OTLP collector does not take metrics"]


async def test_refused_spans_are_not_sent_again() -> None:
    """P8: a collector that will never take them is not asked twice (OTLP, "Failures")."""
    naps, told = Naps(2), Told(Reply("refused"))
    exporter = Otlp(told, Resource(), sleep=naps)
    exporter.exchange_closed(served())
    await _ran(exporter, naps)
    assert (len(told.sent), exporter.outcomes()) == (1, _counts(failed=EACH))


async def test_a_defect_in_an_exporter_is_a_failed_export() -> None:
    """P8: it ends neither the exporter nor the worker."""
    naps = Naps(otlp.TRIES + 1)
    exporter = Otlp(Told(*[RuntimeError("x")] * otlp.TRIES), Resource(), sleep=naps)
    exporter.exchange_closed(served())
    await _ran(exporter, naps)
    assert exporter.outcomes() == _counts(failed=EACH)


async def test_queue_is_bounded_and_says_what_it_dropped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """P8: a collector that hangs costs bounded memory and no work; every span ends as one of
    three."""
    monkeypatch.setattr(otlp, "QUEUE_BYTES_MAX", 5_000)
    told = Told()
    exporter = Otlp(told, Resource())
    for _ in range(50):
        exporter.exchange_closed(served())
    kept = 50 * EACH - exporter.outcomes()[("dropped",)]
    assert 0 < kept < 50 * EACH
    await exporter.close(Metrics(), 0, 1)
    assert exporter.outcomes() == _counts(exported=kept, dropped=50 * EACH - kept)
    assert len(told.sent[0]) < 5_000 + 2_500
    assert told.closed


async def test_what_was_under_way_when_the_worker_drains_is_not_lost(collector: Collector) -> None:
    """P3: spans of an export that was broken off are sent with the last ones."""
    collector.hold = asyncio.Event()
    naps = Naps(99)
    exporter = Otlp(HttpCollector(collector.url, {}, None), Resource(), sleep=naps)
    exporter.exchange_closed(served())
    running = asyncio.create_task(exporter.run())
    await collector.asked.wait()
    exporter.exchange_closed(served())
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    collector.hold.set()
    collector.hold = None
    await exporter.close(Metrics(), 0, 1)
    assert exporter.outcomes() == _counts(exported=2 * EACH)
    assert len({span.span_id for span in collector.spans}) == EACH


async def test_draining_worker_does_not_wait_for_a_collector_that_hangs(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P8: once patience is over the rest is counted and left."""
    monkeypatch.setattr(otlp, "CLOSE_WITHIN_S", 0.05)
    monkeypatch.setattr(otlp, "BATCH_SPANS_MAX", 1)
    collector.hold = asyncio.Event()
    exporter = Otlp(HttpCollector(collector.url, {}, None), Resource())
    metrics = Metrics()
    metrics.exchange_closed(served())
    for _ in range(9):
        exporter.exchange_closed(served())
    await exporter.close(metrics, 0, 1)
    assert len(collector.raw) == 2
    results = {("metrics", "late"): 1, ("traces", "late"): 1}
    assert exporter.exports() == results
    assert exporter.outcomes() == _counts(failed=9 * EACH)


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_certificates_that_are_none(protocol: str, tmp_path: Path) -> None:
    """P8: a `ca_file` that cannot be read is found when the worker starts."""
    with pytest.raises(OSError, match="No such file"):
        open_collector("https://127.0.0.1:1", protocol, {}, str(tmp_path / "ca.pem"))
