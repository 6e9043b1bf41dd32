"""A worker's own files of encrypted bodies, appended to by nobody else.

Promises: when `put` returns, the record survives this process; `sync` makes it durable, and its key
before it. A record is found by the place that its entry names, so what a killed process left half
written harms no other. Refuses with ContentLost, and works again as soon as the disk does.
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from extproc.audit.content.keys import KEYS, KeyRing, Random
from extproc.audit.content.places import CONTENT, place
from extproc.audit.content.seal import NONCE_BYTES, record_data, seal
from extproc.audit.content.values import CaptureDecision, ContentLost, Part, Reference
from extproc.audit.disk import PRIVATE, sync_folder


@dataclass(slots=True, eq=False)
class _File:
    """`end`: where the next record goes; reserved before it is written."""

    path: Path
    name: str
    fd: int
    end: int
    named: bool = False
    """Its name is durable."""
    pending: int = 0
    """Places that were reserved and not written yet: it must not be closed."""
    trusted: bool = True
    """No sync of it has failed: what it holds is what was written."""


@dataclass(frozen=True, slots=True)
class Reserved:
    """A record's place and its bytes, not written yet."""

    file: _File
    offset: int
    record: bytes
    reference: Reference


class ContentStore:
    """One process's. `reserve` in the event loop, `write` anywhere, `sync` in one thread at a time:
    only it closes files."""

    def __init__(
        self,
        audit_folder: Path,
        owner: str,
        ring: KeyRing,
        clock_ms: Callable[[], int],
        random: Random = os.urandom,
    ) -> None:
        self._root, self._owner, self.ring = audit_folder / CONTENT, owner, ring
        self._clock_ms, self._random = clock_ms, random
        self._files: dict[str, _File] = {}
        self._left: list[_File] = []
        """Files that nothing more is put into, not durable or not closed yet."""
        self._generation = 0

    def put(
        self, decision_id: str, part: Part, text: bytes, decision: CaptureDecision
    ) -> Reference:
        """Encrypt and append; raises ContentLost."""
        reserved = self.reserve(decision_id, part, text, decision)
        self.write(reserved)
        return reserved.reference

    def reserve(
        self, decision_id: str, part: Part, text: bytes, decision: CaptureDecision
    ) -> Reserved:
        """Encrypt, and take a place in the file. Raises ContentLost."""
        now_ms = self._clock_ms()
        try:
            key = self.ring.key(decision.tenant, now_ms)
            file = self._file(place(decision.days, now_ms))
        except OSError as error:
            raise _lost(error) from None
        except ValueError:
            raise ContentLost("key") from None
        data = record_data(decision_id, part, key.key_id)
        record = seal(key.cipher, self._random(NONCE_BYTES), text, data)
        reference: Reference = {
            "capture": decision.capture, "file": file.name, "offset": file.end,
            "bytes": len(record), "sha256": hashlib.sha256(record).hexdigest(),
            "key_id": key.key_id,
        }  # fmt: skip
        reserved = Reserved(file, file.end, record, reference)
        file.end += len(record)
        file.pending += 1
        return reserved

    def write(self, reserved: Reserved) -> None:
        """Raises ContentLost. What was reserved and not written stays a hole that nobody reads."""
        rest, offset = memoryview(reserved.record), reserved.offset
        try:
            while rest:
                written = os.pwrite(reserved.file.fd, rest, offset)
                if written <= 0:
                    raise OSError(errno.EIO, "nothing was written")
                rest, offset = rest[written:], offset + written
        except OSError as error:
            raise _lost(error) from None
        finally:
            reserved.file.pending -= 1

    def sync(self) -> None:
        """Make all that was written durable: keys, files, names. In a thread; raises OSError."""
        leaving, files = list(self._left), list(self._files.values())
        self.ring.sync()
        for file in (*leaving, *files):
            if not file.trusted or not os.fstat(file.fd).st_nlink:
                continue  # nobody relies on it, or somebody took it away
            os.fdatasync(file.fd)
            if not file.named:
                for folder in (file.path.parent, file.path.parent.parent, self._root):
                    sync_folder(folder)
                file.named = True
        for file in leaving:
            if not file.pending:
                self._left.remove(file)
                os.close(file.fd)

    def begin_anew(self) -> None:
        """After a sync that failed: other files, for these ones' pages can no longer be trusted."""
        self._left += self._files.values()
        self._files.clear()
        for file in self._left:
            file.trusted = False
        self._generation += 1

    def release(self) -> None:
        for file in (*self._files.values(), *self._left):
            os.close(file.fd)
        self._files.clear()
        self._left.clear()

    def _file(self, name: str) -> _File:
        """The file in use there: another one each day, and where somebody took the last away."""
        file = self._files.get(name)
        if file is not None and os.fstat(file.fd).st_nlink:
            return file
        day = name.rpartition("/")[2]
        for other in [one for one in self._files if one.rpartition("/")[2] < day]:
            self._left.append(self._files.pop(other))
        again = f"-{self._generation}" if self._generation else ""
        path = self._root / name / f"{self._owner}{again}.bin"
        for one in (self._root, path.parent.parent, path.parent):  # `parents=True` leaves upper
            one.mkdir(parents=True, exist_ok=True, mode=0o700)  # ones open to all
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, PRIVATE)
        if file is not None:
            self._left.append(file)
        opened = _File(path, f"{name}/{path.name}", fd, os.lseek(fd, 0, os.SEEK_END))
        self._files[name] = opened
        return opened


def keys_folder(audit_folder: Path) -> Path:
    return audit_folder / KEYS


def _lost(error: OSError) -> ContentLost:
    """The kernel's word for it, without paths (P4)."""
    return ContentLost(errno.errorcode.get(error.errno or 0, "unknown error"))
