"""Spans and GenAI metrics to an OTLP/HTTP collector, with the official exporters.

Promises: out of the caller's path; a queue of QUEUE_MAX spans, what does not fit is dropped and
counted; a dead collector costs a line in the log when it goes and one when it is back. Only the
worker that sets `telemetry.otlp_endpoint` imports this module. Headers for the collector come
from OTEL_EXPORTER_OTLP_HEADERS, as everywhere.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from contextlib import suppress

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics.export import MetricExportResult, MetricsData
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from extproc import __version__
from extproc.exchange.record import Record
from extproc.telemetry.metrics import Metrics
from extproc.telemetry.otlp_metrics import metrics_data
from extproc.telemetry.series import Key
from extproc.telemetry.span import span_of

log = logging.getLogger("envelope.otlp")

QUEUE_MAX = 2_048
BATCH_MAX = 512
BATCH_EVERY_MS = 1_000
EXPORT_TIMEOUT_S = 3.0
CLOSE_WITHIN_S = 3.0


class Collector:
    """Whether the collector takes what it is sent; says so when that changes, and only then."""

    def __init__(self) -> None:
        self._takes = True

    def answered(self, taken: bool) -> None:
        if taken != self._takes:
            self._takes = taken
            log.warning("the OTLP collector %s", "is back" if taken else "does not take telemetry")


class CountingExporter(SpanExporter):
    """Counts what became of every span. Called from the processor's one thread."""

    def __init__(self, inner: SpanExporter, collector: Collector) -> None:
        self._inner, self._collector = inner, collector
        self._closed = threading.Lock()
        self.exported = 0
        self.failed = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        taken = False
        try:
            taken = self._inner.export(spans) is SpanExportResult.SUCCESS
        finally:
            self.exported += len(spans) if taken else 0
            self.failed += 0 if taken else len(spans)
            self._collector.answered(taken)
        return SpanExportResult.SUCCESS if taken else SpanExportResult.FAILURE

    def shutdown(self) -> None:
        """Ends a retry that is waiting. Once: a second call would only be logged."""
        if self._closed.acquire(blocking=False):
            self._inner.shutdown()


class Otlp:
    """One worker's way to the collector. `endpoint`: its base URL."""

    def __init__(self, endpoint: str, owner: str) -> None:
        # Their lines come with every batch, and may quote what the collector answered.
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
        base = endpoint.rstrip("/")
        self._resource = Resource.create(
            {"service.name": "envelope", "service.version": __version__,
             "service.instance.id": owner}
        )  # fmt: skip
        self._collector = Collector()
        self._spans = CountingExporter(
            OTLPSpanExporter(f"{base}/v1/traces", timeout=EXPORT_TIMEOUT_S), self._collector
        )
        self._metrics = OTLPMetricExporter(f"{base}/v1/metrics", timeout=EXPORT_TIMEOUT_S)
        self._processor = BatchSpanProcessor(
            self._spans,
            max_queue_size=QUEUE_MAX,
            schedule_delay_millis=BATCH_EVERY_MS,
            max_export_batch_size=BATCH_MAX,
        )
        self._offered = 0
        self._dropped = 0

    def exchange_closed(self, record: Record) -> None:
        """Queue its span, or drop it when the queue is full. Never waits."""
        if self._offered - self._spans.exported - self._spans.failed >= QUEUE_MAX:
            self._dropped += 1
            return
        span = span_of(record, self._resource)
        if span.context is not None and span.context.trace_flags.sampled:
            self._processor.on_end(span)
            self._offered += 1

    def outcomes(self) -> dict[Key, int]:
        """What became of the spans so far."""
        return {
            ("exported",): self._spans.exported,
            ("failed",): self._spans.failed,
            ("dropped",): self._dropped,
        }

    def data(self, metrics: Metrics, began_ns: int, now_ns: int) -> MetricsData:
        """The GenAI histograms as they stand. Times: Unix nanoseconds."""
        return metrics_data(metrics, self._resource, began_ns, now_ns)

    def export_metrics(self, data: MetricsData) -> None:
        """Blocks up to EXPORT_TIMEOUT_S: call it from a thread. Never raises."""
        taken = False
        with suppress(Exception):
            taken = self._metrics.export(data) is MetricExportResult.SUCCESS
        self._collector.answered(taken)

    def close(self) -> None:
        """Send what is queued, for CLOSE_WITHIN_S at most, then let go. Blocks: as above."""
        # The processor waits for its thread half a minute; the exporter's shutdown ends that.
        impatience = threading.Timer(CLOSE_WITHIN_S, self._spans.shutdown)
        impatience.start()
        try:
            self._processor.shutdown()  # type: ignore[no-untyped-call]
        finally:
            impatience.cancel()
        self._metrics.shutdown()
