"""Erasure by destroying keys: what was encrypted under them can be read by nobody any more.

    content-keys/erasures.json   id -> {tag, key_ids, at_ms, reason, done, recorded}

Promises: a key is overwritten, then unlinked, then the folder is synced; what says so is durable
before. Whoever holds the key in memory learns of it by the changed file (`keys.py`). An erasure is
done once under its id; one that broke off goes on (`finish`), and it stays unrecorded until
somebody has recorded it. The log is not touched: it proves ciphertexts, and verifies as before.
Not promised: copies that others took of the folder of keys (backups, snapshots), and blocks that a
disk keeps of what was overwritten.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from extproc.audit.content.keys import ERASURES, numbers
from extproc.audit.content.seal import tag_of
from extproc.audit.content.values import Tenant
from extproc.audit.disk import PRIVATE, replace_file, sync_folder

ACTION = "audit.content.erase"


@dataclass(frozen=True, slots=True)
class Erasure:
    """One erasure, as far as this gateway has done it. `key_ids`: of the keys to destroy."""

    tag: str
    key_ids: tuple[str, ...]
    at_ms: int
    reason: str = ""
    done: bool = False
    recorded: bool = False

    def details(self) -> dict[str, object]:
        """For its event: no name of a tenant, which would outlive the erasure."""
        said: dict[str, object] = {"key_ids": list(self.key_ids), "count": len(self.key_ids)}
        return said | ({"reason": self.reason} if self.reason else {})


def erase(
    folder: Path, secret: bytes, tenant: Tenant, *, erasure_id: str, at_ms: int, reason: str = ""
) -> Erasure | None:
    """Destroy all of a tenant's keys below `folder`; None where this erasure was done before.

    Raises OSError: then some keys may be left, and it can be tried again.
    """
    tag = tag_of(secret, tenant)
    with _locked(folder):
        known = _read(folder)
        if erasure_id in known and known[erasure_id].done:
            return None
        if erasure_id not in known:
            key_ids = tuple(f"{tag}.{n}" for n, gone in numbers(folder / tag).items() if not gone)
            known[erasure_id] = Erasure(tag, key_ids, at_ms, reason)
            _write(folder, known)
        return _finish(folder, known, erasure_id)


def finish(folder: Path, erasure_id: str) -> None:
    """Go on with an erasure that was begun; raises OSError."""
    with _locked(folder):
        known = _read(folder)
        if erasure_id in known and not known[erasure_id].done:
            _finish(folder, known, erasure_id)


def _finish(folder: Path, known: dict[str, Erasure], erasure_id: str) -> Erasure:
    """Written again behind it, also where there was nothing: whoever holds a key looks again."""
    begun = known[erasure_id]
    _destroy(folder / begun.tag, begun.at_ms)
    known[erasure_id] = done = replace(begun, done=True)
    _write(folder, known)
    return done


def holds(folder: Path, secret: bytes, tenant: Tenant) -> bool:
    """Whether there is any key of this tenant that can still be destroyed."""
    return not all(numbers(folder / tag_of(secret, tenant)).values())


def unrecorded(folder: Path) -> dict[str, Erasure]:
    """By id: those that are in no log yet. Raises OSError, ValueError."""
    return {name: one for name, one in _read(folder).items() if not one.recorded}


def mark_recorded(folder: Path, erasure_id: str) -> None:
    with _locked(folder):
        known = _read(folder)
        if erasure_id in known:
            known[erasure_id] = replace(known[erasure_id], recorded=True)
            _write(folder, known)


def _destroy(folder: Path, at_ms: int) -> None:
    """The mark first, so that a key that is half destroyed is no key for anybody."""
    if not folder.is_dir():
        return
    for number, erased in sorted(numbers(folder).items()):
        if not erased:
            replace_file(folder / f"{number}.erased", json.dumps({"at_ms": at_ms}).encode())
        if (path := folder / f"{number}.json").exists():
            _shred(path)
    for path in folder.glob(".*.json.*"):
        _shred(path)  # what a process left that was killed while it made a key
    sync_folder(folder)


def _shred(path: Path) -> None:
    """Overwrite in place, make that durable, unlink."""
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        size = os.fstat(fd).st_size
        for content in (os.urandom(size), bytes(size)):
            os.pwrite(fd, content, 0)
            os.fsync(fd)
    finally:
        os.close(fd)
    path.unlink()


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One eraser at a time: a command and its gateway may come together."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    fd = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def _read(folder: Path) -> dict[str, Erasure]:
    try:
        found = json.loads((folder / ERASURES).read_bytes())
    except FileNotFoundError:
        return {}
    return {
        name: Erasure(
            tag=str(one["tag"]), key_ids=tuple(one["key_ids"]), at_ms=int(one["at_ms"]),
            reason=str(one["reason"]), done=bool(one["done"]), recorded=bool(one["recorded"]),
        )
        for name, one in found.items()
    }  # fmt: skip


def _write(folder: Path, erasures: dict[str, Erasure]) -> None:
    fields = {name: asdict(one) for name, one in erasures.items()}
    replace_file(folder / ERASURES, json.dumps(fields).encode())
