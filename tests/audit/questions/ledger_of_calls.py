"""A log whose answers are known: a quarter of a small company, written through a real sequencer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from extproc.audit.entry import rfc3339
from extproc.audit.event import event_entry
from extproc.audit.questions.database import Questions, open_questions
from extproc.policy.bundle import of_texts
from tests.audit.gateway import entry, sequencer, spool

Q3 = 1_782_864_000_000
"""2026-07-01T00:00:00Z."""
BUNDLE = of_texts({"authz.rego": "package envelope.authz\n\nallow := true\n"})
"""The policies that the calls were decided by."""
DAY = 86_400_000
HOSTILE = '=cmd()"><script>alert(1)</script>\x1b[2J\u202e{{7*7}}'
OPENAI = {"model": "openai-main/gpt", "provider": "openai", "region": "us", "kind": "saas"}
BEDROCK = {"model": "aws-eu/claude", "provider": "bedrock", "region": "eu-central-1"}
PII = "pii/redact"


def found(outcome: str, label: str = "EMAIL", count: int = 2) -> dict[str, Any]:
    """What a PII guardrail says that found something in a request."""
    finding = {"guardrail": PII, "label": label, "path": "messages[0].content", "count": count}
    return {"llm_input": {"outcomes": {PII: outcome}, "findings": [finding]}}


CLEAN = {"llm_input": {"outcomes": {PII: "pass"}, "findings": []}}
REFUSED = {"outcome": "refused", "code": "guardrail_blocked", "http_status": 403, "rule_id": "r1",
           "reason": "EMAIL"}  # fmt: skip


def call(n: int, team: str, **more: Any) -> dict[str, Any]:
    """Call `n`, on day `n` of the quarter."""
    who = {"type": "virtual-account", "name": f"{team}-bot", "team": team, "key": "k1"}
    return entry(n, at=rfc3339(Q3 + n * DAY), principal=who, **more)


def sent(place: dict[str, Any]) -> dict[str, Any]:
    return {"served": {**place, "attempts": 1}}


CUSTOMER = {"data_class": "customer_pii", "project": "p1"}
CALLS: list[dict[str, Any]] = [
    call(0, "support", **sent(OPENAI), metadata=CUSTOMER, guardrails=found("mutate")),
    call(1, "support", **sent(OPENAI), metadata=CUSTOMER, guardrails=found("audit", "US_SSN", 1)),
    call(2, "support", **sent(BEDROCK), metadata=CUSTOMER, guardrails=CLEAN),
    call(3, "research", **sent(OPENAI), metadata={"data_class": "customer_pii"}),
    call(4, "research", decision=REFUSED, metadata=CUSTOMER, guardrails=found("block")),
    call(5, "research", **sent(BEDROCK), metadata={"data_class": "public"}),
    call(6, "finance", **sent(OPENAI)),  # nobody said, nobody looked
    call(7, "finance", **sent(BEDROCK), metadata=CUSTOMER, guardrails=found("mutate"),
         attempts=[{**OPENAI, "ending": "broken"}, {**BEDROCK, "ending": "answered"}],
         earlier_attempts=[{"model": "openai-main/gpt", "provider": "openai", "input_tokens": 50,
                            "output_tokens": 0, "cost_nano_usd": 4_000}],
         cost_nano_usd=10_000),
    call(8, "finance", **sent(BEDROCK), guardrails=found("mutate"),
         attempts=[{**OPENAI, "ending": "unsent"}, {**BEDROCK, "ending": "answered"}]),
    call(9, HOSTILE, **sent(OPENAI), metadata={"data_class": HOSTILE, HOSTILE: HOSTILE}),
    call(10, "support", **sent(OPENAI), limits={"rule_ids": ["cap"], "over_in_audit_mode": ["cap"]},
         policy={"engine": "rego", "bundle_digest": BUNDLE.digest, "allow": True, "reasons": [],
                 "shadow": [{"bundle_digest": "e" * 64, "allow": False, "differs": True,
                             "reasons": ["stays inside"], "targets": {}}]},
         config_digest="c" * 64, price_table_digest="d" * 64),
    call(11, "support", plan=["openai-main/gpt"], metadata=CUSTOMER,
         decision={"outcome": "worker_lost"}),
]  # fmt: skip
EVENTS = [
    event_entry("key.create", event_id="1", at_ms=Q3 + 12 * DAY, actor=("operator", "mei"),
                target="support-bot"),
    event_entry("policy.push", event_id="2", at_ms=Q3 + 13 * DAY, actor=("administrator", "ada")),
]  # fmt: skip


def write(state: Path, given: Sequence[dict[str, Any]] = (*CALLS, *EVENTS)) -> Path:
    """The log below a state folder; returns its audit folder."""
    root = state / "audit"
    writer = spool(root, "w-1")
    with sequencer(root) as worker:
        for one in given:
            writer.close(one)
        worker.poll(Q3)
        writer.release()
        worker.poll(Q3)
    return root


@contextmanager
def asked(given: Path, *records: str) -> Iterator[Questions]:
    """Questions to a log, cheap enough for a test."""
    with open_questions(given, records, memory_mb=256, threads=1) as questions:
        yield questions
