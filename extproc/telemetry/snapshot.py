"""A worker's figures on disk: `<owner>.json`, replaced whole about once a second.

Promises: a reader sees one whole snapshot or the one before, never a part; an older one never
replaces a newer one. A worker's file stays when the worker is gone, so that sums never fall.
What a killed worker counted in its last second is lost; its audit entries are not.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from extproc.telemetry import catalog
from extproc.telemetry.metrics import Metrics
from extproc.telemetry.series import Key

FORMAT = 1


def encode(
    metrics: Metrics, owner: str, spans: Mapping[Key, int], exports: Mapping[Key, int] | None = None
) -> bytes:
    """All figures as JSON: metric -> {labels, buckets, rows: [[label values, figure], ...]}.

    A counter's figure is an integer, a histogram's a list as in `series.Histogram`.
    """
    tables: dict[str, Any] = {}
    for name, counter in metrics.counters.items():
        tables[name] = _table(counter.definition, counter.rows)
    for name, histogram in metrics.histograms.items():
        tables[name] = _table(histogram.definition, histogram.rows)
    tables[catalog.OVERFLOWS.name] = _table(catalog.OVERFLOWS, metrics.overflows())
    tables[catalog.SPANS.name] = _table(catalog.SPANS, spans)
    tables[catalog.EXPORTS.name] = _table(catalog.EXPORTS, exports or {})
    return _snapshot(owner, tables)


def encode_alerts(owner: str, alerts: Mapping[Key, int]) -> bytes:
    """What a gateway's alert desk did: (kind of channel, outcome) -> how often."""
    return _snapshot(owner, {catalog.ALERTS.name: _table(catalog.ALERTS, alerts)})


def _snapshot(owner: str, tables: Mapping[str, Any]) -> bytes:
    return orjson.dumps({"format": FORMAT, "owner": owner, "metrics": tables})


def _table(definition: catalog.Definition, rows: Mapping[Key, object]) -> dict[str, Any]:
    return {
        "labels": definition.shown_labels,
        "buckets": definition.bounds,
        "rows": list(rows.items()),
    }


@dataclass(frozen=True, slots=True)
class Table:
    """One metric of one worker, read back."""

    labels: tuple[str, ...]
    buckets: tuple[int, ...]
    rows: dict[Key, Any]


def read(path: Path) -> dict[str, Table]:
    """Metric -> table. Raises OSError, and ValueError for a file that is not a snapshot."""
    try:
        content = orjson.loads(path.read_bytes())
        if content["format"] != FORMAT:
            raise ValueError("another format")
        return {name: _read_table(raw) for name, raw in content["metrics"].items()}
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("not a snapshot") from error


def _read_table(raw: dict[str, Any]) -> Table:
    table = Table(tuple(raw["labels"]), tuple(raw["buckets"]), {})
    for values, figure in raw["rows"]:
        if len(values) != len(table.labels) or not _is_figure(figure, len(table.buckets)):
            raise ValueError("a row does not fit its metric")
        table.rows[tuple(values)] = figure
    return table


def _is_figure(figure: object, buckets: int) -> bool:
    if isinstance(figure, list):
        return len(figure) == buckets + 2 and all(type(number) is int for number in figure)
    return type(figure) is int and buckets == 0


class SnapshotFile:
    """Where one worker publishes. `write` may be called from any thread."""

    def __init__(self, folder: Path, owner: str) -> None:
        self._path = folder / f"{owner}.json"
        self._lock = threading.Lock()
        self._written = 0

    def write(self, number: int, content: bytes) -> None:
        """Replace the file, unless a later `number` was there first. Raises OSError."""
        with self._lock:
            if number <= self._written:
                return
            self._path.parent.mkdir(parents=True, exist_ok=True)
            beside = self._path.with_name(f".{self._path.name}.new")
            beside.write_bytes(content)
            os.replace(beside, self._path)
            self._written = number
