"""An audit entry as one flat row: what people ask most, as columns. Pure.

Promises: any entry gives a row, however it is formed: what is absent or of another type is null,
never a guess; the last column is the whole entry, so that nothing is lost. Exported records and
questions over the local log have the same columns.

    COLUMNS     name -> (DuckDB type, function of (entry, origin) to a JSON value)
    row         all of them for one entry
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from extproc.audit.entry import canonical
from extproc.audit.event import EVENT
from extproc.audit.values import Entry

Read = Callable[[Entry, str], Any]
CALL = "call"
_AT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{3}|\.[0-9]{6})?Z", re.ASCII
)
_BIGINT_MAX = 2**63 - 1


def instant(entry: Entry) -> datetime | None:
    """`at` where it is a time as `entry.rfc3339` writes it (RFC 3339, UTC), else None."""
    at = entry.get("at")
    if not isinstance(at, str) or not _AT.fullmatch(at):
        return None
    try:
        return datetime.fromisoformat(at)
    except ValueError:  # the 30th of February
        return None


def text(entry: Entry, *path: str) -> str | None:
    """The text at `path`, None when there is none; half a surrogate pair becomes `?`."""
    value = _at_path(entry, path)
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else None


def whole(entry: Entry, *path: str) -> int | None:
    """The integer at `path` that fits into 64 bits, else None; true and false are none."""
    value = _at_path(entry, path)
    if type(value) is not int:
        return None
    return value if -_BIGINT_MAX <= value <= _BIGINT_MAX else None


def first_text(entry: Entry, *paths: tuple[str, ...]) -> str | None:
    """The first text that is there and not empty."""
    return next((found for path in paths if (found := text(entry, *path))), None)


def row(entry: Entry, origin: str) -> dict[str, Any]:
    """One row: column name -> JSON value (times as RFC 3339 text). `origin`: the log's name."""
    return {name: read(entry, origin) for name, (_, read) in COLUMNS.items()}


def _at_path(entry: Entry, path: tuple[str, ...]) -> Any:
    value: Any = entry
    for name in path:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


def _text(*path: str) -> Read:
    return lambda entry, _: text(entry, *path)


def _first(*paths: tuple[str, ...]) -> Read:
    return lambda entry, _: first_text(entry, *paths)


def _whole(*path: str) -> Read:
    return lambda entry, _: whole(entry, *path)


def _metadata(entry: Entry, _: str) -> dict[str, str]:
    found = entry.get("metadata")
    if not isinstance(found, dict):
        return {}
    return {str(k): v for k, v in found.items() if isinstance(v, str)}


def _at(entry: Entry, _: str) -> str | None:
    return entry["at"] if instant(entry) is not None else None


def _stream(entry: Entry, _: str) -> bool | None:
    value = _at_path(entry, ("request", "stream"))
    return value if isinstance(value, bool) else None


_TEXT, _BIG = "VARCHAR", "BIGINT"
COLUMNS: Mapping[str, tuple[str, Read]] = {
    "index": (_BIG, _whole("index")),
    "origin": (_TEXT, lambda _, origin: origin),
    "decision_id": (_TEXT, _text("decision_id")),
    "at": ("TIMESTAMPTZ", _at),
    "kind": (_TEXT, lambda entry, _: EVENT if entry.get("kind") == EVENT else CALL),
    "environment": (_TEXT, _text("environment")),
    "principal_type": (_TEXT, _first(("principal", "type"), ("actor", "type"))),
    "principal_name": (_TEXT, _first(("principal", "name"), ("actor", "name"))),
    "principal_team": (_TEXT, _first(("principal", "team"), ("metadata", "team"))),
    "principal_key": (_TEXT, _text("principal", "key")),
    "action": (_TEXT, _text("event", "action")),
    "target": (_TEXT, _text("event", "target")),
    "model": (_TEXT, _first(("served", "model"), ("request", "model"))),
    "requested_model": (_TEXT, _text("request", "model")),
    "provider": (_TEXT, _text("served", "provider")),
    "region": (_TEXT, _text("served", "region")),
    "operation": (_TEXT, _text("request", "operation")),
    "dialect": (_TEXT, _text("request", "dialect")),
    "stream": ("BOOLEAN", _stream),
    "outcome": (_TEXT, _text("decision", "outcome")),
    "code": (_TEXT, _text("decision", "code")),
    "rule_id": (_TEXT, _text("decision", "rule_id")),
    "http_status": (_BIG, _whole("decision", "http_status")),
    "input_tokens": (_BIG, _whole("usage", "input_tokens")),
    "output_tokens": (_BIG, _whole("usage", "output_tokens")),
    "cached_input_tokens": (_BIG, _whole("usage", "cached_input_tokens")),
    "cost_nano_usd": (_BIG, _whole("cost_nano_usd")),
    "data_class": (_TEXT, _text("metadata", "data_class")),
    "config_digest": (_TEXT, _text("config_digest")),
    "policy_bundle_digest": (_TEXT, _text("policy", "bundle_digest")),
    "price_table_digest": (_TEXT, _text("price_table_digest")),
    "metadata": ("MAP(VARCHAR, VARCHAR)", _metadata),
    "entry": (_TEXT, lambda entry, _: canonical(entry).decode()),
}
"""In the order of the exported file. `principal_*` of an event are its actor's; `model` is the one
that answered, else the one asked for; `input_tokens` are those billed at the full price."""
