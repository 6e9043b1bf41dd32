"""A worker's spool: one line per intent and per close, written before anything else happens.

    spool/<owner>.lock              locked for as long as the owner lives
    spool/<owner>.jsonl             its lines; further segments are <owner>.000001.jsonl, ...

Promises: when `intent` or `close` returns, the line survives this process (it is in the kernel's
page cache; the sequencer makes it durable); a line is whole or, without its newline, not there. A
`strict` spool makes what was written durable itself, where somebody awaits `durable`.
Refuses with AuditUnavailable when it cannot write, and works again as soon as the disk does: a
close that failed is kept and written before whatever comes next.
"""

from __future__ import annotations

import errno
import os
import re
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Literal

from extproc.audit.disk import PRIVATE, hold_lock, sync_folder
from extproc.audit.entry import bounded
from extproc.audit.group_sync import GroupSync, sync_file
from extproc.audit.values import AuditUnavailable, Entry

ROTATE_BYTES = 16 * 1024 * 1024
_OWNER = re.compile(r"[A-Za-z0-9_-]{1,128}")
_DECISION = re.compile(r"[A-Za-z0-9_.:-]{1,256}")
_KEPT_MAX = 4096


def _wall_clock_ms() -> int:
    return time.time_ns() // 1_000_000


class Spool:
    """The `AuditLog` of one worker process. Not for threads; open it after any fork.

    `owner`: a name never used before in this folder, e.g. slot, start time and pid. `strict`: see
    `durable`.
    """

    def __init__(
        self,
        folder: Path,
        owner: str,
        *,
        clock_ms: Callable[[], int] = _wall_clock_ms,
        rotate_bytes: int = ROTATE_BYTES,
        strict: bool = False,
    ) -> None:
        if not _OWNER.fullmatch(owner):
            raise AuditUnavailable("a spool owner's name has letters, digits, '-' and '_' only")
        self._folder, self._owner, self._clock_ms = folder, owner, clock_ms
        self._rotate_bytes = self._rotate_at = rotate_bytes
        self._segment = self._size = 0
        self._torn = False
        self.taken_away = False
        """Whether this owner's file is gone for good; a new owner must go on."""
        self.refusing = ""
        """Why nothing may be begun now, although lines could be written; '' where it may."""
        self._kept: list[bytes] = []
        self._group = GroupSync(self._sync) if strict else None
        self._left: list[int] = []
        """Files that were left for the next segment and are not durable yet."""
        self._named = -1
        """The last segment whose name is durable."""
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = hold_lock(folder / f"{owner}.lock")
            self._fd = self._open_segment(0)
        except OSError as error:
            raise _unavailable(error) from None

    def intent(self, entry: Entry) -> None:
        """Record what is about to happen. Raises AuditUnavailable: then it must not happen."""
        if self.refusing:
            raise AuditUnavailable(self.refusing)
        self._write(_line("intent", self._clock_ms(), entry))

    def close(self, entry: Entry) -> None:
        """Record what happened. Raises AuditUnavailable, but keeps the entry and tries again."""
        line = _line("close", self._clock_ms(), entry)
        try:
            self._write(line)
        except AuditUnavailable:
            if len(self._kept) < _KEPT_MAX:
                self._kept.append(line)
            raise

    def durable(self) -> Awaitable[None] | None:
        """What to await before a provider may see a byte; None where the mode asks for nothing.

        Awaiting raises AuditUnavailable when what was written so far cannot be made durable.
        """
        return self._group.wait() if self._group is not None else None

    def release(self) -> None:
        """Give up the spool: what is still open counts as lost. Kept closes get a last chance."""
        try:
            if self._kept or self._torn:
                self._recover()
        except AuditUnavailable:
            pass  # the sequencer finds the intents and writes `worker_lost` for them
        for fd in (*self._left, self._fd, self._lock):
            os.close(fd)

    def _sync(self) -> None:
        """In a thread: the file in use, those left before it, its name. Nobody else closes one."""
        fd, segment = self._fd, self._segment
        sync_file(fd)
        while self._left and self._left[0] != fd:
            sync_file(self._left[0])
            os.close(self._left.pop(0))
        if self._named < segment:
            sync_folder(self._folder)
            self._named = segment

    def _write(self, line: bytes) -> None:
        if self._group is not None and self._group.failed:
            self._begin_anew()
        if self._torn or self._kept:
            self._recover()
        self._put(line)
        if self._size >= self._rotate_at:
            self._rotate()

    def _put(self, line: bytes) -> None:
        try:
            if os.fstat(self._fd).st_nlink == 0:
                # Deleted under us: what is written there nobody will ever read.
                self.taken_away = True
                raise FileNotFoundError(errno.ENOENT, "the spool was taken away")
            written = os.write(self._fd, line)
        except OSError as error:
            self._cut()
            raise _unavailable(error) from None
        if written != len(line):
            self._cut()
            raise AuditUnavailable("the audit spool took only a part of a line")
        self._size += written

    def _recover(self) -> None:
        """Cut a torn line off and write the closes that failed, oldest first."""
        if self._torn:
            self._cut()
        if self._torn:
            raise AuditUnavailable("the audit spool ends in a torn line that cannot be cut")
        while self._kept:
            self._put(self._kept[0])
            del self._kept[0]

    def _cut(self) -> None:
        """Back to the last whole line; readers never took more, for the newline comes last."""
        try:
            os.ftruncate(self._fd, self._size)
            self._torn = False
        except OSError:
            self._torn = True

    def _rotate(self) -> None:
        """Go on in a new segment, so that read ones can be deleted; stay if that fails."""
        try:
            fd = self._open_segment(self._segment + 1)
        except OSError:
            self._rotate_at += self._rotate_bytes
            return
        self._go_on_in(fd)

    def _begin_anew(self) -> None:
        """After a sync that failed: another file, for this one's pages can no longer be trusted."""
        assert self._group is not None
        try:
            fd = self._open_segment(self._segment + 1)
        except OSError as error:
            raise _unavailable(error) from None
        self._go_on_in(fd)
        self._group.failed = False

    def _go_on_in(self, fd: int) -> None:
        if self._group is None:
            os.close(self._fd)
        else:
            self._left.append(self._fd)
        self._fd, self._size, self._rotate_at = fd, 0, self._rotate_bytes
        self._segment += 1

    def _open_segment(self, number: int) -> int:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        return os.open(self._folder / segment_name(self._owner, number), flags, PRIVATE)


def segment_name(owner: str, number: int) -> str:
    """File name of an owner's n-th segment; names of one owner sort in order."""
    return f"{owner}.jsonl" if number == 0 else f"{owner}.{number:06d}.jsonl"


def _line(kind: Literal["intent", "close"], at_ms: int, entry: Entry) -> bytes:
    decision_id = entry.get("decision_id")
    if not isinstance(decision_id, str) or not _DECISION.fullmatch(decision_id):
        raise AuditUnavailable("an audit entry without a usable decision_id")
    head = f'{{"kind":"{kind}","at_ms":{at_ms},"id":"{decision_id}","entry":'
    return b"%b%b}\n" % (head.encode(), bounded(entry))


def _unavailable(error: OSError) -> AuditUnavailable:
    """The kernel's word for it, without paths or content (P4)."""
    name = errno.errorcode.get(error.errno or 0, "unknown error")
    return AuditUnavailable(f"the audit spool cannot be written: {name}")
