"""Guardrails that load and could not work: found before traffic is, at their place (P7)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from extproc.admissible import mistakes
from extproc.config.advice import advice
from extproc.config.load import load
from extproc.config.model import Config
from extproc.config.sources import Source

ACCOUNT = {
    "type": "provider-account", "name": "main", "provider": "openai", "base_url": "http://127.0.0.1:9",
    "region": "eu", "models": [{"id": "m", "price": {"input_per_mtok": 1, "output_per_mtok": 1}}],
}  # fmt: skip


def config(folder: Path, guardrail: dict[str, Any], *hooks: str) -> Config:
    group = {
        "type": "guardrail-config-group",
        "name": "g",
        "guardrails": [{"name": "x", **guardrail}],
    }
    named = {f"{hook}_guardrails": ["g/x"] for hook in hooks}
    rules = [{"id": "r", "when": {}, **named}]
    rule = {"type": "gateway-guardrails-config", "name": "rules", "rules": rules}
    text = yaml.safe_dump_all([ACCOUNT, group, rule])
    found = load([Source("a.yaml", text, str(folder))])
    assert isinstance(found, Config), found
    return found


METADATA = {"type": "metadata", "config": {"keys": {"team": {"required": True}}}}
PERMIT = "permit(principal, action, resource);"
HOOK = {"url": "http://127.0.0.1:9/"}


@pytest.mark.parametrize(("guardrail", "hooks", "said"), [
    (METADATA, ["llm_output"], "nothing to look at here; name it under `llm_input_guardrails`"),
    ({"type": "prompt-leak"}, ["llm_input"], "name it under `llm_output_guardrails`"),
    ({"type": "json-schema", "config": {"from": "request"}}, ["llm_input"], "nothing to look at"),
    ({"type": "webhook", "config": {**HOOK, "target": "response"}}, ["llm_input"], "nothing to"),
    ({"type": "cedar", "config": {"policy": PERMIT}}, ["llm_input"], ""),
    ({"type": "json-schema", "config": {"file": "no.json"}}, ["llm_output"], "no.json"),
    ({"type": "judge", "config": {"account": "nobody", "model": "main/m", "criteria": "relevance"}},
     ["llm_output"], "nobody"),
    ({"type": "webhook", "config": {**HOOK, "secret_headers": {"x-key": {"env": "NO_SUCH_VAR"}}}},
     ["llm_input"], "`secret_headers.x-key` of guardrail 'g/x': environment variable NO_SUCH_VAR"),
    ({"type": "webhook", "config": {**HOOK, "auth_data": {"type": "bearer-auth",
      "bearer_token": {"file": "no/such"}}}}, ["llm_input"], "no/such cannot be read"),
])  # fmt: skip
def test_what_could_not_work_is_told(
    tmp_path: Path, guardrail: dict[str, Any], hooks: list[str], said: str
) -> None:
    """P7: with the place in the file, and what to do instead."""
    found = [str(one) for one in mistakes(config(tmp_path, guardrail, *hooks))]
    if not said:
        assert found == []
    else:
        (only,) = found
        assert said in only and only.startswith("a.yaml:") and "g/x" in only


def test_paths_start_at_the_documents_folder(tmp_path: Path) -> None:
    """Contract 2: relative paths, in a guardrail's settings too."""
    (tmp_path / "s.json").write_text('{"type": "object"}')
    (tmp_path / "key").write_text("k")
    schema = {"type": "json-schema", "config": {"file": "s.json"}}
    assert mistakes(config(tmp_path, schema, "llm_output")) == []
    headers = {"type": "webhook", "config": {**HOOK, "secret_headers": {"x-key": {"file": "key"}}}}
    assert mistakes(config(tmp_path, headers, "llm_input")) == []


def test_rules_for_tool_calls_load_and_say_that_they_wait(tmp_path: Path) -> None:
    """P3: MCP is not served yet; a rule about it is no mistake, and `check` says what it is."""
    found = config(tmp_path, {"type": "pii"}, "mcp_tool_pre_invoke")
    assert mistakes(found) == []
    said = [str(one) for one in advice(found)]
    assert any("tool calls, which this version does not serve" in one for one in said)
