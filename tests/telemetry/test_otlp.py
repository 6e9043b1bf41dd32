"""Spans and metrics at collectors that speak the real protocol, over HTTP and over gRPC."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality

from extproc.config.model import SecretRef, Telemetry
from extproc.telemetry import catalog
from extproc.telemetry.observer import build_observer
from extproc.telemetry.snapshot import read
from tests.telemetry.collector import Collector, collecting, collecting_grpc, plain
from tests.telemetry.records import CALL, DECISION, refused, served


@pytest.fixture(params=["http/protobuf", "grpc"])
async def collector(request: pytest.FixtureRequest) -> AsyncIterator[Collector]:
    opened = collecting() if request.param == "http/protobuf" else collecting_grpc()
    async with opened as running:
        running.protocol = request.param  # type: ignore[attr-defined]
        yield running


def telemetry(collector: Collector, **more: Any) -> Telemetry:
    return Telemetry(otlp_endpoint=collector.url, protocol=collector.protocol, **more)  # type: ignore[attr-defined]


async def export(folder: Path, config: Telemetry, *records: Any, environment: str = "") -> None:
    observer = build_observer(config, folder, "w0", environment)
    for record in records:
        observer.exchange_closed(record)
    await observer.close()


async def test_spans_and_metrics_arrive(collector: Collector, tmp_path: Path) -> None:
    """Telemetry: both protocols carry both signals, and the worker knows that they did."""
    await export(tmp_path, telemetry(collector), served(), refused())
    assert [span.name for span in collector.servers] == ["chat prod/assistant"] * 2
    assert len(collector.last_metrics) == 5
    tables = read(tmp_path / "w0.json")
    assert tables[catalog.SPANS.name].rows == {
        ("exported",): len(collector.spans), ("failed",): 0, ("dropped",): 0,
    }  # fmt: skip
    assert tables[catalog.EXPORTS.name].rows == {("metrics", "taken"): 1, ("traces", "taken"): 1}


async def test_metrics_are_the_figures_of_the_page(collector: Collector, tmp_path: Path) -> None:
    """Contract: GenAI metrics, counted once and shown twice; cumulative, with their buckets."""
    await export(tmp_path, telemetry(collector), served(), refused())
    shown = collector.last_metrics
    assert sorted(shown) == [
        "gen_ai.client.operation.duration", "gen_ai.client.token.usage",
        "gen_ai.server.request.duration", "gen_ai.server.time_per_output_token",
        "gen_ai.server.time_to_first_token",
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


async def test_worker_says_whose_it_is(collector: Collector, tmp_path: Path) -> None:
    """Telemetry: each worker is an instance of its own, or their cumulative sums would collide;
    the configuration may add to the resource and cannot take that away."""
    more = {"service.name": "gw-eu", "k8s.pod.name": "p-1", "service.instance.id": "x"}
    config = telemetry(collector, resource_attributes=more)
    await export(tmp_path, config, served(), environment="production")
    resource = plain(collector.traces[0].resource_spans[0].resource.attributes)
    assert resource == {
        "service.name": "gw-eu", "service.version": resource["service.version"],
        "service.instance.id": "w0", "deployment.environment.name": "production",
        "k8s.pod.name": "p-1",
    }  # fmt: skip


async def test_headers_are_secrets_and_travel(
    collector: Collector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P4: a collector's key is read where it is used; the environment's headers go too."""
    monkeypatch.setenv("COLLECTOR_KEY", "Bearer of-the-collector\n")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-more=a%20b, authorization=not-this")
    config = telemetry(collector, headers={"authorization": SecretRef(env="COLLECTOR_KEY")})
    await export(tmp_path, config, served())
    for head in collector.heads:
        assert head["authorization"] == "Bearer of-the-collector"
        assert head["x-more"] == "a b"
    assert b"of-the-collector" not in (tmp_path / "w0.json").read_bytes()


@pytest.mark.parametrize(("on", "off"), [("traces", "metrics"), ("metrics", "traces")])
async def test_one_signal_without_the_other(
    collector: Collector, tmp_path: Path, on: str, off: str
) -> None:
    """Telemetry: `traces` and `metrics` are switches of their own."""
    await export(tmp_path, telemetry(collector, **{off: False}), served())
    assert getattr(collector, on)
    assert not getattr(collector, off)


async def test_exchange_that_is_not_traced_leaves_no_span(
    collector: Collector, tmp_path: Path
) -> None:
    """Contract 3, `traceparent`: what the caller or the ratio did not choose is not sent; its
    figures are."""
    await export(tmp_path, telemetry(collector), served(spans=None), served())
    assert len(collector.servers) == 1
    duration = collector.last_metrics["gen_ai.server.request.duration"]
    assert duration.histogram.data_points[0].count == 2


async def test_text_that_cannot_be_encoded_spoils_no_batch(
    collector: Collector, tmp_path: Path
) -> None:
    """P3: a caller cannot make the spans of others disappear."""
    odd = CALL.__class__("chat", "\ud800", False, None, 1, ())
    odd_data = {"use_case": "\udfff"}
    config = telemetry(collector, conversation_key="use_case")
    await export(tmp_path, config, served(call=odd, metadata=odd_data), served())
    assert [span.name for span in collector.servers] == ["chat ?", "chat prod/assistant"]


async def test_nothing_of_the_content_or_the_key_is_sent(
    collector: Collector, tmp_path: Path
) -> None:
    """P4: not the path's query, not the reason of a refusal, not the key's name."""
    record = served(path="/v1/chat/completions?key=ek_secret", upstream_details="ek_secret",
                    request_id="ek_secret", metadata={"note": "ek_secret"})  # fmt: skip
    await export(tmp_path, telemetry(collector), record, served(decision_id=DECISION[::-1]))
    assert len(collector.raw) == 2
    assert b"ek_secret" not in b"".join(collector.raw)
    assert b"ek_secret" not in (tmp_path / "w0.json").read_bytes()


async def test_a_worker_starts_without_its_collectors_key(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """P8: what keeps telemetry from being sent keeps no call from being served; it is logged."""
    config = Telemetry(
        otlp_endpoint="http://127.0.0.1:9", headers={"authorization": SecretRef(env="NOT_SET")}
    )
    await export(tmp_path, config, served())
    assert "no telemetry is sent: SecretMissing" in caplog.text
    assert sum(read(tmp_path / "w0.json")[catalog.REQUESTS.name].rows.values()) == 1


@pytest.mark.parametrize("order", ["ours, theirs", "theirs, ours"])
def test_exporters_live_beside_our_own_messages(order: str) -> None:
    """P8: one process holds the ext_proc messages and OpenTelemetry's, whichever comes first; no
    exporter of the SDK comes with them."""
    ours = "from extproc.server import ext_proc_pb2"
    theirs = "from extproc.telemetry import otlp"
    lines = [{"ours": ours, "theirs": theirs}[name] for name in order.split(", ")]
    use = "assert ext_proc_pb2.ProcessingRequest() is not None and otlp.Otlp"
    lean = "import sys; assert not {'opentelemetry.sdk', 'requests'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", "\n".join([*lines, use, lean])], check=True)
