"""Decisions made again under the digests they name."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from extproc.audit.archive import Archive
from extproc.audit.entry import MASK
from extproc.audit.values import Entry
from extproc.replay.again import Report, decide_again
from extproc.replay.library import Library
from tests.replay.traffic import BAD_WORD, BOT, DEV, POLICY, Traffic, documents, policy_at


async def again(gateway: Traffic, entries: list[Entry] | None = None) -> Report:
    library = Library(gateway.archive, strict=True)
    return await decide_again(gateway.entries if entries is None else entries, library)


async def test_a_thousand_of_a_thousand(gateway: Traffic) -> None:
    """P6: every decision of a thousand mixed calls comes out as it was recorded: allowed, and
    refused by policy, scope, cap, rate limit, budget and guardrail."""
    await gateway.mixed(1_000)
    report = await again(gateway)
    assert report.differences == []
    assert (report.same, report.decided, report.calls) == (1_000, 1_000, 1_000)
    refused = Counter(e["decision"]["code"] for e in gateway.entries if "code" in e["decision"])
    assert refused.keys() == {
        "permission_denied", "request_cap_exceeded", "rate_limit_exceeded", "budget_exceeded",
        "guardrail_blocked",
    }  # fmt: skip
    assert all(report.refusals[code] == count for code, count in refused.items())
    routed = [entry["routing"] for entry in gateway.entries if "routing" in entry]
    assert len({str(one["keys"]) for one in routed if "keys" in one}) == 2
    assert any(one.get("fallback_id") == "further" for one in routed)
    kept = [e.get("limits", {}) for e in gateway.entries]
    assert all(any(name in one for one in kept) for name in ("degraded", "due", "clamped", "caps"))


async def test_every_configuration_in_its_time(gateway: Traffic, tmp_path: Path) -> None:
    """P6: calls before and after a reload are each decided by what was in force."""
    await gateway.mixed(30)
    stricter = POLICY + '\nreasons contains "no" if input.metadata.project_id == "p1"\n'
    await gateway.use(documents(policy_at(tmp_path / "second", stricter)))
    await gateway.mixed(30)
    assert (
        len({entry["policy"]["bundle_digest"] for entry in gateway.entries if "policy" in entry})
        == 2
    )
    report = await again(gateway)
    assert report.same == report.calls == 60


def changed(entry: Entry, path: str, value: Any) -> Entry:
    """A copy with something else in one place."""
    copy: Entry = json.loads(json.dumps(entry))
    *way, last = path.split(".")
    at: Any = copy
    for step in way:
        at = at[int(step) if step.isdigit() else step]
    at[int(last) if last.isdigit() else last] = value
    return copy


@pytest.mark.parametrize(("path", "value", "shown"), [
    ("policy.targets.big/large.allow", False, "policy.targets.big/large.allow"),
    ("policy.reasons", ["because"], "policy.reasons"),
    ("limits.counters.0.limit", 7, "limits.counters.0.limit"),
    ("limits.counters.0.amount", 1, "limits.counters.0.amount"),
    ("limits.asked.cost_nano_usd", 1, "limits.asked.cost_nano_usd"),
    ("guardrails.llm_input.outcomes.g/words", "block", "guardrails.llm_input.outcomes.g/words"),
    ("guardrails.selected.llm_input", [], "guardrails.selected.llm_input"),
    ("request.input_tokens", 99, "limits.asked.input_tokens"),
    ("plan", ["small/tiny"], "plan.0"),
    ("routing.rule_id", "other", "routing.rule_id"),
    ("limits.counters.0.spent", 10**12, "decision.code"),
])  # fmt: skip
async def test_an_entry_that_does_not_follow(
    gateway: Traffic, path: str, value: Any, shown: str
) -> None:
    """P6: a decision that the entry's own facts do not lead to is a difference, with its place."""
    entry = await gateway.say(metadata={"project_id": "p1"})
    report = await again(gateway, [changed(entry, path, value)])
    assert report.same == 0 and report.decided == 1
    assert shown in {difference.path for difference in report.differences}


async def test_a_finding_that_refuses(gateway: Traffic) -> None:
    """P6: what a finding means is judged again: without it, the refusal does not follow."""
    entry = await gateway.say(f"say {BAD_WORD}")
    assert entry["decision"]["code"] == "guardrail_blocked"
    report = await again(gateway, [entry, changed(entry, "guardrails.llm_input.findings", [])])
    assert (report.same, report.decided) == (1, 2)


async def test_what_cannot_be_decided_again_is_not_the_same(gateway: Traffic) -> None:
    """P3: refused for what nobody may keep, gone, or masked: counted by the reason."""
    await gateway.unreadable()
    ordinary = await gateway.say(metadata={"project_id": "p1"})
    gateway.entries += [
        {"event": 7, "index": 1, "leaf_hash": "x", "pruned": True},
        {**ordinary, "truncated": True},
        changed(ordinary, "decision.outcome", "worker_lost"),
        {key: value for key, value in ordinary.items() if key != "duration_ms"},
        changed(ordinary, "metadata.project_id", MASK),
        changed(ordinary, "decision.code", "store_unavailable"),
        changed(ordinary, "config_digest", "0" * 64),
        changed(ordinary, "price_table_digest", "0" * 64),
        changed(ordinary, "policy.bundle_digest", "0" * 64),
        {**ordinary, "policy": {"engine": "opa", "bundle_digest": "1"}},
        changed(ordinary, "routing.candidates", ["nobody/nothing"]),
        {"kind": "event", "decision_id": "event-1", "decision": {"outcome": "done"}},
    ]  # fmt: skip
    report = await again(gateway)
    assert report.left_out == Counter(
        caller_not_known=1, body_not_read=1, metadata_refused=1, pruned=1, cut_to_size=1,
        worker_lost=1, older_version=1, metadata_masked=1, dependency_failed=1,
        config_not_archived=1, prices_not_archived=1, policy_not_archived=1, policy_elsewhere=1,
        routing_not_found=1,
    )  # fmt: skip
    assert report.events == 1
    assert report.same == report.decided == 2  # the ordinary one, and the path that is none
    assert report.calls == report.decided + report.left_out.total()


async def test_an_empty_archive_proves_nothing(gateway: Traffic, tmp_path: Path) -> None:
    """P6: without the texts no decision is called the same."""
    await gateway.mixed(5)
    library = Library(Archive(tmp_path / "nothing"), strict=True)
    report = await decide_again(gateway.entries, library)
    assert report.decided == 0 and report.left_out["config_not_archived"] == 5


async def test_lists_of_models_and_embeddings(gateway: Traffic) -> None:
    """P6: kinds of calls beside chat."""
    await gateway.say(
        path="/v1/embeddings", body=json.dumps({"model": "small/tiny", "input": "a"}).encode()
    )
    await gateway.say(key=DEV, path="/v1/messages", max_tokens=20)
    await gateway.say(key=BOT, service_tier="flex", stop="a")
    report = await again(gateway)
    assert report.same == report.calls == 3


async def test_an_entry_says_who_and_how_long(gateway: Traffic) -> None:
    """P4: what was added for replay are names and numbers; a caller's text in place of a lane is
    not kept."""
    entry = await gateway.say(metadata={"project_id": "p1"}, service_tier="my secret plan")
    assert entry["duration_ms"] >= 0 and "lane" not in entry["request"]
    assert entry["limits"]["counters"][0] == {
        "rule_id": "project-day", "kind": "budget", "measure": "cost", "window": "day",
        "limit": 30_000_000, "amount": entry["limits"]["asked"]["cost_nano_usd"],
        "spent": 0, "reserved": 0,
        "left": 30_000_000 - entry["limits"]["asked"]["cost_nano_usd"],
    }  # fmt: skip
    assert "secret plan" not in json.dumps(entry)
