"""What a configuration may say of telemetry."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from extproc.config.files import check_secrets
from extproc.config.load import load
from extproc.config.model import Config
from extproc.config.sources import Source
from extproc.telemetry.observer import WorkerObserver, build_observer

ACCOUNT = {"type": "provider-account", "name": "a", "provider": "openai",
           "models": [{"id": "m", "max_output_tokens": 9,
                       "price": {"input_per_mtok": 1, "output_per_mtok": 1}}]}  # fmt: skip


def _loaded(**telemetry: Any) -> Any:
    document = {"type": "gateway-config", "name": "gateway", "telemetry": telemetry}
    text = yaml.safe_dump_all([document, ACCOUNT])
    return load([Source("gateway.yaml", text, "/etc/envelope")])


MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({"otlp_endpoint": "http://c:4317/v1", "protocol": "grpc"}, "gRPC knows none"),
    ({"otlp_endpoint": "http://c:4318", "ca_file": "ca.pem"}, "is never used"),
    ({"otlp_endpoint": "http://user:pass@c:4318"}, "must not carry credentials"),
    ({"protocol": "http/json"}, "protocol"),
    ({"sample_ratio": 1.5}, "sample_ratio"),
    ({"sample_ratio": -0.1}, "sample_ratio"),
    ({"headers": {"content-type": {"env": "A"}}}, "is the exporter's to say"),
    ({"headers": {"grpc-timeout": {"env": "A"}}}, "is the exporter's to say"),
    ({"headers": {"Authorization": {"env": "A"}}}, "headers"),
    ({"headers": {"authorization": "text"}}, "headers"),
    ({"resource_attributes": {"": "x"}}, "resource_attributes"),
    ({"log_format": "xml"}, "log_format"),
    ({"traces_endpoint": "http://c"}, "traces_endpoint"),
]


@pytest.mark.parametrize(("telemetry", "words"), MISTAKES)
def test_mistakes_are_told(telemetry: dict[str, Any], words: str) -> None:
    """P7: what would be ignored, or could not work, does not load."""
    found = _loaded(**telemetry)
    assert isinstance(found, list)
    assert words in " ".join(map(str, found))
    assert "pass@" not in " ".join(map(str, found))


def test_paths_are_those_of_the_configuration() -> None:
    """P7: a relative `ca_file` or secret is beside the file that names it."""
    config = _loaded(otlp_endpoint="https://c", ca_file="ca.pem",
                     headers={"authorization": {"file": "secrets/otlp"}})  # fmt: skip
    assert isinstance(config, Config)
    telemetry = config.gateway.telemetry
    assert telemetry.ca_file == "/etc/envelope/ca.pem"
    assert telemetry.headers["authorization"].file == "/etc/envelope/secrets/otlp"


def test_missing_secret_is_found_before_traffic() -> None:
    """P7: a header's secret is looked for like every other."""
    config = _loaded(otlp_endpoint="https://c", headers={"authorization": {"env": "NOT_THERE"}})
    assert isinstance(config, Config)
    (mistake,) = check_secrets(config, {})
    assert "telemetry.headers.authorization" in str(mistake) and "NOT_THERE" in str(mistake)
    assert check_secrets(config, {"NOT_THERE": "x"}) == []


@pytest.mark.parametrize("telemetry", [
    {}, {"otlp_endpoint": "http://127.0.0.1:9", "traces": False, "metrics": False},
])  # fmt: skip
def test_nothing_is_opened_where_nothing_is_sent(telemetry: dict[str, Any], tmp_path: Path) -> None:
    """P8: no collector, no exporter."""
    observer = build_observer(_loaded(**telemetry).gateway.telemetry, tmp_path, "w0")
    assert isinstance(observer, WorkerObserver)
    assert observer._otlp is None
