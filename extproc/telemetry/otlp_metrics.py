"""A worker's GenAI histograms -> OpenTelemetry's data model. Pure.

The figures are those of `/metrics`: counted once, shown twice. Cumulative since the worker began.
"""

from __future__ import annotations

from typing import cast

from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    HistogramDataPoint,
    Metric,
    MetricsData,
    ResourceMetrics,
    ScopeMetrics,
)
from opentelemetry.sdk.metrics.export import Histogram as OtlpHistogram
from opentelemetry.sdk.resources import Resource

from extproc.telemetry.figures import NONE
from extproc.telemetry.metrics import Metrics
from extproc.telemetry.series import Histogram, Key
from extproc.telemetry.span import SCOPE

# Optional in the protocol, and not kept here; the data class has no word for that.
_NOT_KEPT = cast(float, None)


def metrics_data(metrics: Metrics, resource: Resource, began_ns: int, now_ns: int) -> MetricsData:
    """Every histogram that has an OpenTelemetry name. Times: Unix nanoseconds."""
    shown = [
        _metric(histogram, began_ns, now_ns)
        for histogram in metrics.histograms.values()
        if histogram.definition.otlp is not None and histogram.rows
    ]
    return MetricsData([ResourceMetrics(resource, [ScopeMetrics(SCOPE, shown, "")], "")])


def _metric(histogram: Histogram, began_ns: int, now_ns: int) -> Metric:
    definition = histogram.definition
    assert definition.otlp is not None
    name, unit = definition.otlp
    points = [
        HistogramDataPoint(
            attributes=_attributes(definition.labels, key),
            start_time_unix_nano=began_ns,
            time_unix_nano=now_ns,
            count=sum(row[:-1]),
            sum=row[-1] / definition.scale,
            bucket_counts=row[:-1],
            explicit_bounds=definition.buckets,
            min=_NOT_KEPT,
            max=_NOT_KEPT,
        )
        for key, row in histogram.rows.items()
    ]
    data = OtlpHistogram(points, AggregationTemporality.CUMULATIVE)
    return Metric(name, definition.meaning, unit, data)


def _attributes(labels: tuple[str, ...], key: Key) -> dict[str, str]:
    """Prometheus needs every label filled; here what is not known is left out."""
    return {name: value for name, value in zip(labels, key, strict=True) if value != NONE}
