"""An entry as one row, said in SQL: DuckDB reads a segment of the log without Python. Pure text.

Promises: the columns of `audit/columns.py` with the same values for every entry that the gateway
writes, and further ones that reports need and that would cost a parse of every entry otherwise.
What an entry lacks, or has in another shape, is null.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import get_args

from extproc.audit.entry import OUTCOMES
from extproc.audit.event import record_class
from extproc.config.guardrail_model import Hook

VERSION = "1"
"""Goes up when a column changes: derived files of another version are made again."""
HOOKS: tuple[str, ...] = get_args(Hook)
_FINDING = {"guardrail": "VARCHAR", "label": "VARCHAR", "path": "VARCHAR", "count": "BIGINT",
            "score": "DOUBLE"}  # fmt: skip
_HOOK = {"outcomes": "MAP(VARCHAR, VARCHAR)", "faults": "MAP(VARCHAR, VARCHAR)",
         "findings": [_FINDING]}  # fmt: skip
_PLACE = {"model": "VARCHAR", "provider": "VARCHAR", "region": "VARCHAR", "kind": "VARCHAR"}
_TOKENS = ("input_tokens", "audio_input_tokens", "image_input_tokens", "cached_input_tokens",
           "cache_write_tokens", "cache_write_1h_tokens", "output_tokens",
           "audio_output_tokens")  # fmt: skip
_ALL_INPUT, _WRITTEN, _ALL_OUTPUT = _TOKENS[:3], _TOKENS[4:6], _TOKENS[6:]
_BILLED = {"model": "VARCHAR", "provider": "VARCHAR", "input_tokens": "BIGINT",
           "output_tokens": "BIGINT", "cost_nano_usd": "BIGINT"}  # fmt: skip
SHAPE = {
    "index": "BIGINT", "decision_id": "VARCHAR", "at": "VARCHAR", "kind": "VARCHAR",
    "environment": "VARCHAR", "origin": "VARCHAR",
    "principal": dict.fromkeys(("type", "name", "team", "key"), "VARCHAR"),
    "actor": dict.fromkeys(("type", "name"), "VARCHAR"),
    "event": dict.fromkeys(("action", "target"), "VARCHAR"),
    "metadata": "MAP(VARCHAR, VARCHAR)",
    "request": dict.fromkeys(("model", "operation", "dialect", "content_digest"), "VARCHAR")
    | {"stream": "BOOLEAN"},
    "decision": dict.fromkeys(("outcome", "code", "rule_id", "reason"), "VARCHAR")
    | {"http_status": "BIGINT"},
    "policy": {"bundle_digest": "VARCHAR", "shadow": [
        {"bundle_digest": "VARCHAR", "allow": "BOOLEAN", "differs": "BOOLEAN",
         "reasons": ["VARCHAR"]}]},
    "limits": {"over_in_audit_mode": ["VARCHAR"], "rule_ids": ["VARCHAR"]},
    "guardrails": dict.fromkeys(HOOKS, _HOOK)
    | {"unscanned": ["VARCHAR"], "unscanned_answer": ["VARCHAR"]},
    "plan": ["VARCHAR"],
    "served": {**_PLACE, "attempts": "BIGINT"},
    "attempts": [{**_PLACE, "ending": "VARCHAR", "status": "BIGINT"}],
    "earlier_attempts": [_BILLED],
    "usage": dict.fromkeys(_TOKENS, "BIGINT"),
    "cost_nano_usd": "BIGINT",
    "config_digest": "VARCHAR", "price_table_digest": "VARCHAR",
    "response": {"content_digest": "VARCHAR"},
}  # fmt: skip
"""What is taken out of an entry, as `json_transform` wants it: anything else there is null."""


def _sum(names: tuple[str, ...]) -> str:
    return " + ".join(f"coalesce(e.usage.{name}, 0)" for name in names)


def _class() -> str:
    by_class: dict[str, list[str]] = {}
    for outcome in OUTCOMES:
        by_class.setdefault(record_class({"decision": {"outcome": outcome}}), []).append(outcome)
    cases = " ".join(
        f"WHEN e.decision.outcome IN ({', '.join(map(quoted, outcomes))}) THEN {quoted(name)}"
        for name, outcomes in by_class.items()
        if name != "admin"
    )
    return f"CASE WHEN e.kind = 'event' THEN 'admin' {cases} ELSE 'admin' END"


def _hooks() -> str:
    """Every guardrail that ran: at which hook, with which outcome, why it could not judge."""
    return _joined(
        "list_transform(map_entries(e.guardrails.{hook}.outcomes), lambda o: {{'hook': '{hook}', "
        "'guardrail': o.key, 'outcome': o.value, 'fault': e.guardrails.{hook}.faults[o.key]}})"
    )


def _findings() -> str:
    return _joined(
        "list_transform(e.guardrails.{hook}.findings, lambda f: {{'hook': '{hook}', "
        "'guardrail': f.guardrail, 'outcome': e.guardrails.{hook}.outcomes[f.guardrail], "
        "'label': f.label, 'path': f.path, 'count': f.count, 'score': f.score}})"
    )


def _joined(one: str) -> str:
    lists = ", ".join(one.format(hook=hook) for hook in HOOKS)
    return f"list_concat({lists})"


_NOT_SENT = ("refused", "answered", "unseen", "spool_damaged")
"""Outcomes of calls of which no provider saw a byte."""


def _attempts() -> str:
    """Whom the call was sent to. One attempt is not listed in an entry: it is `served`. Where
    nobody answered and nothing is listed, the plan says who would have been asked first, and the
    ending is `unknown`: it may have been sent (P3: no guess in our favour)."""
    served = (
        "[{'model': e.served.model, 'provider': e.served.provider, 'region': e.served.region, "
        "'kind': e.served.kind, 'ending': 'answered', 'status': e.decision.http_status}]"
    )
    planned = (
        "[{'model': e.plan[1], 'provider': NULL, 'region': NULL, 'kind': NULL, "
        "'ending': 'unknown', 'status': NULL}]"
    )
    unsent = ", ".join(map(quoted, _NOT_SENT))
    return (
        f"CASE WHEN len(e.attempts) > 0 THEN e.attempts WHEN e.served.model IS NOT NULL THEN "
        f"{served} WHEN len(e.plan) > 0 AND e.decision.outcome NOT IN ({unsent}) THEN {planned} "
        "ELSE [] END"
    )


def quoted(text: str) -> str:
    """`text` as an SQL string."""
    return "'" + text.replace("'", "''") + "'"


SHARED: Mapping[str, str] = {
    "index": "e.index",
    "origin": "origin",
    "decision_id": "e.decision_id",
    "at": "CASE WHEN e.at LIKE '____-__-__T%Z' THEN TRY_CAST(e.at AS TIMESTAMP) END",
    "kind": "CASE WHEN e.kind = 'event' THEN 'event' ELSE 'call' END",
    "environment": "e.environment",
    "principal_type": "coalesce(nullif(e.principal.type, ''), nullif(e.actor.type, ''))",
    "principal_name": "coalesce(nullif(e.principal.name, ''), nullif(e.actor.name, ''))",
    "principal_team": "coalesce(nullif(e.principal.team, ''), nullif(e.metadata['team'], ''))",
    "principal_key": "e.principal.key",
    "action": "e.event.action",
    "target": "e.event.target",
    "model": "coalesce(nullif(e.served.model, ''), nullif(e.request.model, ''))",
    "requested_model": "e.request.model",
    "provider": "e.served.provider",
    "region": "e.served.region",
    "operation": "e.request.operation",
    "dialect": "e.request.dialect",
    "stream": "e.request.stream",
    "outcome": "e.decision.outcome",
    "code": "e.decision.code",
    "rule_id": "e.decision.rule_id",
    "http_status": "e.decision.http_status",
    "input_tokens": "e.usage.input_tokens",
    "output_tokens": "e.usage.output_tokens",
    "cached_input_tokens": "e.usage.cached_input_tokens",
    "cost_nano_usd": "e.cost_nano_usd",
    "data_class": "e.metadata['data_class']",
    "config_digest": "e.config_digest",
    "policy_bundle_digest": "e.policy.bundle_digest",
    "price_table_digest": "e.price_table_digest",
    "metadata": "coalesce(e.metadata, MAP {})",
    "entry": "line::VARCHAR",
}
"""As exported records have them."""
DERIVED: Mapping[str, str] = {
    "class": _class(),
    "account_kind": "e.served.kind",
    "reason": "e.decision.reason",
    "request_digest": "e.request.content_digest",
    "response_digest": "e.response.content_digest",
    "all_input_tokens": _sum(_ALL_INPUT),
    "cache_write_tokens": _sum(_WRITTEN),
    "all_output_tokens": _sum(_ALL_OUTPUT),
    "total_tokens": _sum(_TOKENS),
    "hooks": _hooks(),
    "findings": _findings(),
    "unscanned": "list_concat(e.guardrails.unscanned, e.guardrails.unscanned_answer)",
    "attempts": _attempts(),
    "billed": "e.earlier_attempts",
    "over_in_audit_mode": "e.limits.over_in_audit_mode",
    "shadow_policies": "e.policy.shadow",
}
"""Only in derived files, or made from `entry` when asked."""


def transformed(json_text: str) -> str:
    """SQL: the JSON in `json_text` as one struct."""
    return f"json_transform({json_text}, {quoted(json.dumps(SHAPE))})"


def select(relation: str, columns: Mapping[str, str]) -> str:
    """SQL: rows of a relation that has `line` (JSON) and `origin`; lines that are none are left to
    `audit verify`."""
    listed = ", ".join(f'{expression} AS "{name}"' for name, expression in columns.items())
    parsed = f"SELECT line, origin, {transformed('line')} AS e FROM ({relation})"
    return f"SELECT {listed} FROM ({parsed}) WHERE e.decision_id IS NOT NULL"
