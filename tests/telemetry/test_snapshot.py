"""A worker's figures on disk, and all workers' added up."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from prometheus_client import generate_latest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from extproc.telemetry import catalog
from extproc.telemetry.collect import collect
from extproc.telemetry.metrics import Metrics
from extproc.telemetry.snapshot import SnapshotFile, encode, read
from tests.telemetry.records import CLAUDE, OPENAI, refused, served

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


class _Families(Collector):
    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> list[Metric]:
        return self._families


def _publish(folder: Path, owner: str, metrics: Metrics) -> None:
    SnapshotFile(folder, owner).write(1, encode(metrics, owner, {("exported",): 3}))


def _scrape(folder: Path) -> Samples:
    """As Prometheus would read it."""
    text = generate_latest(_Families(collect(folder))).decode()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def _total(samples: Samples, name: str, **labels: str) -> float:
    wanted = set(labels.items())
    return sum(v for (n, have), v in samples.items() if n == name and wanted <= set(have))


def test_workers_add_up_the_dead_included(tmp_path: Path) -> None:
    """P2: no worker's figures are lost or counted twice; sums do not fall when one is gone."""
    for owner, calls in (("w0-1-9", 2), ("w0-2-9", 3), ("w1-1-9", 1)):
        metrics = Metrics()
        for _ in range(calls):
            metrics.exchange_closed(served())
        _publish(tmp_path, owner, metrics)
    samples = _scrape(tmp_path)
    assert _total(samples, "envelope_requests_total", model=OPENAI.name, code="none") == 6
    assert _total(samples, "envelope_cost_usd_total", team="support-ai") == pytest.approx(
        6 * 27_600e-9
    )
    assert _total(samples, "envelope_otlp_spans_total", result="exported") == 9
    assert _total(samples, "gen_ai_server_request_duration_seconds_count") == 6
    assert _total(samples, "gen_ai_server_request_duration_seconds_sum") == pytest.approx(1.2)


def test_buckets_are_cumulative_and_end_at_infinity(tmp_path: Path) -> None:
    """Contract: Prometheus histograms; 200 ms falls into the bucket that ends at 0.32 s."""
    metrics = Metrics()
    metrics.exchange_closed(served())
    _publish(tmp_path, "w", metrics)
    samples, name = _scrape(tmp_path), "gen_ai_server_request_duration_seconds_bucket"
    assert _total(samples, name, le="0.16") == 0
    assert _total(samples, name, le="0.32") == 1
    assert _total(samples, name, le="+Inf") == 1


def test_overflow_is_published(tmp_path: Path) -> None:
    """P3: what was folded into `other` shows that it was."""
    metrics = Metrics(("cost_center",))
    for number in range(300):
        metrics.exchange_closed(served(metadata={"cost_center": f"cc-{number}"}))
    _publish(tmp_path, "w", metrics)
    samples = _scrape(tmp_path)
    folded = _total(samples, "envelope_label_overflow_total", metric="envelope_requests_total")
    assert folded == 100
    other = _total(samples, "envelope_requests_total", metadata_cost_center="other")
    assert other == 100


def test_workers_with_other_metadata_labels_stand_side_by_side(tmp_path: Path) -> None:
    """P7: a configuration change must not make the older workers' figures unreadable."""
    for owner, keys in (("a", ()), ("b", ("cost_center",))):
        metrics = Metrics(keys)
        metrics.exchange_closed(served())
        _publish(tmp_path, owner, metrics)
    samples = _scrape(tmp_path)
    assert _total(samples, "envelope_requests_total") == 2
    assert _total(samples, "envelope_requests_total", metadata_cost_center="cc-7") == 1


def test_unreadable_snapshot_is_counted_and_the_others_still_count(tmp_path: Path) -> None:
    """P3: a gap in the figures is visible."""
    metrics = Metrics()
    metrics.exchange_closed(refused())
    _publish(tmp_path, "good", metrics)
    good = encode(metrics, "w", {})
    bad = {
        "cut": good[:-9],
        "alien": b'{"metrics": []}',
        "list": b"[]",
        "old": good.replace(b'"format":1', b'"format":0'),
        "row": good.replace(b'["budget_exceeded","team-day"]', b'["budget_exceeded"]'),
        "kind": good.replace(b'"team-day"],1]', b'"team-day"],"1"]'),
    }
    for name, content in bad.items():
        assert content != good
        (tmp_path / f"{name}.json").write_bytes(content)
    samples = _scrape(tmp_path)
    assert _total(samples, "envelope_snapshots_unreadable") == len(bad)
    assert _total(samples, "envelope_refusals_total", rule="team-day") == 1


def test_other_buckets_are_left_out(tmp_path: Path) -> None:
    """P2: counts of another release's buckets are not added to ours."""
    metrics = Metrics()
    metrics.exchange_closed(served())
    content = encode(metrics, "w", {}).replace(b'"buckets":[10000,', b'"buckets":[10001,')
    SnapshotFile(tmp_path, "w").write(1, content)
    samples = _scrape(tmp_path)
    assert _total(samples, "envelope_governance_seconds_count") == 0
    assert _total(samples, "envelope_requests_total") == 1


def test_folder_that_is_not_there_is_empty(tmp_path: Path) -> None:
    """P7: a scrape before the first worker has published is no fault."""
    samples = _scrape(tmp_path / "metrics")
    assert samples == {("envelope_snapshots_unreadable", ()): 0}


def test_older_snapshot_never_replaces_a_newer_one(tmp_path: Path) -> None:
    """P2: counters do not fall because a slow disk finished late."""
    older, newer = Metrics(), Metrics()
    newer.exchange_closed(served())
    file = SnapshotFile(tmp_path, "w")
    file.write(2, encode(newer, "w", {}))
    file.write(1, encode(older, "w", {}))
    assert read(tmp_path / "w.json")[catalog.REQUESTS.name].rows != {}


def test_reader_sees_whole_snapshots_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """P2: a worker killed while it writes leaves its last whole snapshot."""
    file, metrics = SnapshotFile(tmp_path, "w"), Metrics()
    metrics.exchange_closed(served())
    file.write(1, encode(metrics, "w", {}))
    monkeypatch.setattr(os, "replace", _killed)
    metrics.exchange_closed(served(served=CLAUDE))
    with pytest.raises(OSError, match="killed"):
        file.write(2, encode(metrics, "w", {}))
    assert _total(_scrape(tmp_path), "envelope_requests_total") == 1


def _killed(*_: object) -> None:
    raise OSError("killed")
