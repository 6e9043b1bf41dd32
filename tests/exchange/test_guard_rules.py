"""Which guardrails look at what: environments, profiles, roles, unreadable parts."""

from __future__ import annotations

import json
from typing import Any

import pytest

from extproc.errors import Code
from tests.exchange.judges import guards
from tests.exchange.stage import Json, Stage

MAIL = "ada@example.com"
IMAGE = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}


def pii(**fields: Any) -> Json:
    return {"name": "pii", "type": "pii", **fields}


def gateway(environment: str) -> Json:
    return {"type": "gateway-config", "name": "gateway", "environment": environment}


def user(content: Any) -> list[Json]:
    return [{"role": "user", "content": content}]


PROFILE = {"development": "audit", "staging": "enforce", "production": "strict"}


@pytest.mark.parametrize(("environment", "outcome"), [
    ("development", "audit"), ("staging", "block"), ("production", "block"), ("elsewhere", "block"),
])  # fmt: skip
async def test_a_profile_tightens(stage: Stage, environment: str, outcome: str) -> None:
    """Guard (profiles): one guardrail is looser in development than where it counts."""
    await stage.open(*guards(pii(profile=PROFILE)), environment=environment)
    said = await stage.say(messages=user(MAIL))
    found = (await said.over(complete=False))["guardrails"]["llm_input"]
    assert found["outcomes"] == {"g/pii": outcome}


@pytest.mark.parametrize(("named", "applies"), [(["production"], True), (["staging"], False)])
async def test_a_rule_for_an_environment(stage: Stage, named: list[str], applies: bool) -> None:
    """Guard (rules pick by environment): elsewhere the rule says nothing."""
    documents = guards(pii(), rule={"when": {"environments": named}})
    await stage.open(*documents, environment="production")
    said = await stage.say(messages=user(MAIL))
    entry = await said.over(complete=False)
    assert ("guardrails" in entry) is applies


@pytest.mark.parametrize(("roles", "blocked"), [
    (["tool"], True), (["user", "system"], False), (None, True),
])  # fmt: skip
async def test_roles(stage: Stage, roles: list[str] | None, blocked: bool) -> None:
    """Guard: a guardrail for tool results reads tool results, and only those count as read (P3)."""
    await stage.open(*guards(pii(**({"roles": roles} if roles else {}))))
    messages = [*user("hello"), {"role": "tool", "tool_call_id": "c", "content": MAIL}]
    said = await stage.say(messages=messages)
    found = (await said.over(complete=False))["guardrails"]["llm_input"]
    assert (found["outcomes"]["g/pii"] == "block") is blocked
    assert found["coverage"]["texts"] == {("tool",): 1, ("user", "system"): 1}.get(
        tuple(roles or ()), 2
    )


@pytest.mark.parametrize("unscanned", ["allow", "refuse"])
async def test_parts_nobody_can_read(stage: Stage, unscanned: str) -> None:
    """P3: they are named in the entry, and refused where a rule says so."""
    await stage.open(*guards(pii(), rule={"unscanned": unscanned}))
    said = await stage.say(messages=user([{"type": "text", "text": "look"}, IMAGE]))
    if unscanned == "refuse":
        refusal = said.refused.refusal
        assert refusal.code is Code.GUARDRAIL_BLOCKED
        assert refusal.rule_id == "r" and "messages[0].content[1]" in refusal.detail
    entry = await said.over(complete=False)
    assert entry["guardrails"]["unscanned"] == ["messages[0].content[1]"]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("unscanned", ["allow", "refuse"])
async def test_answers_nobody_can_read(stage: Stage, unscanned: str, stream: bool) -> None:
    """P3, P5: the same for what comes back, streamed or not."""
    await stage.open(*guards(pii(), on=("llm_output",), rule={"unscanned": unscanned}))
    said = await stage.say(stream=stream)
    heard = await said.audio(stream=stream)
    entry = await said.over()
    assert entry["guardrails"]["unscanned_answer"]
    assert ("guardrail_blocked" in heard) is (unscanned == "refuse")
    assert ("UklGRg" in heard) is (unscanned == "allow")
    assert "UklGRg" not in json.dumps(entry)
