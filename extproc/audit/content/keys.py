"""The tenants' keys on disk: each wrapped, none under a name that anybody can read.

    content-keys/<tag>/<n>.json     the n-th key of a tenant, wrapped (key id: `<tag>.<n>`)
    content-keys/<tag>/<n>.erased   it was destroyed, and when; its number is never used again
    content-keys/erasures.json      what was erased here (`erase.py`); who holds keys in memory
                                    looks whether it has changed

Promises: processes that start together get one key (it is written aside and linked to its name,
which only the first can do); a key that was destroyed is used no more from the moment it is.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from extproc.audit.content.seal import (
    KEY_BYTES,
    KEY_DAYS,
    NONCE_BYTES,
    RECORDS_MAX,
    Kek,
    NotSealed,
    tag_of,
    unwrap,
    wrap,
)
from extproc.audit.content.values import Tenant
from extproc.audit.disk import PRIVATE, write_all

KEYS = "content-keys"
ERASURES = "erasures.json"
DAY_MS = 86_400_000
_ATTEMPTS = 8
_HELD_MAX = 10_000
Random = Callable[[int], bytes]


@dataclass(frozen=True, slots=True, repr=False)
class StoredKey:
    """A key file. `kek`: the print of what wrapped it."""

    key_id: str
    created_at_ms: int
    kek: str
    wrapped: bytes


@dataclass(slots=True, repr=False)
class TenantKey:
    """A key in memory. `uses`: of this process."""

    key_id: str
    created_at_ms: int
    cipher: AESGCM
    uses: int = 0

    def spent(self, now_ms: int) -> bool:
        return self.uses >= RECORDS_MAX or now_ms - self.created_at_ms > KEY_DAYS * DAY_MS


def key_path(folder: Path, key_id: str) -> Path:
    tag, _, number = key_id.partition(".")
    return folder / tag / f"{number}.json"


def read_key(path: Path) -> StoredKey | None:
    """None where there is none; raises OSError, and ValueError for a file that is not one."""
    try:
        fields = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    try:
        return StoredKey(
            str(fields["key_id"]), int(fields["created_at_ms"]), str(fields["kek"]),
            base64.b64decode(fields["wrapped"], validate=True),
        )  # fmt: skip
    except (KeyError, TypeError) as error:
        raise ValueError("not a key file") from error


def numbers(folder: Path) -> dict[int, bool]:
    """Number of each of a tenant's keys -> whether it was destroyed."""
    found: dict[int, bool] = {}
    for name in os.listdir(folder) if folder.is_dir() else ():
        stem, _, kind = name.partition(".")
        if stem.isdigit() and kind in ("json", "erased"):
            found[int(stem)] = found.get(int(stem), False) or kind == "erased"
    return found


@dataclass(slots=True, repr=False)
class KeyRing:
    """The keys that one process uses. Not for threads, but for `sync`.

    `secret`: the gateway's own, for names. `unsynced`: files that a power cut may still take.
    """

    folder: Path
    secret: bytes
    kek: Kek
    random: Random = os.urandom
    _keys: dict[Tenant, TenantKey] = field(default_factory=dict)
    _stamp: tuple[int, int, int] = (0, 0, 0)
    unsynced: list[Path] = field(default_factory=list)

    def key(self, tenant: Tenant, now_ms: int) -> TenantKey:
        """The key to encrypt with now; made where there is none. Raises OSError, ValueError."""
        self.forget_erased()
        known = self._keys.get(tenant)
        if known is None or known.spent(now_ms):
            if len(self._keys) >= _HELD_MAX:
                self._keys.clear()
            known = self._keys[tenant] = self._current(tenant, now_ms)
        known.uses += 1
        return known

    def forget_erased(self) -> bool:
        """Drop every key once something was erased; whether any is still held."""
        stamp = _stamp(self.folder / ERASURES)
        if stamp != self._stamp:
            self._keys.clear()
            self._stamp = stamp
        return bool(self._keys)

    def use(self, kek: Kek) -> None:
        if kek != self.kek:
            self.kek = kek
            self._keys.clear()

    def sync(self) -> None:
        """Make new keys durable; in a thread. What was encrypted under them comes after."""
        while self.unsynced:
            for path in (self.unsynced[0], self.unsynced[0].parent, self.folder):
                _sync(path)
            del self.unsynced[0]

    def _current(self, tenant: Tenant, now_ms: int) -> TenantKey:
        """The newest that can be used, or the next one."""
        tag = tag_of(self.secret, tenant)
        folder = self.folder / tag
        for _ in range(_ATTEMPTS):
            known = numbers(folder)
            newest = max(known, default=0)
            if newest and not known[newest]:
                found = self._open(f"{tag}.{newest}")
                if found is not None and not found.spent(now_ms):
                    return found
            self._make(folder, f"{tag}.{newest + 1}", now_ms)
        raise ValueError("no key can be made")

    def _open(self, key_id: str) -> TenantKey | None:
        """None for one that another key than ours wraps, and for one that is damaged."""
        with suppress(ValueError, NotSealed):
            stored = read_key(key_path(self.folder, key_id))
            if stored is not None and stored.kek == self.kek.print:
                key = unwrap(self.kek, stored.wrapped, key_id)
                return TenantKey(key_id, stored.created_at_ms, AESGCM(key))
        return None

    def _make(self, folder: Path, key_id: str, now_ms: int) -> None:
        """Unless another process is first: then its key counts."""
        for one in (folder.parent, folder):  # `parents=True` leaves upper ones open to all
            one.mkdir(parents=True, exist_ok=True, mode=0o700)
        wrapped = wrap(self.kek, self.random(NONCE_BYTES), self.random(KEY_BYTES), key_id)
        fields = {"key_id": key_id, "created_at_ms": now_ms, "kek": self.kek.print,
                  "wrapped": base64.b64encode(wrapped).decode()}  # fmt: skip
        path = key_path(self.folder, key_id)
        aside = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        try:
            fd = os.open(aside, flags, PRIVATE)
            try:
                write_all(fd, json.dumps(fields).encode())
            finally:
                os.close(fd)
            os.link(aside, path)
            self.unsynced.append(path)
        except FileExistsError:
            pass
        finally:
            aside.unlink(missing_ok=True)


def _stamp(path: Path) -> tuple[int, int, int]:
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return 0, 0, 0
    return status.st_ino, status.st_mtime_ns, status.st_size


def _sync(path: Path) -> None:
    """A file or a folder; one that is gone by now was destroyed, and need not be durable."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
