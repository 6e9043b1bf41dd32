"""What another configuration would have made of recorded calls, beside what it makes of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from extproc.audit.values import Entry
from extproc.identity.keys import hash_key
from extproc.policy.embedded import load
from extproc.replay.again import DECIDED
from extproc.replay.changes import Changes
from extproc.replay.library import Instead, Library
from extproc.replay.what_if import what_if
from tests.exchange.stage import budgets, caps, rates
from tests.ledger.conftest import PrivateStore
from tests.replay.traffic import (
    ALICE,
    BAD_WORD,
    MAIL,
    POLICY,
    Json,
    Traffic,
    configured,
    documents,
    guardrail,
    policy_at,
    traffic,
)

CALLS = 120
STRICTER = POLICY + '\nreasons contains "p1 is closed too" if input.metadata.project_id == "p1"\n'
LOOSER = POLICY.replace('== "closed"', '== "nowhere"')
AWAY_FROM_BIG = POLICY + '\nreasons contains "not big" if input.resource.account == "big"\n'


def words(strategy: str, operation: str = "validate") -> Json:
    return {"type": "guardrail-config-group", "name": "g", "guardrails": [
        guardrail("words", "regex", operation, strategy,
                  custom_patterns=[{"name": "BAD", "pattern": BAD_WORD}]),
        guardrail("pii", "pii", "mutate"),
        guardrail("watch", "regex", "validate", "audit",
                  custom_patterns=[{"name": "HELLO", "pattern": "hello"}])]}  # fmt: skip


def stopping_at_hello() -> Json:
    group = words("enforce")
    group["guardrails"][2]["enforcing_strategy"] = "enforce"
    return group


def money(limit: float, **more: Any) -> Json:
    return budgets({"id": "project-day", "limit_to": limit, "unit": "cost_per_day",
                    "budget_applies_per": ["metadata.project_id"], **more})  # fmt: skip


def speed(user_rpm: int) -> Json:
    when = {"subjects": [f"user:{MAIL}"]}
    return rates({"id": "user-rpm", "limit_to": user_rpm, "unit": "requests_per_minute",
                  "when": when, "rate_limit_applies_per": ["user"]})  # fmt: skip


CHANGES: dict[str, tuple[str, dict[str, Json]]] = {
    "a policy that refuses more": (STRICTER, {}),
    "a policy that refuses less": (LOOSER, {}),
    "a policy that leaves other targets": (AWAY_FROM_BIG, {}),
    "a smaller budget": (POLICY, {"budgets": money(0.01)}),
    "a larger budget": (POLICY, {"budgets": money(10)}),
    "a budget with steps": (POLICY, {"budgets": money(
        0.03, degrade=[{"at_percent": 20, "model": "small/tiny"}])}),
    "a lower rate limit": (POLICY, {"rates": speed(2)}),
    "no rate limit to speak of": (POLICY, {"rates": speed(1_000)}),
    "a guardrail that only watches": (POLICY, {"group": words("audit")}),
    "a guardrail that stops watching and blocks": (POLICY, {"group": stopping_at_hello()}),
    "a smaller cap": (POLICY, {"caps": caps({"id": "tight", "max_tokens": 99})}),
    "a smaller scope": (POLICY, {"alice": {
        "type": "user", "name": "alice", "email": MAIL, "teams": ["ml", "research"],
        "models": ["small/*"], "keys": [{"name": "a", "sha256": hash_key(ALICE)}]}}),
}  # fmt: skip


def ends(entries: list[Entry]) -> dict[str, tuple[str, str, str]]:
    """Decision -> code, rule, who served."""
    found = {}
    for entry in entries:
        said = entry["decision"]
        code = said.get("code", "") if said.get("code") in DECIDED else ""
        rule = said.get("rule_id", "") if code else ""
        served = "" if code else entry["plan"][0]
        found[entry["decision_id"]] = (code, rule, served)
    return found


async def tried(gateway: Traffic, instead: Instead) -> Changes:
    return await what_if(gateway.entries, Library(gateway.archive, strict=False), instead)


@pytest.mark.parametrize("name", CHANGES)
async def test_what_is_foretold_comes_true(
    gateway: Traffic, store: PrivateStore, tmp_path: Path, name: str
) -> None:
    """P6: a real gateway with the changed configuration, given the same calls at the same times,
    decides otherwise on exactly the calls that the replay names, and as it says."""
    policy, change = CHANGES[name]
    await gateway.mixed(CALLS, steady=True)
    made = documents(policy_at(tmp_path / "other", policy), **change)
    instead = Instead(configured(made, gateway.folder), load([tmp_path / "other"]))
    found = await tried(gateway, instead)
    second = await traffic(tmp_path / "other", store.url, made)
    await second.mixed(CALLS, steady=True)
    await second.close()
    was, now = ends(gateway.entries), ends(second.entries)
    really = {name for name in was if was[name] != now[name]}
    foretold = {one.decision_id: one for one in found.every if one.kind != "other_cost"}
    assert found.as_recorded == found.decided == CALLS
    assert set(foretold) == really != set()
    for decision_id, one in foretold.items():
        code, rule, served = now[decision_id]
        assert (one.after.code, one.after.rule_id) == (code, rule)
        assert not served or one.after.target == served
