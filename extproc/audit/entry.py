"""One audit entry: its fields, its canonical bytes, its bounded size.

An entry is a plain dict. What may stand in it (P3, P6), absent where it does not apply:

    decision_id       the id the caller got in `x-envelope-decision-id`; unique in the log
    at                RFC 3339, UTC, milliseconds
    environment       of the gateway
    principal         {type, name, team, key, email, teams, claims, internal}; key: its name or
                      public id, never its secret; the last four only when the entry is closed
    metadata          {key: string}; see `strings_only`
    request           {operation, dialect, path, model, stream, input_tokens, max_tokens, tools,
                      content_digest, choices, lane, retry, bound}
    decision          {outcome, code, http_status, reason}; outcome is one of OUTCOMES
    policy            {engine, bundle_digest, allow, reasons, targets, shadow}
    config_digest, price_table_digest
    limits            {rule_ids, reservation_id, over_in_audit_mode, over_soft_limit, caps, clamped,
                      degraded, asked, counters, due}
    routing           {rule_id, fallback_id, candidates, keys}: whom the policy was asked about, in
                      order, and with which keys of their accounts
    guardrails        {outcomes, findings, coverage, selected, asked}; what was not scanned is named
                      in coverage; asked: what the caller added
    plan              [target, ...] in order
    served            {model, provider, attempts}; model is `account/model`
    earlier_attempts  [{model, provider, input_tokens, output_tokens, cost_nano_usd}, ...]: those
                      that nobody answered and a provider may have billed
    usage             {input_tokens, output_tokens, cached_input_tokens, cache_write_tokens,
                      reasoning_tokens, source, flags}; rarer kinds of tokens where there are any
    cost_nano_usd     integer
    duration_ms       from its beginning to its end
    content           {request, response}: where kept bodies lie, encrypted (`audit/content/`)
    phases_us         {phase: integer microseconds}
    response          {status, content_digest}
    index             put on by the sequencer: the leaf's place in the log
    defect            kind of an error of ours that kept all but the least of the entry
    truncated         true where fields were cut to fit ENTRY_BYTES_MAX

Refuses nothing: an entry that cannot be written as it stands is cut or marked, because a missing
entry is worse than a shortened one. What can be written is written exactly as given.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from extproc.audit.values import Entry

ENTRY_BYTES_MAX = 65_536 - 512
"""Bytes of an entry as JSON. The spool's frame and the log's index fit in the 512 that are left."""

OUTCOMES = (
    "allowed", "answered", "refused", "blocked", "aborted", "truncated", "upstream_error",
    "worker_lost", "spool_damaged", "unseen", "done", "failed",
)  # fmt: skip
"""`worker_lost`: the worker died with it open. `spool_damaged`: a spool line was unreadable.
`unseen`: Envoy ended it before any worker took it. `done`, `failed`: of events (`event.py`)."""

MASK = "[masked]"
_CUT = "[truncated]"
_ESSENTIAL = ("decision_id", "at", "environment", "principal", "decision", "cost_nano_usd",
              "content", "kind", "actor", "event")  # fmt: skip


def canonical(entry: Entry) -> bytes:
    """The entry's only encoding: JSON, UTF-8, keys sorted, no spaces."""
    return orjson.dumps(entry, option=orjson.OPT_SORT_KEYS)


def rfc3339(at_ms: int) -> str:
    """Milliseconds since 1970 as RFC 3339, UTC, e.g. `2026-11-20T15:04:05.123Z`."""
    when = datetime.fromtimestamp(at_ms / 1000, UTC)
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def content_digest(content: bytes) -> str:
    """SHA-256 (hex) of a body: evidence of what was sent without keeping it (P4)."""
    return hashlib.sha256(content).hexdigest()


def strings_only(metadata: Mapping[str, Any], masked: Collection[str] = ()) -> dict[str, str]:
    """Metadata as strings; a masked key's value disappears whatever its type.

    Masking strings only would let numbers and booleans through (Vault's audit log does).
    """
    return {key: MASK if key in masked else _as_text(value) for key, value in metadata.items()}


def worker_lost(intent: Entry) -> Entry:
    """The entry of an exchange whose worker died before it could close it (P3)."""
    return {**intent, "decision": {**_mapping(intent.get("decision")), "outcome": "worker_lost"}}


def spool_damaged(owner: str, segment: str, offset: int, line: bytes, at_ms: int) -> Entry:
    """The entry that stands for an unreadable spool line: it never vanishes silently."""
    spool = {"owner": owner, "segment": segment, "offset": offset, "sha256": content_digest(line)}
    return {
        "decision_id": f"spool-damaged:{segment}:{offset}",
        "at": rfc3339(at_ms),
        "decision": {"outcome": "spool_damaged"},
        "spool": spool,
    }


def bounded(entry: Entry, bytes_max: int = ENTRY_BYTES_MAX) -> bytes:
    """JSON of at most `bytes_max` bytes; long fields end in a marker and `truncated` is set.

    Keys stay in the caller's order (the sequencer sorts them). Raises TypeError for a non-dict.
    """
    try:
        data = orjson.dumps(entry)
        if len(data) <= bytes_max:
            return data
    except TypeError:
        pass
    for limit in (4096, 512, 64):
        data = orjson.dumps({**_cut(entry, limit, 6), "truncated": True})
        if len(data) <= bytes_max:
            return data
    least = {name: _cut(entry[name], 64, 2) for name in _ESSENTIAL if name in entry}
    return orjson.dumps({**least, "truncated": True})


def _cut(value: Any, limit: int, depth: int) -> Any:
    """`value` with texts of at most `limit` characters, containers of `limit // 2` members."""
    match value:
        case str():
            return _cut_text(value, limit)
        case bool() | float() | None:
            return value
        case int():
            return value if -(2**63) <= value < 2**63 else _cut_text(hex(value), limit)
        case dict() | list() | tuple() if depth == 0:
            return _CUT
        case dict():
            return _cut_dict(value, limit, depth)
        case list() | tuple():
            kept = [_cut(item, limit, depth - 1) for item in value[: limit // 2]]
            return kept if len(value) <= limit // 2 else [*kept, _CUT]
        case _:
            return f"[{type(value).__name__}]"


def _cut_dict(value: dict[Any, Any], limit: int, depth: int) -> dict[str, Any]:
    names = list(value)[: limit // 2]
    kept = {_cut_text(str(name), limit): _cut(value[name], limit, depth - 1) for name in names}
    return kept if len(value) <= limit // 2 else {**kept, _CUT: len(value) - len(names)}


def _cut_text(text: str, limit: int) -> str:
    clean = text[:limit].encode("utf-8", "replace").decode()
    return clean if len(text) <= limit else clean + _CUT


def _as_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        return f"[{type(value).__name__}]"


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
