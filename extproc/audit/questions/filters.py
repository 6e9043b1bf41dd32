"""A filter (`audit/query.py`) as an SQL condition over the view `entries`. Pure text.

Promises: the same entries as the filter matches one by one; values are quoted, never part of the
SQL. Dimensions (`--by`) are those of `audit/dimensions.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from extproc.audit.dimensions import METADATA, RULE
from extproc.audit.query import Condition, Filter
from extproc.audit.questions.rows import quoted

_PARTS_MAX = 6
_FAST = {
    "decision_id": "decision_id", "environment": "environment", "cost_nano_usd": "cost_nano_usd",
    "request.model": "requested_model", "request.operation": "operation",
    "served.provider": "provider", "served.region": "region", "served.kind": "account_kind",
    "decision.outcome": "outcome", "decision.code": "code", "decision.rule_id": "rule_id",
    "decision.http_status": "http_status", "config_digest": "config_digest",
    "policy.bundle_digest": "policy_bundle_digest", "event.action": "action",
    "price_table_digest": "price_table_digest",
}  # fmt: skip
"""Paths that are columns; the others are looked up in the entry's JSON."""
_DIMENSION = {
    "team": "team", "principal": "principal", "type": "principal_type", "key": "principal_key",
    "model": "model", "requested_model": "requested_model", "provider": "provider",
    "region": "region", "operation": "operation", "outcome": "outcome", "code": "code",
    "hour": "strftime(time, '%Y-%m-%dT%H')", "day": "strftime(time, '%Y-%m-%d')",
    "week": "strftime(time, '%G-W%V')", "month": "strftime(time, '%Y-%m')",
    "user": "CASE WHEN principal_type = 'user' THEN principal END",
    "virtual_account": "CASE WHEN principal_type = 'virtual-account' THEN principal END",
    "account": "account",
    "environment": "coalesce(nullif(environment, ''), metadata['environment'])",
    "data_class": "data_class", "account_kind": "account_kind",
}  # fmt: skip


def condition(wanted: Filter) -> str:
    """SQL over `entries`; `true` for everything. Raises ValueError for a path of many parts."""
    return " AND ".join(_parts(wanted)) or "true"


def dimension(name: str) -> str:
    """SQL for one dimension, `-` where an entry has none; raises ValueError."""
    if name == RULE:
        raise ValueError(f"'{RULE}' is no dimension here: envelope usage --by {RULE}")
    expression = _DIMENSION.get(name) or f"metadata[{quoted(name.removeprefix(METADATA))}]"
    return f"coalesce(nullif({expression}, ''), '-')"


def _parts(wanted: Filter) -> Iterator[str]:
    same = {
        "decision_id": wanted.decision, "principal_name": wanted.principal,
        "principal_team": wanted.team, "code": wanted.code, "outcome": wanted.outcome,
        "kind": wanted.kind, "class": wanted.record_class,
    }  # fmt: skip
    yield from (f"{name} = {quoted(value)}" for name, value in same.items() if value is not None)
    if wanted.model is not None:
        glob = quoted(wanted.model)
        yield f"(requested_model GLOB {glob} OR model GLOB {glob})"
    if wanted.since_ms is not None:
        yield f'"at" >= {timestamp(wanted.since_ms)}'
    if wanted.until_ms is not None:
        yield f'"at" < {timestamp(wanted.until_ms)}'
    yield from (f"({_condition(one)})" for one in wanted.where)


def timestamp(at_ms: int) -> str:
    """SQL: a time."""
    when = datetime.fromtimestamp(at_ms / 1000, UTC).replace(tzinfo=None)
    return f"TIMESTAMP {quoted(when.isoformat(sep=' ', timespec='milliseconds'))}"


def _condition(one: Condition) -> str:
    found, value = f"({_value(one.path)})::VARCHAR", quoted(one.value)
    match one.operator:
        case "=" | "!=":
            return f"{found} {one.operator} {value}"
        case "~":
            return f"{found} GLOB {value}"
        case _:
            return _ordered(found, one.operator, value)


def _ordered(found: str, operator: str, value: str) -> str:
    cases = (
        f"WHEN TRY_CAST({found} AS {kind}) IS NOT NULL AND TRY_CAST({value} AS {kind}) IS NOT NULL "
        f"THEN TRY_CAST({found} AS {kind}) {operator} TRY_CAST({value} AS {kind})"
        for kind in ("BIGINT", "DOUBLE", "TIMESTAMPTZ")
    )
    return f"CASE {' '.join(cases)} ELSE {found} {operator} {value} END"


def _value(path: str) -> str:
    if path in _FAST:
        return _FAST[path]
    outer, _, key = path.partition(".")
    if outer == "metadata" and key:
        return f"metadata[{quoted(key)}]"
    parts = path.split(".")
    if len(parts) > _PARTS_MAX:
        raise ValueError(f"'{path}' has more than {_PARTS_MAX} parts")
    found = ", ".join(_scalar(_pointer(split)) for split in _splits(parts))
    return f"coalesce({found})"


def _scalar(path: str) -> str:
    kinds = f"json_type(entry, {quoted(path)}) NOT IN ('OBJECT', 'ARRAY')"
    return f"CASE WHEN {kinds} THEN json_extract_string(entry, {quoted(path)}) END"


def _splits(parts: Sequence[str]) -> Iterator[list[str]]:
    """Every way to read dots as part of a key, the plain one first."""
    if not parts:
        yield []
        return
    for taken in range(1, len(parts) + 1):
        yield from ([".".join(parts[:taken]), *rest] for rest in _splits(parts[taken:]))


def _pointer(keys: Sequence[str]) -> str:
    """RFC 6901; a number is an index of a list, too."""
    return "".join("/" + key.replace("~", "~0").replace("/", "~1") for key in keys)
