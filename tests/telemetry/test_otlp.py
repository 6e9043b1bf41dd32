"""Spans and metrics at a collector that speaks the real protocol, and at one that does not."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.proto.trace.v1.trace_pb2 import Status as SpanStatus

from extproc.config.model import Telemetry
from extproc.exchange.trace import child_of
from extproc.telemetry import catalog, otlp
from extproc.telemetry.observer import build_observer
from extproc.telemetry.otlp import Otlp
from extproc.telemetry.snapshot import read
from tests.telemetry.collector import Collector, collecting, plain
from tests.telemetry.records import CALL, DECISION, MS, STARTED_MS, refused, served

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    async with collecting() as running:
        yield running


async def _export(collector: Collector, *records: Any) -> list[Any]:
    exporter = Otlp(collector.url + "/", "w0")
    for record in records:
        exporter.exchange_closed(record)
    await asyncio.to_thread(exporter.close)
    return collector.spans


async def test_one_span_tells_one_exchange(collector: Collector) -> None:
    """P3: one span per exchange, under the ids that the provider was given."""
    (span,) = await _export(collector, served())
    _, trace_id, span_id = child_of("", DECISION)
    assert (span.trace_id.hex(), span.span_id.hex()) == (trace_id, span_id)
    assert (span.name, span.kind) == ("chat prod/assistant", Span.SPAN_KIND_SERVER)
    assert not span.parent_span_id
    assert span.start_time_unix_nano == STARTED_MS * MS
    assert span.end_time_unix_nano - span.start_time_unix_nano == 200 * MS
    assert span.status.code == SpanStatus.STATUS_CODE_UNSET
    assert plain(span.attributes) == {
        "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "prod/assistant", "gen_ai.response.model": "gpt-4o-mini",
        "gen_ai.request.stream": True, "gen_ai.usage.input_tokens": 112,
        "gen_ai.usage.output_tokens": 21, "gen_ai.usage.cache_read.input_tokens": 12,
        "gen_ai.usage.cache_creation.input_tokens": 0, "http.response.status_code": 200,
        "envelope.decision_id": DECISION, "envelope.outcome": "allowed",
        "envelope.target": "openai-main/gpt-4o-mini", "envelope.attempts": 1,
        "envelope.cost_nano_usd": 27_600, "envelope.team": "support-ai",
        "envelope.environment": "production", "envelope.rule_ids": ["team-rpm"],
    }  # fmt: skip


async def test_events_name_guardrails_and_limits(collector: Collector) -> None:
    """P3: what decided stands in the span, by name and outcome, without any text."""
    (span,) = await _export(collector, served())
    events = [(e.name, plain(e.attributes)) for e in span.events]
    assert events == [
        ("envelope.guardrail", {"envelope.guardrail.name": "global/pii",
                                "envelope.guardrail.hook": "llm_input",
                                "envelope.guardrail.outcome": "mutate"}),
        ("envelope.guardrail", {"envelope.guardrail.name": "global/secrets",
                                "envelope.guardrail.hook": "llm_output",
                                "envelope.guardrail.outcome": "pass"}),
        ("envelope.limit", {"envelope.rule": "team-rpm", "envelope.limit.left": 599,
                            "envelope.limit.over": False}),
    ]  # fmt: skip


async def test_refusal_is_no_error_of_the_gateway(collector: Collector) -> None:
    """Contract 4: the code as `error.type`; a 4xx leaves a server span's status unset (OTel)."""
    (span,) = await _export(collector, refused())
    attributes = plain(span.attributes)
    assert attributes["error.type"] == "budget_exceeded"
    assert attributes["http.response.status_code"] == 429
    assert "gen_ai.provider.name" not in attributes
    assert span.status.code == SpanStatus.STATUS_CODE_UNSET
    assert plain(span.events[0].attributes) == {
        "envelope.code": "budget_exceeded", "envelope.rule": "team-day",
    }  # fmt: skip


async def test_broken_answer_is_an_error(collector: Collector) -> None:
    """P5: a stream that broke off shows, though its status line said 200."""
    (span,) = await _export(collector, served(outcome="truncated"))
    assert span.status.code == SpanStatus.STATUS_CODE_ERROR
    assert plain(span.attributes)["error.type"] == "truncated"


async def test_span_continues_the_callers_trace(collector: Collector) -> None:
    """Contract 3, `traceparent`: the caller's trace id, its span as parent (W3C Trace Context)."""
    (span,) = await _export(collector, served(traceparent=CALLER))
    assert span.trace_id.hex() == "0af7651916cd43dd8448eb211c80319c"
    assert span.parent_span_id.hex() == "b7ad6b7169203331"


async def test_caller_that_does_not_sample_is_obeyed(collector: Collector) -> None:
    """Contract 3, `traceparent`: flags 00 means that no part of this trace is recorded."""
    spans = await _export(collector, served(traceparent=CALLER[:-2] + "00"), served())
    assert [span.trace_id.hex() for span in spans] == [child_of("", DECISION)[1]]


async def test_text_that_cannot_be_encoded_spoils_no_batch(collector: Collector) -> None:
    """P3: a caller cannot make the spans of others disappear."""
    odd = CALL.__class__("chat", "\ud800", False, None, 1, ())
    spans = await _export(collector, served(call=odd), served())
    assert [span.name for span in spans] == ["chat ?", "chat prod/assistant"]


async def test_metrics_are_the_figures_of_the_page(collector: Collector, tmp_path: Path) -> None:
    """Contract: GenAI metrics, counted once and shown twice; cumulative, with their buckets."""
    observer = build_observer(Telemetry(otlp_endpoint=collector.url), tmp_path, "w0")
    observer.exchange_closed(served())
    observer.exchange_closed(refused())
    await observer.close()
    shown = collector.last_metrics
    assert sorted(shown) == [
        "gen_ai.client.token.usage", "gen_ai.server.request.duration",
        "gen_ai.server.time_per_output_token", "gen_ai.server.time_to_first_token",
    ]  # fmt: skip
    duration = shown["gen_ai.server.request.duration"]
    assert duration.unit == "s"
    cumulative = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
    assert duration.histogram.aggregation_temporality == cumulative
    (point,) = duration.histogram.data_points
    assert (point.count, point.sum) == (1, pytest.approx(0.2))
    assert list(point.explicit_bounds) == list(catalog.DURATION_S)
    assert point.bucket_counts[catalog.DURATION_S.index(0.32)] == 1
    assert not point.HasField("min")
    assert plain(point.attributes) == {
        "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "prod/assistant", "gen_ai.response.model": "gpt-4o-mini",
    }  # fmt: skip
    usage = shown["gen_ai.client.token.usage"].histogram.data_points
    by_type = {plain(p.attributes)["gen_ai.token.type"]: p.sum for p in usage}
    assert by_type == {"input": 112, "output": 21}


async def test_worker_names_itself(collector: Collector) -> None:
    """Contract: each worker is an instance of its own, or their cumulative sums would collide."""
    await _export(collector, served())
    resource = plain(collector.traces[0].resource_spans[0].resource.attributes)
    assert (resource["service.name"], resource["service.instance.id"]) == ("envelope", "w0")


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
    spans = tables[catalog.SPANS.name].rows
    assert spans == {("exported",): 0, ("failed",): 3, ("dropped",): 0}
    assert sum(tables[catalog.REQUESTS.name].rows.values()) == 3
    assert caplog.text.count("does not take telemetry") == 1
    assert address not in caplog.text


async def test_refusing_collector_is_a_failure_too(collector: Collector, tmp_path: Path) -> None:
    """P3: a span that the collector rejected is not called exported."""
    collector.answer = 401
    observer = build_observer(Telemetry(otlp_endpoint=collector.url), tmp_path, "w0")
    observer.exchange_closed(served())
    await observer.close()
    spans = read(tmp_path / "w0.json")[catalog.SPANS.name].rows
    assert (spans[("exported",)], spans[("failed",)]) == (0, 1)


async def test_queue_is_bounded_and_says_what_it_dropped(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P8: a collector that hangs costs bounded memory; every span ends as one of three."""
    monkeypatch.setattr(otlp, "QUEUE_MAX", 4)
    monkeypatch.setattr(otlp, "BATCH_MAX", 1)
    collector.hold = asyncio.Event()
    exporter = Otlp(collector.url, "w0")
    exporter.exchange_closed(served())
    await collector.asked.wait()
    for _ in range(9):
        exporter.exchange_closed(served())
    assert exporter.outcomes()[("dropped",)] == 6
    collector.hold.set()
    await asyncio.to_thread(exporter.close)
    assert exporter.outcomes() == {("exported",): 4, ("failed",): 0, ("dropped",): 6}
    assert len(collector.spans) == 4


async def test_draining_worker_does_not_wait_for_a_collector_that_hangs(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P8: once patience is over only the request under way is waited for; the rest is counted."""
    for name, value in (("CLOSE_WITHIN_S", 0.05), ("EXPORT_TIMEOUT_S", 0.3), ("BATCH_MAX", 1)):
        monkeypatch.setattr(otlp, name, value)
    collector.hold = asyncio.Event()
    exporter = Otlp(collector.url, "w0")
    for _ in range(9):
        exporter.exchange_closed(served())
    await collector.asked.wait()
    await asyncio.to_thread(exporter.close)
    assert len(collector.raw) == 1
    assert exporter.outcomes() == {("exported",): 0, ("failed",): 9, ("dropped",): 0}


async def test_nothing_of_the_content_or_the_key_is_sent(
    collector: Collector, tmp_path: Path
) -> None:
    """P4: not the path's query, not the reason of a refusal, not the key's name."""
    observer = build_observer(Telemetry(otlp_endpoint=collector.url), tmp_path, "w0")
    record = served(path="/v1/chat/completions?key=ek_secret", upstream_details="ek_secret",
                    request_id="ek_secret", metadata={"note": "ek_secret"})  # fmt: skip
    observer.exchange_closed(record)
    await observer.close()
    assert len(collector.raw) == 2
    assert b"ek_secret" not in b"".join(collector.raw)
    assert b"ek_secret" not in (tmp_path / "w0.json").read_bytes()


@pytest.mark.parametrize("order", ["ours, theirs", "theirs, ours"])
def test_exporters_live_beside_our_own_messages(order: str) -> None:
    """P8: one process holds the ext_proc messages and OpenTelemetry's, whichever comes first."""
    ours = "from extproc.server import ext_proc_pb2"
    theirs = "from extproc.telemetry import otlp"
    lines = [{"ours": ours, "theirs": theirs}[name] for name in order.split(", ")]
    use = "assert ext_proc_pb2.ProcessingRequest() is not None and otlp.Otlp"
    subprocess.run([sys.executable, "-c", "\n".join([*lines, use])], check=True)
