"""The sinks' figures as Prometheus families, for the admin process's `/metrics`."""

from __future__ import annotations

from pathlib import Path

from prometheus_client.core import Metric

from extproc.audit.shipping import figures
from extproc.audit.shipping.spec import shipping_folder
from extproc.telemetry import catalog
from extproc.telemetry.collect import gauge


def families(audit_folder: Path, now_ms: int) -> list[Metric]:
    """Empty where no sink is configured. `now_ms`: Unix time."""
    states = figures.read(shipping_folder(audit_folder), now_ms)
    if not states:
        return []
    counted = catalog.SINK_ENTRIES
    entries = Metric(counted.name.removesuffix("_total"), counted.meaning, "counter")
    for (sink, outcome), number in figures.outcomes(states):
        entries.add_sample(counted.name, {"sink": sink, "outcome": outcome}, number)
    return [
        gauge(catalog.SINK_UP, [((s.sink,), int(s.up)) for s in states]),
        gauge(catalog.SINK_LAG, [((s.sink,), s.lag_entries) for s in states]),
        gauge(catalog.SINK_AGE, [((s.sink,), s.age_s) for s in states]),
        entries,
    ]
