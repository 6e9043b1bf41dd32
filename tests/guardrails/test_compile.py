"""From documents to gates: every type of the contract can be put in force."""

from __future__ import annotations

from importlib import import_module
from typing import Any, get_args

import pytest

from extproc.config.guardrail_model import MUTATING, SERVICES, GuardrailType, patience_ms
from extproc.config.guardrail_settings import GUARDRAIL_SETTINGS
from extproc.config.model import Guardrail
from extproc.guardrails.compile import compile_guardrails, mistakes
from extproc.guardrails.services.ports import Ports
from tests.guardrails.builders import guardrail

KEY = {"env": "SOME_KEY"}
SETTINGS: dict[str, dict[str, Any]] = {
    "topics": {"deny": [{"name": "sport", "keywords": ["football"]}]},
    "regex": {"custom_patterns": [{"pattern": "x{3}"}]},
    "metadata": {"keys": {"team": {"required": True}}},
    "json-schema": {"schema": {"type": "object"}},
    "length": {"total": {"max_chars": 10}},
    "language": {"allowed": ["en"]},
    "cedar": {"policy": "permit(principal, action, resource);"},
    "opa": {"opa_url": "http://127.0.0.1:1", "policy_path": "a/b"},
    "judge": {"account": "a", "model": "b/c", "criteria": "relevance"},
    "webhook": {"url": "http://127.0.0.1:1/"},
    "openai-moderations": {"api_key": KEY},
    "azure-content-safety": {"api_key": KEY, "resource_name": "house"},
    "bedrock-guardrails": {"guardrail_id": "g", "guardrail_version": "1", "region": "eu-west-1"},
    "patronus": {"api_key": KEY, "target": "response", "evaluators": [{"evaluator": "judge"}]},
    "presidio": {"url": "http://127.0.0.1:1"},
}


class Nobody:
    async def post(self, url: str, body: bytes, headers: Any) -> Any:
        raise AssertionError("nobody is asked while guardrails are built")


PORTS = Ports(Nobody(), "http://127.0.0.1:1", lambda _account: "k", lambda: 0)


def made(kind: str, **fields: Any) -> Guardrail:
    return guardrail(kind, config=SETTINGS.get(kind, {}), **fields)


@pytest.mark.parametrize("kind", get_args(GuardrailType))
def test_every_type_can_be_built(kind: str) -> None:
    """Contract 2 (guardrail types): each has settings, and does something once it is built."""
    assert kind in GUARDRAIL_SETTINGS and mistakes(made(kind)) == []
    gate = compile_guardrails({"g/x": made(kind)}, ports=PORTS)["g/x"]
    assert gate.scans or gate.check or gate.bound or gate.service
    assert (gate.service is not None) is (kind in SERVICES)


@pytest.mark.parametrize("kind", get_args(GuardrailType))
def test_who_can_mutate(kind: str) -> None:
    """P7: an operation that a type does not have is a mistake at load, not a surprise at run."""
    if kind in MUTATING:
        assert compile_guardrails({"g/x": made(kind, operation="mutate")}, ports=PORTS)
    else:
        with pytest.raises(ValueError, match="cannot mutate"):
            made(kind, operation="mutate")


DETECTORS = {
    "code-safety": "code_safety", "content-moderation": "content_moderation", "topics": "topics",
    "regex": "regex_patterns", "sql-sanitizer": "sql_sanitizer",
    "prompt-injection": "prompt_injection",
}  # fmt: skip


@pytest.mark.parametrize("kind", DETECTORS)
def test_the_table_says_what_the_types_say(kind: str) -> None:
    """P7: the loader's table of mutating types is the types' own."""
    module = import_module(f"extproc.guardrails.detectors.{DETECTORS[kind]}")
    assert ("mutate" in module.OPERATIONS) is (kind in MUTATING)


@pytest.mark.parametrize(("profile", "ok"), [
    ({"development": "audit", "staging": "enforce", "production": "strict"}, True),
    ({"dev": "audit", "prod": "audit"}, True), ({"local": "strict"}, True),
    ({"staging": "strict", "production": "enforce"}, False),
    ({"test": "enforce", "live": "audit"}, False), ({}, False),
    ({"canary": "audit", "production": "strict"}, True),
])  # fmt: skip
def test_profiles_only_tighten(profile: dict[str, str], ok: bool) -> None:
    """Guard (profiles): what is looser in production than before it is a mistake."""
    if ok:
        assert guardrail(profile=profile).profile == profile
    else:
        with pytest.raises(ValueError, match=r"looser|empty"):
            guardrail(profile=profile)


@pytest.mark.parametrize("fields", [
    {"operation": "mutate", "execution": "after"}, {"operation": "mutate", "execution": "parallel"},
    {"redaction": "mask"}, {"timeout_ms": 60_001}, {"roles": ()}, {"execution": "sometimes"},
])  # fmt: skip
def test_what_could_not_hold_is_refused(fields: dict[str, Any]) -> None:
    """P7: a guardrail that could not do what it says does not load."""
    with pytest.raises(ValueError):
        guardrail(**fields)


def test_how_long_a_hook_may_wait() -> None:
    """P1: those that validate wait together, those that mutate in turn, others not at all."""
    hook = {"config": SETTINGS["webhook"]}
    found = [
        guardrail("webhook", timeout_ms=900, **hook), guardrail("webhook", timeout_ms=700, **hook),
        guardrail("webhook", operation="mutate", timeout_ms=30, **hook),
        guardrail("webhook", operation="mutate", timeout_ms=4, **hook),
        guardrail("webhook", execution="after", timeout_ms=9_000, **hook),
        guardrail("pii", timeout_ms=8_000),
    ]  # fmt: skip
    assert patience_ms(found) == 934
