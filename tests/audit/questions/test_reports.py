"""Reports over a quarter whose answers are known."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from extproc.audit.questions.database import Questions
from extproc.audit.questions.report import Report, report_json, row_json
from extproc.audit.questions.reports import REPORTS
from extproc.audit.questions.reports.scope import Scope
from extproc.audit.spend import add_up
from extproc.cli.audit.report import NAMES
from tests.audit.gateway import sequencer
from tests.audit.questions.ledger_of_calls import (
    BUNDLE,
    CALLS,
    DAY,
    HOSTILE,
    OPENAI,
    PII,
    Q3,
    asked,
    call,
    sent,
    write,
)


@pytest.fixture(scope="module")
def questions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Questions]:
    folder: Path = tmp_path_factory.mktemp("reports")
    with asked(write(folder)) as opened:
        yield opened


def rows(report: Report, name: str) -> list[dict[str, Any]]:
    table = next(t for t in report.tables if t.name == name)
    return [row_json(table, row) for row in table.rows]


def test_every_report_has_a_name_on_the_command_line() -> None:
    """Contract: what is built can be asked for."""
    assert set(NAMES) == set(REPORTS)


def test_who_sent_customer_data_to_whom(questions: Questions) -> None:
    """P3: every provider that got it, an attempt that broke off included; what was not sent is
    not counted as sent."""
    report = REPORTS["customer-data"](questions, Scope())
    found = {(r["team"], r["provider"], r["region"]): r for r in rows(report, "customer-data")}
    assert {place: r["calls"] for place, r in found.items()} == {
        ("support", "openai", "us"): 2,
        ("support", "bedrock", "eu-central-1"): 1,
        ("support", "account openai-main", "-"): 1,
        ("research", "openai", "us"): 1,
        ("finance", "openai", "us"): 1,
        ("finance", "bedrock", "eu-central-1"): 2,
        (HOSTILE, "openai", "us"): 1,
    }
    support = found["support", "openai", "us"]
    assert (support["redacted"], support["sent_as_it_was"], support["not_scanned"]) == (1, 1, 0)
    assert found["support", "bedrock", "eu-central-1"]["nothing_found"] == 1
    assert found["research", "openai", "us"]["not_scanned"] == 1
    assert [(r["team"], r["code"], r["calls"]) for r in rows(report, "refused")] == [
        ("research", "guardrail_blocked", 1)
    ]
    assert dict(report.figures) == {
        "calls sent with customer data": "8", "teams": "4", "providers": "3",
        "sent without redaction": "4", "refused": "1", "not known": "2",
        "calls in all": "12",
    }  # fmt: skip


def test_a_shadow_that_only_picks_other_targets_refuses_nothing(tmp_path: Path) -> None:
    """P3: `differs` is about targets: whether the call would end otherwise is another question."""
    said = [(True, True, True), (True, False, True), (False, True, True), (True, None, None)]
    calls = [
        call(n, "t", **sent(OPENAI), policy={"allow": real, "bundle_digest": "b", "shadow": [
            {"bundle_digest": "e", "allow": allow, "differs": differs}]})
        for n, (real, allow, differs) in enumerate(said)
    ]  # fmt: skip
    with asked(write(tmp_path, calls)) as opened:
        report = REPORTS["shadow"](opened, Scope())
    (trial,) = rows(report, "shadow-policies")
    names = ("asked", "same", "would_refuse", "would_allow", "other_targets", "did_not_decide")
    assert [trial[name] for name in names] == [4, 0, 1, 1, 1, 1]
    assert {r["what"] for r in rows(report, "shadow")} == {
        "policy would change targets", "policy would refuse", "policy would allow",
    }  # fmt: skip


def test_what_retention_took_is_told(tmp_path: Path) -> None:
    """P3: an answer that a removed entry could have been in says so."""
    audit = write(tmp_path)
    with sequencer(audit, segment_bytes=1, retention={"exchange": 95}) as worker:
        worker.poll(Q3 + 100 * DAY)
    with asked(audit) as opened:
        (notice,) = opened.notices
        left = opened.rows("SELECT count(*) FROM entries WHERE kind = 'call'")[0][0]
    assert f"removed {len(CALLS) - left} entries" in notice and left < len(CALLS)


def test_nobody_knows_is_not_no(questions: Questions) -> None:
    """P3: neither declared nor looked at: said, not left out."""
    report = REPORTS["customer-data"](questions, Scope())
    assert {(r["team"], r["calls"]) for r in rows(report, "unknown")} == {
        ("finance", 1), ("support", 1),
    }  # fmt: skip


def test_which_classes_are_customer_data_can_be_said(questions: Questions) -> None:
    """Contract: `--data-class GLOB`; personal data that was found always counts."""
    report = REPORTS["customer-data"](questions, Scope(data_classes=("public",)))
    assert {r["team"] for r in rows(report, "customer-data")} == {"support", "research", "finance"}
    assert sum(r["calls"] for r in rows(report, "customer-data")) == 6


@pytest.mark.parametrize(
    "by", [("team", "model"), ("provider",), ("month",), ("metadata.project",)]
)
def test_spend_is_what_usage_says(questions: Questions, by: tuple[str, ...]) -> None:
    """Contract: `audit report spend` and `envelope usage` add up alike, earlier attempts too."""
    names = by if by != ("metadata.project",) else ("project",)
    sums = add_up(CALLS, by)
    found = rows(REPORTS["spend"](questions, Scope(by=names)), "spend")
    assert len(found) == len(sums.rows)
    for row in found:
        spend = sums.rows[tuple(row[name] for name in names)]
        assert (row["requests"], row["refused"]) == (spend.requests, spend.refused)
        assert row["cost_nano_usd"] == spend.cost_nano_usd
        assert row["input_tokens"] == spend.input_tokens
        assert row["output_tokens"] == spend.output_tokens


def test_calls_guardrails_refusals_and_changes(questions: Questions) -> None:
    """Audit: each report's first table is its answer."""
    calls = rows(REPORTS["calls"](questions, Scope(by=("team",))), "calls")
    assert {r["team"]: r["calls"] for r in calls}["support"] == 5
    assert sum(r["calls"] for r in calls) == len(CALLS)
    (guard,) = rows(REPORTS["guardrails"](questions, Scope()), "guardrails")
    assert (guard["guardrail"], guard["passed"], guard["redacted"]) == (PII, 1, 3)
    assert (guard["reported"], guard["refused"]) == (1, 1)
    (refused,) = rows(REPORTS["refusals"](questions, Scope()), "refusals")
    assert (refused["code"], refused["rule"], refused["team"]) == (
        "guardrail_blocked", "r1", "research",
    )  # fmt: skip
    changed = REPORTS["changes"](questions, Scope())
    assert [r["action"] for r in rows(changed, "changes")] == ["policy.push", "key.create"]
    assert {(r["what"], r["digest"][:1]) for r in rows(changed, "in-force")} == {
        ("configuration", "c"), ("policies", BUNDLE.digest[:1]), ("prices", "d"),
    }  # fmt: skip


def test_what_would_have_been_refused(questions: Questions) -> None:
    """Audit: guardrails and limits in audit mode, and policies on trial."""
    report = REPORTS["shadow"](questions, Scope())
    assert {(r["what"], r["rule"], r["team"]) for r in rows(report, "shadow")} == {
        ("guardrail", PII, "support"), ("limit", "cap", "support"),
        ("policy would refuse", "stays inside", "support"),
    }  # fmt: skip
    (trial,) = rows(report, "shadow-policies")
    assert (trial["asked"], trial["would_refuse"]) == (1, 1)


@pytest.mark.parametrize("name", REPORTS)
def test_nothing_to_report_is_a_report(questions: Questions, name: str) -> None:
    """Contract: an empty period gives empty tables, not an error."""
    report = REPORTS[name](questions, Scope(where="false"))
    assert report.tables and all(not table.rows for table in report.tables)
    assert report_json(report)["report"] == name
