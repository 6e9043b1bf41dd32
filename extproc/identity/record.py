"""What the store keeps of one virtual key, and the changes it may go through.

    created -> expires       the end it was made with
            -> rotated       another key follows it; it ends after a grace period
            -> revoked       ended, for good

Promises: a change only ever takes rights away from a record; nothing brings an ended key back.
Refuses: records with fields it does not know (a newer gateway may have meant a restriction by
them), so that such a key is denied instead of widened.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """One key without its secret. Times: Unix milliseconds; None = never.

    `id`: the public id. `account`: the virtual account it belongs to. `rotated_to`: public id of
    the key that follows it.
    """

    id: str
    sha256: str
    account: str
    name: str
    created_ms: int
    expires_ms: int | None = None
    revoked_ms: int | None = None
    rotated_to: str | None = None
    rotated_from: str | None = None

    def ended(self, now_ms: int) -> str | None:
        """Why this key is no longer good, for the audit entry; None while it is."""
        if self.revoked_ms is not None:
            return "revoked key"
        if self.expires_ms is not None and now_ms >= self.expires_ms:
            return "expired key"
        return None


_NAMES = frozenset(f.name for f in fields(KeyRecord))
_TEXTS = ("id", "sha256", "account", "name")
_OPTIONAL_TEXTS = ("rotated_to", "rotated_from")
_OPTIONAL_TIMES = ("expires_ms", "revoked_ms")


def to_json(record: KeyRecord) -> str:
    """Canonical text of a record: equal records give equal text (the store compares it)."""
    return json.dumps(asdict(record), sort_keys=True, separators=(",", ":"))


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _well_typed(data: dict[str, Any]) -> bool:
    return (
        all(isinstance(data.get(name), str) and data[name] for name in _TEXTS)
        and _SHA256.fullmatch(data["sha256"]) is not None
        and _whole(data.get("created_ms"))
        and all(data.get(n) is None or isinstance(data[n], str) for n in _OPTIONAL_TEXTS)
        and all(data.get(n) is None or _whole(data[n]) for n in _OPTIONAL_TIMES)
    )


def from_json(text: str | bytes) -> KeyRecord | None:
    """Read a record; None when it is not exactly one, whatever the reason."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(data, dict) or not data.keys() <= _NAMES or not _well_typed(data):
        return None
    return KeyRecord(**data)


def revoked(record: KeyRecord, now_ms: int) -> KeyRecord:
    """The record, ended now; one that was revoked before keeps its own time."""
    return record if record.revoked_ms is not None else replace(record, revoked_ms=now_ms)


def rotated(record: KeyRecord, to: str, now_ms: int, grace_ms: int) -> KeyRecord:
    """The record, followed by `to` and ended after the grace period, or earlier if it was to be."""
    end = now_ms + grace_ms
    if record.expires_ms is not None:
        end = min(end, record.expires_ms)
    return replace(record, rotated_to=to, expires_ms=end)


def successor(
    record: KeyRecord, id: str, sha256: str, now_ms: int, expires_ms: int | None
) -> KeyRecord:
    """The key that follows `record`: same account and name.

    `expires_ms`: its own end; None gives it as long a life as its predecessor was made with.
    """
    if expires_ms is None and record.expires_ms is not None:
        expires_ms = now_ms + record.expires_ms - record.created_ms
    return KeyRecord(
        id, sha256, record.account, record.name, now_ms, expires_ms, rotated_from=record.id
    )
