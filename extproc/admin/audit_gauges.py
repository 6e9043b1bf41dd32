"""How the audit log does, as the gateway's process notes it down each second.

Promises: a note that is missing, unreadable or old says that the log is not written (defaults
deny); its other figures stay as they were last told.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import orjson
from prometheus_client.core import Metric

from extproc.audit.health import FILE
from extproc.telemetry import catalog
from extproc.telemetry.collect import gauge, total

OLD_MS = 10_000
_FIGURES = {
    "log_size": catalog.AUDIT_ENTRIES,
    "covered": catalog.AUDIT_SIGNED,
    "backlog_bytes": catalog.AUDIT_BACKLOG,
    "damaged_segments": catalog.AUDIT_DAMAGED,
}


def audit_families(run_folder: Path, now_ms: int | None = None) -> list[Metric]:
    """`now_ms`: Unix time, default the clock's."""
    now_ms = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    note = _read(run_folder / FILE)
    fresh = now_ms - note.get("at_ms", 0) <= OLD_MS
    up = gauge(catalog.AUDIT_UP, [((), int(fresh and note.get("ok", 0) == 1))])
    figures = [gauge(d, [((), note[key])]) for key, d in _FIGURES.items() if key in note]
    if "pruned" in note:
        figures.append(total(catalog.AUDIT_PRUNED, note["pruned"]))
        figures.append(_lost(note))
    return [up, *figures, *_anchored(note.get("anchors", ()))]


def _lost(note: dict[str, Any]) -> Metric:
    counted = catalog.AUDIT_LOST
    family = Metric(counted.name.removesuffix("_total"), counted.meaning, "counter")
    for reason in ("worker_lost", "spool_damaged"):
        family.add_sample(counted.name, {"reason": reason}, note.get(reason, 0))
    return family


def _anchored(rows: list[dict[str, Any]]) -> list[Metric]:
    """A row for each place that checkpoints go to; nothing where there is none."""
    if not rows:
        return []
    counted = catalog.ANCHOR_CHECKPOINTS
    sent = Metric(counted.name.removesuffix("_total"), counted.meaning, "counter")
    for row in rows:
        for outcome in ("sent", "failed", "conflict"):
            labels = {"kind": row["kind"], "target": row["target"], "outcome": outcome}
            sent.add_sample(counted.name, labels, row[outcome])
    sizes = [((row["kind"], row["target"]), row["size"]) for row in rows]
    return [sent, gauge(catalog.ANCHOR_ENTRIES, sizes)]


def _read(path: Path) -> dict[str, Any]:
    """The note's numbers and rows; empty when there is none."""
    try:
        note = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return {}
    if not isinstance(note, dict):
        return {}
    kept = {key: int(value) for key, value in note.items() if isinstance(value, int)}
    rows = note.get("anchors")
    return {**kept, "anchors": rows if isinstance(rows, list) else []}
