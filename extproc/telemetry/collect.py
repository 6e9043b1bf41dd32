"""All workers' snapshots added up, as Prometheus families.

Promises: sums of what every worker ever published here, the dead included, so that counters never
fall while the folder lives. Refuses: a file it cannot read; the others still count, and the
number of unreadable ones is itself a metric.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate
from pathlib import Path
from typing import Any

from prometheus_client.core import Metric
from prometheus_client.utils import floatToGoString

from extproc.telemetry.catalog import RECORDED, SNAPSHOTS_UNREADABLE, Definition
from extproc.telemetry.snapshot import Table, read

Series = tuple[tuple[str, str], ...]
Sums = dict[Series, Any]


def collect(folder: Path) -> list[Metric]:
    """Every metric of the catalog that workers record. A folder that is not there is empty."""
    snapshots, unreadable = _snapshots(folder)
    families = [_family(definition, snapshots) for definition in RECORDED]
    return [*families, gauge(SNAPSHOTS_UNREADABLE, [((), unreadable)])]


def gauge(definition: Definition, rows: Iterable[tuple[tuple[str, ...], float]]) -> Metric:
    """A family of gauges: label values -> value, as shown."""
    family = Metric(definition.name, definition.meaning, "gauge")
    for values, value in rows:
        labels = dict(zip(definition.shown_labels, values, strict=True))
        family.add_sample(definition.name, labels, value)
    return family


def total(definition: Definition, amount: int) -> Metric:
    """A counter without labels that somebody else keeps."""
    return _counter(definition, {(): amount})


def _snapshots(folder: Path) -> tuple[list[dict[str, Table]], int]:
    snapshots, unreadable = [], 0
    # The dot keeps out files that are being written.
    for path in sorted(folder.glob("[!.]*.json")):
        try:
            snapshots.append(read(path))
        except (OSError, ValueError):
            unreadable += 1
    return snapshots, unreadable


def _family(definition: Definition, snapshots: Iterable[dict[str, Table]]) -> Metric:
    sums: Sums = {}
    for snapshot in snapshots:
        table = snapshot.get(definition.name)
        # Other buckets: written by another release; its counts do not fit into ours.
        if table is not None and table.buckets == definition.bounds:
            _add(sums, table)
    if definition.kind == "histogram":
        return _histogram(definition, sums)
    return _counter(definition, sums)


def _add(sums: Sums, table: Table) -> None:
    for values, figure in table.rows.items():
        series = tuple(zip(table.labels, values, strict=True))
        so_far = sums.get(series)
        if so_far is None:
            sums[series] = figure
        elif isinstance(figure, list):
            sums[series] = [a + b for a, b in zip(so_far, figure, strict=True)]
        else:
            sums[series] = so_far + figure


def _counter(definition: Definition, sums: Sums) -> Metric:
    family = Metric(definition.name.removesuffix("_total"), definition.meaning, "counter")
    for series, total in sorted(sums.items()):
        family.add_sample(definition.name, dict(series), total / definition.scale)
    return family


def _histogram(definition: Definition, sums: Sums) -> Metric:
    name = definition.name
    family = Metric(name, definition.meaning, "histogram")
    bounds = [*map(floatToGoString, definition.buckets), "+Inf"]
    for series, figure in sorted(sums.items()):
        labels, counts = dict(series), list(accumulate(figure[:-1]))
        for bound, count in zip(bounds, counts, strict=True):
            family.add_sample(f"{name}_bucket", {**labels, "le": bound}, count)
        family.add_sample(f"{name}_count", labels, counts[-1])
        family.add_sample(f"{name}_sum", labels, figure[-1] / definition.scale)
    return family
