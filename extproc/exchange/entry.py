"""Record -> audit entry. Field names are those that `audit/entry.py` documents."""

from __future__ import annotations

from typing import Any

from extproc.audit.entry import rfc3339
from extproc.audit.values import Entry
from extproc.exchange.entry_basis import add_basis
from extproc.exchange.record import Billed, Degraded, Record
from extproc.guardrails.values import Finding, HookResult
from extproc.limits.caps import NONE, present
from extproc.routing.values import Ended, Target

_PATHS_KEPT, _PATH_CHARS = 200, 200
"""A provider may name its fields as it likes."""


def _paths(paths: tuple[str, ...]) -> list[str]:
    return [path[:_PATH_CHARS] for path in paths[:_PATHS_KEPT]]


def intent_entry(record: Record) -> Entry:
    """What is about to happen, recorded before a provider can see a byte."""
    entry: Entry = {
        "decision_id": record.decision_id,
        "at": rfc3339(record.started_at_ms),
        "config_digest": record.config_digest,
        "price_table_digest": record.price_table_digest,
        "request": _request(record),
        "decision": {"outcome": record.outcome or "allowed", "http_status": record.status},
    }
    if record.environment:
        entry["environment"] = record.environment
    if record.principal is not None:
        who = record.principal
        entry["principal"] = {"type": who.type, "name": who.name, "key": who.key,
                              "team": who.team}  # fmt: skip
    if record.metadata:
        entry["metadata"] = dict(record.shown_metadata)
    if record.decisions:
        entry["policy"] = _policy(record)
    if record.rule_ids or record.reservation_id or record.caps is not NONE:
        entry["limits"] = _limits(record)
    if guardrails := _guardrails(record):
        entry["guardrails"] = guardrails
    if record.plan:
        entry["plan"] = list(record.plan)
    if record.left_out:
        entry["left_out"] = _paths(record.left_out)
    if record.dropped:
        entry["dropped_targets"] = dict(record.dropped)
    if record.content:
        entry["content"] = dict(record.content)
    return entry


def closing_entry(record: Record) -> Entry:
    """What happened, all of it."""
    entry = intent_entry(record)
    decision = entry["decision"]
    if record.refusal is not None:
        decision["code"] = record.refusal.code.value
        decision["reason"] = record.refusal.reason or record.refusal.detail
        if record.refusal.rule_id:
            decision["rule_id"] = record.refusal.rule_id
    if record.served is not None:
        entry["served"] = {
            "model": record.served.name,
            **_place(record.served),
            "attempts": record.attempts,
        }
        if record.served.key:
            entry["served"]["key"] = record.served.key
    if len(record.tried) > 1:
        entry["attempts"] = [_tried(target, ended) for target, ended in record.tried]
    if record.usage is not None:
        entry["usage"] = _usage(record)
        entry["cost_nano_usd"] = record.cost_nano_usd
    if record.billed:
        entry["earlier_attempts"] = [_billed(attempt) for attempt in record.billed]
        entry["cost_nano_usd"] = record.cost_nano_usd
    entry["phases_us"] = {name: ns // 1000 for name, ns in record.phases_ns.items()}
    response: dict[str, Any] = {"status": record.status}
    if record.response_sha256 and record.digests:
        response["content_digest"] = record.response_sha256
    if record.left_out_of_answer:
        response["left_out"] = _paths(record.left_out_of_answer)
    entry["response"] = response
    add_basis(entry, record)
    return entry


def least_entry(record: Record, defect: str) -> Entry:
    """What can be said of a call in any case. `defect`: the kind of error that kept the rest."""
    entry: Entry = {
        "decision_id": record.decision_id,
        "at": rfc3339(record.started_at_ms),
        "config_digest": record.config_digest,
        "decision": {"outcome": record.outcome or "aborted", "http_status": record.status},
        "cost_nano_usd": record.cost_nano_usd,
        "defect": defect,
    }
    if record.principal is not None:
        who = record.principal
        entry["principal"] = {"type": who.type, "name": who.name, "key": who.key, "team": who.team}
    return entry


def _tried(target: Target, ended: Ended) -> dict[str, Any]:
    said: dict[str, Any] = {"model": target.name, **_place(target), "ending": ended.ending.value}
    if target.key:
        said["key"] = target.key
    if ended.status:
        said["status"] = ended.status
    return said


def _place(target: Target) -> dict[str, Any]:
    """Whose it is and where: what "which data went to whom" asks for."""
    account = target.account
    found = {"provider": account.provider, "region": account.region, "kind": account.kind}
    return {name: value for name, value in found.items() if value}


def _request(record: Record) -> dict[str, Any]:
    request: dict[str, Any] = {
        "method": record.method,
        "path": record.path.partition("?")[0][:512],
        "operation": record.operation,
        "dialect": record.dialect,
    }
    if record.request_id:
        request["request_id"] = record.request_id
    if record.request_sha256 and record.digests:
        request["content_digest"] = record.request_sha256
    call = record.call
    if call is not None:
        request["model"] = call.model
        request["stream"] = call.stream
        request["max_tokens"] = call.max_output_tokens
        request["input_tokens"] = record.input_tokens
        if call.tools:
            request["tools"] = list(call.tools)
    return request


def _policy(record: Record) -> dict[str, Any]:
    targets = {
        name: {"allow": d.allow, "reasons": list(d.reasons), "faults": list(d.faults)}
        for name, d in record.decisions
    }
    return {
        "engine": record.policy_engine,
        "bundle_digest": record.policy_digest,
        "allow": any(d.allow for _, d in record.decisions),
        "reasons": sorted({reason for _, d in record.decisions for reason in d.reasons}),
        "targets": targets,
    }


def _limits(record: Record) -> dict[str, Any]:
    """Which rules held, what they changed, and what they would have refused but for their mode."""
    found: dict[str, Any] = {
        "over_in_audit_mode": [c.rule_id for c in record.counters if c.over],
        "over_soft_limit": [c.rule_id for c in record.counters if c.over_soft],
        "caps": {name: {"limit": cap.limit, "rule_id": cap.rule_id}
                 for name, cap in present(record.caps)},
        "clamped": [{"rule_id": c.rule_id, "from": c.before, "to": c.after}
                    for c in record.clamped],
        "degraded": [_degraded(step) for step in record.degraded],
    }  # fmt: skip
    return {
        "rule_ids": list(dict.fromkeys(record.rule_ids)),
        "reservation_id": record.reservation_id,
        **{name: value for name, value in found.items() if value},
    }


def _degraded(step: Degraded) -> dict[str, Any]:
    values = {
        "rule_id": step.rule_id,
        "at_percent": step.at_percent,
        "action": step.action,
        "from_model": step.from_model,
        "to_model": step.to_model,
        "max_tokens": step.max_tokens,
    }
    return {name: value for name, value in values.items() if value is not None}


def _billed(attempt: Billed) -> dict[str, Any]:
    return {
        "model": attempt.target.name,
        "provider": attempt.target.account.provider,
        "input_tokens": attempt.usage.input_tokens,
        "output_tokens": attempt.usage.output_tokens,
        "cost_nano_usd": attempt.cost_nano_usd,
    }


def _guardrails(record: Record) -> dict[str, Any]:
    found: dict[str, Any]
    hooks: dict[str, HookResult | None] = {
        "llm_input": record.input_guard,
        "llm_output": record.output_guard,
    }
    found = {name: _hook(result) for name, result in hooks.items() if result is not None}
    if record.call is not None and record.call.unscanned:
        found["unscanned"] = list(record.call.unscanned)
    if record.unscanned_answer:
        found["unscanned_answer"] = list(record.unscanned_answer)
    return found


def _hook(result: HookResult) -> dict[str, Any]:
    faults = {"faults": dict(result.faults)} if result.faults else {}
    return {
        "outcomes": dict(result.outcomes),
        "findings": [_finding(finding) for finding in result.findings],
        "coverage": {"texts": result.scanned_texts, "characters": result.scanned_chars},
        **faults,
    }


def _finding(finding: Finding) -> dict[str, Any]:
    values: dict[str, Any] = {
        "guardrail": finding.guardrail,
        "label": finding.label,
        "path": finding.path,
        "count": finding.count,
    }
    return values if finding.score is None else {**values, "score": finding.score}


_RARE = (
    "cache_write_1h_tokens", "audio_input_tokens", "audio_output_tokens", "image_input_tokens",
    "accepted_prediction_tokens", "rejected_prediction_tokens", "web_searches",
    "image_output_tokens", "images", "characters", "audio_ms", "searches",
)  # fmt: skip
"""Parts of `Usage` that stand in an entry only where there are any."""


def _usage(record: Record) -> dict[str, Any]:
    usage = record.usage
    assert usage is not None
    values = {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cached_input_tokens": usage.cached_input_tokens,
        "cache_write_tokens": usage.cache_write_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
        "source": usage.source,
    }
    values |= {name: n for name in _RARE if (n := getattr(usage, name))}
    return values | ({"flags": list(record.usage_flags)} if record.usage_flags else {})
