"""Kept bodies, read back: with the log's entry, the file it names, and the key that opens it.

Promises: what is shown is what the entry proves: the record's SHA-256 is compared, and it opens
only as this call's, this half's. Whoever shows it records that first (`cli/audit/content.py`).
Raises NotKept with words for people, and no path of the machine but below `content`.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from extproc.audit.content.keys import KEYS, key_path, read_key
from extproc.audit.content.places import CONTENT, is_key_id, is_over, is_place, kept_for
from extproc.audit.content.seal import Kek, NotSealed, own_kek, record_data, unseal, unwrap
from extproc.audit.content.values import Part, Reference
from extproc.audit.values import Entry
from extproc.identity.internal_key import FILE_NAME, SecretUnusable, secret_at
from extproc.state import StateDir


class NotKept(Exception):
    """There is nothing to show; the text says why."""


class Erased(NotKept):
    """Its tenant's key was destroyed."""


class Expired(NotKept):
    """Its time was up."""


class WrongKey(NotKept):
    """Another key wraps its tenant's key."""


class Damaged(NotKept):
    """What is there is not what the entry names."""


def read_content(state: StateDir, entry: Entry, part: Part, *, kek: Kek | None = None) -> bytes:
    """One half of a call as it was kept. `kek`: where `audit.content.key` is set, else this
    gateway's own. Raises NotKept, OSError.
    """
    reference = reference_of(entry, part)
    key = _key(state.audit / KEYS, reference["key_id"], kek or gateway_kek(state))
    record = _record(state.audit / CONTENT, reference)
    data = record_data(entry["decision_id"], part, reference["key_id"])
    try:
        return unseal(AESGCM(key), record, data)
    except NotSealed:
        raise Damaged("the record does not open as this call's") from None


def reference_of(entry: Entry, part: Part) -> Reference:
    """Where the entry says it is. Raises NotKept."""
    content = entry.get("content")
    found = content.get(part) if isinstance(content, dict) else None
    if not isinstance(found, dict):
        raise NotKept(f"nothing was kept of this call's {part}")
    for why in ("omitted", "lost"):
        if why in found:
            raise NotKept(f"the {part} was not kept ({why}: {found[why]})")
    sound = (
        is_place(str(found.get("file", "")))
        and is_key_id(str(found.get("key_id", "")))
        and all(type(found.get(name)) is int and found[name] >= 0 for name in ("offset", "bytes"))
    )
    if not sound:
        raise Damaged("the entry names no record")
    return found


def gateway_kek(state: StateDir) -> Kek:
    """What wraps keys where no `audit.content.key` is configured. Raises WrongKey."""
    if not (state.secrets / FILE_NAME).exists():
        raise WrongKey("this state folder has no secret of its gateway's")
    try:
        return own_kek(secret_at(state.secrets))
    except SecretUnusable as error:
        raise WrongKey(str(error)) from None


def erased_at(path: Path) -> str:
    """When a key was destroyed, as people write it; '' where it was not."""
    try:
        fields: dict[str, Any] = json.loads(path.with_suffix(".erased").read_bytes())
        return datetime.fromtimestamp(fields["at_ms"] / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
    except FileNotFoundError:
        return ""
    except (ValueError, KeyError, TypeError):
        return "a day that can no longer be read"


def _key(folder: Path, key_id: str, kek: Kek) -> bytes:
    path = key_path(folder, key_id)
    if when := erased_at(path):
        raise Erased(f"erased on {when}: its key was destroyed")
    try:
        stored = read_key(path)
    except ValueError:
        raise Damaged("the key's file is damaged") from None
    if stored is None:
        raise Damaged("the key is not here: was the folder of keys lost?")
    if stored.kek != kek.print:
        raise WrongKey("its key is wrapped by another key: name the configuration that has it "
                       "as audit.content.key (--config)")  # fmt: skip
    try:
        return unwrap(kek, stored.wrapped, key_id)
    except NotSealed:
        raise Damaged("the key's file is damaged") from None


def _record(folder: Path, reference: Reference) -> bytes:
    file = reference["file"]
    path = folder / file
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        days = kept_for(file)
        if days is not None and is_over(days, path.parent.name, time.time_ns() // 1_000_000):
            raise Expired(f"expired: it was kept for {days} days") from None
        raise Damaged(f"{file} is not there") from None
    with open(fd, "rb") as handle:
        handle.seek(reference["offset"])
        record = handle.read(reference["bytes"])
    if not hmac.compare_digest(hashlib.sha256(record).hexdigest(), str(reference.get("sha256"))):
        raise Damaged(f"{file} does not hold what the log proves")
    return record
