"""`envelope explain`: the same decisions as a request's own, without a request."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from extproc.cli.main import main

GATEWAY = """
type: gateway-config
name: g
environment: production
metadata: {required: [environment]}
---
type: provider-account
name: us
provider: openai
base_url: http://127.0.0.1:1/v1
region: us
models: [{id: m, price: {input_per_mtok: 10, output_per_mtok: 20}, max_output_tokens: 1000}]
---
type: provider-account
name: eu
provider: anthropic
base_url: http://127.0.0.1:2
region: eu
models: [{id: m, price: {input_per_mtok: 10, output_per_mtok: 20}, max_output_tokens: 1000}]
---
type: virtual-account
name: bot
team: core
tags: {environment: production}
models: ["prod/*", "us/m"]
---
type: user
name: ann
email: ann@example.com
models: ["us/*"]
keys: [{name: k, sha256: "%s"}]
---
type: gateway-load-balancing-config
name: r
rules:
  - id: review
    type: priority-based-routing
    when: {models: [prod/x], subjects: ["team:other"], metadata: {workflow: review}}
    load_balance_targets: [{target: eu/m}]
  - id: all
    type: priority-based-routing
    when: {models: [prod/x]}
    load_balance_targets:
      - {target: us/m, fallback_status_codes: [429, 503]}
      - {target: eu/m, priority: 1}
      - {target: us/m, priority: 2, fallback_candidate: false}
---
type: gateway-budget-config
name: b
rules: [{id: day, when: {}, limit_to: 25, unit: cost_per_day}]
""" % ("ab" * 32)
Explain = Callable[..., tuple[int, Any]]


@pytest.fixture
def explain(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Explain:
    file = tmp_path / "gateway.yaml"
    file.write_text(GATEWAY)

    def run(*said: str, who: tuple[str, str] = ("--account", "bot")) -> tuple[int, Any]:
        code = main(["explain", "--config", str(file), *who, *said])
        out = capsys.readouterr()
        if "--json" in said and out.out:
            return code, json.loads(out.out)
        return code, out.out or out.err

    return run


def test_an_allowed_call_is_told_from_scope_to_plan(explain: Explain) -> None:
    """Contract: which rules match and why others did not, which plan results, what it may cost."""
    code, said = explain("--model", "prod/x", "--input-tokens", "100", "--json")
    assert code == 0 and said["verdict"] == {"allowed": True}
    assert said["scope"]["by"] == "prod/*"
    review, every = said["rules"]
    assert review["because"] == [
        "the caller is none of team:other",
        "metadata workflow must be 'review', and nobody says it",
    ]
    assert every["matches"] and every["at"].endswith("gateway.yaml:40")
    assert [(t["target"], t["dialect"], t["allowed"]) for t in said["targets"]] == [
        ("us/m", "openai_chat", True), ("eu/m", "anthropic_messages", True),
    ]  # fmt: skip
    first, second = said["plan"]
    assert first["leads"] == {"429": 2, "503": 2, "broken": 2} and second["leads"] == {}
    assert said["limits"][0]["rule"] == "day"
    one = (100 * 10 + 1000 * 20) / 1e6
    assert said["worst_case_usd"] == pytest.approx(2 * one)
    assert said["limits"][0]["reserves"] == round(2 * one * 1e9)


def test_what_is_refused_names_the_step(explain: Explain) -> None:
    """P1: exit code 1, the code and the reason; nothing after it is made up."""
    code, said = explain("--model", "eu/m", "--json")
    assert code == 1 and not said["scope"]["granted"]
    assert (said["verdict"]["step"], said["verdict"]["status"]) == ("route", 403)
    assert said["targets"] == said["plan"] == said["limits"] == []
    code, said = explain("--model", "prod/x", "--metadata", "environment=staging", "--json")
    assert code == 0, "the account's tag wins"
    code, said = explain("--model", "us/m", "--json", who=("--user", "ann@example.com"))
    assert code == 1 and said["verdict"]["step"] == "contract"


def test_a_denied_target_shows_its_reasons(explain: Explain) -> None:
    """P1: the policy's own answer per target; the plan goes round it."""
    code, said = explain("--model", "prod/x", "--metadata", "data_class=customer_pii", "--json")
    assert code == 0
    assert [(t["target"], t["allowed"]) for t in said["targets"]] == [
        ("us/m", False),
        ("eu/m", True),
    ]
    assert said["targets"][0]["reasons"]
    assert [slot["target"] for slot in said["plan"]] == ["eu/m"]


def test_callers_are_found_in_three_ways(explain: Explain) -> None:
    """Contract: a virtual account, a user by e-mail, a key by its hash; nobody else."""
    said = ("--model", "us/m", "--metadata", "environment=production", "--json")
    for who in (("--user", "ann@example.com"), ("--user", "ann"), ("--key-hash", "AB" * 32)):
        code, told = explain(*said, who=who)
        assert code == 0 and told["caller"]["name"] == "ann"
    for who in (("--account", "nobody"), ("--user", "bob"), ("--key-hash", "cd" * 32)):
        assert explain(*said, who=who)[0] == 2


def test_the_text_says_it_in_lines(explain: Explain) -> None:
    """Contract: a person reads the same."""
    code, text = explain("--model", "prod/x")
    assert code == 0
    assert "all serves it" in text and "review does not match" in text
    assert "429 503 broken -> 2" in text and text.rstrip().endswith("ALLOWED")
    code, text = explain("--model", "prod/none")
    assert code == 1 and "REFUSED at route: 403 permission_denied (no such model)" in text


def test_mistakes_are_told_as_always(explain: Explain, tmp_path: Path) -> None:
    """P7: a configuration that does not load is exit code 2, with file and line."""
    (tmp_path / "gateway.yaml").write_text("type: nonsense\nname: x\n")
    code, text = explain("--model", "x")
    assert code == 2 and "gateway.yaml:1: unknown type 'nonsense'" in text
    (tmp_path / "gateway.yaml").write_text(GATEWAY)
    assert explain("--model", "x", "--metadata", "oops")[0] == 2
    assert explain("--model", "x", "--operation", "embeddings", "--dialect", "anthropic")[0] == 2
