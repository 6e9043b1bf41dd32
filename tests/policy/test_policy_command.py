"""The command `envelope policy`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from extproc.cli.main import main
from tests.policy.opa_process import OpaProcess

CONFIG = """
type: gateway-config
name: gateway
environment: production
---
type: provider-account
name: us
provider: openai
base_url: http://127.0.0.1:9100/v1
auth: {api_key: {env: KEY}}
region: us
models: [{id: m, max_output_tokens: 100, price: {input_per_mtok: 1, output_per_mtok: 1}}]
---
type: provider-account
name: eu
provider: openai
base_url: http://127.0.0.1:9100/v1
auth: {api_key: {env: KEY}}
region: eu
models: [{id: m, max_output_tokens: 100, price: {input_per_mtok: 1, output_per_mtok: 1}}]
---
type: virtual-account
name: bot
team: support
tags: {environment: production}
models: ["prod/*"]
---
type: gateway-load-balancing-config
name: routing
rules:
  - id: chain
    type: priority-based-routing
    when: {models: [prod/chat]}
    load_balance_targets: [{target: us/m, priority: 0}, {target: eu/m, priority: 1}]
"""


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG)
    return str(path)


def policy(tmp_path: Path, name: str, text: str) -> str:
    (tmp_path / name).write_text(text)
    return str(tmp_path)


def test_check_accepts_the_shipped_bundle(capsys: pytest.CaptureFixture[str]) -> None:
    """Contract, commands: exit 0 for a bundle that would be enforced."""
    assert main(["policy", "check"]) == 0
    assert "ok, bundle" in capsys.readouterr().err


def test_check_names_every_mistake(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Contract, commands: `file:line: message`, exit 2."""
    folder = policy(tmp_path, "p.rego", "package envelope.authz\n\nallow if x\nq if nope(1)\n")
    assert main(["policy", "check", folder]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(": ")[0] for line in lines] == [f"{folder}/p.rego:{n}" for n in (3, 4)]
    assert main(["policy", "check", "--json", folder]) == 2
    assert [m["line"] for m in json.loads(capsys.readouterr().out)] == [3, 4]


def test_test_passes_and_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Contract, commands: 0 when all pass, 1 when one fails."""
    assert main(["policy", "test"]) == 0
    folder = policy(tmp_path, "p.rego", "package envelope.authz\n\nallow if input.a\n")
    policy(tmp_path, "p_test.rego", "package t\n\nimport data.envelope.authz\n\n"
           "test_yes if authz.allow with input as {\"a\": true}\n\n"
           "test_no if authz.allow with input as {}\n")  # fmt: skip
    capsys.readouterr()
    assert main(["policy", "test", folder]) == 1
    text = capsys.readouterr().err
    assert "PASS data.t.test_yes" in text and "FAIL data.t.test_no" in text
    assert "1 of 2 passed" in text


def test_no_tests_are_no_pass(tmp_path: Path) -> None:
    """Style, no vacuous truth: a run without tests fails."""
    assert main(["policy", "test", policy(tmp_path, "p.rego",
                 "package envelope.authz\n\nallow := true\n")]) == 1  # fmt: skip


def test_a_typo_in_a_test_is_no_pass(tmp_path: Path) -> None:
    """P7: tests are admitted like policies; `not` over a misspelt rule would pass for a pass."""
    folder = policy(tmp_path, "p.rego", "package envelope.authz\n\nallow if input.a\n")
    test = "package envelope.authz\n\ntest_no if not alow with input as {}\n"
    policy(tmp_path, "p_test.rego", test)
    assert main(["policy", "test", folder]) == 2


def test_opa_runs_the_same_tests(opa_binary: str, capsys: pytest.CaptureFixture[str]) -> None:
    """P6: the shipped tests pass with OPA itself, as many as in process."""
    assert main(["policy", "test", "--json"]) == 0
    ours = json.loads(capsys.readouterr().out)
    assert main(["policy", "test", "--json", "--engine", "opa", "--opa-binary", opa_binary]) == 0
    theirs = json.loads(capsys.readouterr().out)
    assert sorted(o["name"] for o in ours) == sorted(o["name"] for o in theirs)
    assert all(o["passed"] for o in theirs)


def explain(config: str, *more: str) -> int:
    return main(["policy", "explain", "--config", config, "--key-account", "bot", "--model",
                 "prod/chat", *more])  # fmt: skip


def test_explain_judges_every_target(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Contract, commands: why a call would be allowed or not, target by target."""
    assert explain(config, "--json", "--metadata", '{"data_class": "customer_pii"}') == 0
    us, eu = json.loads(capsys.readouterr().out)
    assert (us["target"], us["allow"]) == ("us/m", False)
    assert us["reasons"] == ["data_class customer_pii only reaches region eu"]
    assert (eu["target"], eu["allow"]) == ("eu/m", True)
    assert eu["input"]["metadata"] == {"data_class": "customer_pii", "environment": "production"}


def test_explain_says_no_with_1(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Contract, commands: exit 1 when no target is left."""
    Path(config).write_text(CONFIG.replace("region: eu", "region: us"))
    assert explain(config, "--metadata", '{"data_class": "customer_pii"}') == 1
    assert capsys.readouterr().err.count("DENY") == 2


@pytest.mark.parametrize("wrong", [
    ["--key-account", "nobody"], ["--model", "no/such"], ["--metadata", "{"],
    ["--metadata", '{"a": 1}'],
])  # fmt: skip
def test_explain_refuses_what_it_does_not_know(config: str, wrong: list[str]) -> None:
    """Contract, commands: 2 for usage and configuration."""
    assert explain(config, *wrong) == 2


def test_push_loads_an_opa(opa: OpaProcess, tmp_path: Path) -> None:
    """Contract, policies: a bundle, its data included, can be put into an OPA server."""
    opa.clear()
    folder = tmp_path / "b"
    (folder / "teams").mkdir(parents=True)
    policy(folder, "p.rego", "package envelope.authz\n\nallow if data.teams.a == 1\n")
    policy(folder / "teams", "d.json", '{"a": 1}')
    assert main(["policy", "push", "--opa-url", opa.url, str(folder)]) == 0
    assert opa.value("envelope/authz/allow", {}) is True


def test_push_says_why_it_failed(opa: OpaProcess, tmp_path: Path,
                                 capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    """Contract, commands: exit 1 with OPA's own words."""
    opa.clear()
    folder = policy(tmp_path, "p.rego", "package envelope.authz\n\nallow if x\n")
    assert main(["policy", "push", "--opa-url", opa.url, folder]) == 1
    assert "unsafe" in capsys.readouterr().err
    assert main(["policy", "push", "--opa-url", "http://127.0.0.1:1", folder]) == 1
    assert main(["policy", "push", "--opa-url", "opa", folder]) == 1
