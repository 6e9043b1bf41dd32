"""A worker's GenAI histograms -> OpenTelemetry's metrics, as its protocol has them. Pure.

The figures are those of `/metrics`: counted once, shown twice. Cumulative since the worker began.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AggregationTemporality,
    HistogramDataPoint,
    Metric,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import Histogram as OtlpHistogram

from extproc.telemetry.figures import NONE
from extproc.telemetry.metrics import Metrics
from extproc.telemetry.series import Histogram, Key

_CUMULATIVE = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE


def otlp_metrics(metrics: Metrics, began_ns: int, now_ns: int, points_max: int) -> Iterator[Metric]:
    """Every histogram that has an OpenTelemetry name, in pieces of so many points, for whoever
    asks must not work for long at a time. Times: Unix nanoseconds."""
    for histogram in metrics.histograms.values():
        if histogram.definition.otlp is not None:
            rows = iter(list(histogram.rows.items()))
            while piece := list(islice(rows, points_max)):
                yield _metric(histogram, piece, began_ns, now_ns)


def _metric(
    histogram: Histogram, rows: list[tuple[Key, list[int]]], began_ns: int, now_ns: int
) -> Metric:
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
        )
        for key, row in rows
    ]
    data = OtlpHistogram(data_points=points, aggregation_temporality=_CUMULATIVE)
    return Metric(name=name, description=definition.meaning, unit=unit, histogram=data)


def _attributes(labels: tuple[str, ...], key: Key) -> list[KeyValue]:
    """Prometheus needs every label filled; here what is not known is left out."""
    said = zip(labels, key, strict=True)
    return [KeyValue(key=n, value=AnyValue(string_value=v)) for n, v in said if v != NONE]
