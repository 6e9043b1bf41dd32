"""The sequencer: many spools in, one log out, exactly one entry per decision id (P3).

One step (`poll`), in the order that survives a kill anywhere:

    1  ask which owners live, then read what their spools hold beyond the cursor
    2  a close becomes an entry; an intent waits for its close; a dead owner's waiting intents
       become `worker_lost`; an id that the log has had is dropped
    3  append to the log (durable), then move the cursor (atomic), then delete spent segments
    4  sign a checkpoint when the log has grown and the interval has passed

A kill between the two writes of 3 leaves entries in the log beyond the cursor's `log_size`: on the
next start their ids are known, and reading the same lines again adds nothing. After an error all
memory is thrown away and rebuilt from disk, so an error is a restart.
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass, replace
from pathlib import Path

from extproc.audit.checkpoint import load_signer
from extproc.audit.cursor import Cursor
from extproc.audit.disk import try_lock
from extproc.audit.intake import Batch, Intake
from extproc.audit.log import Log
from extproc.audit.note import Signer, Verifier
from extproc.audit.publish import Publisher
from extproc.audit.spool_reader import is_alive
from extproc.audit.values import AuditUnavailable

SPOOL = "spool"
LOG = "log"
_REMEMBERED = 20_000


@dataclass(frozen=True, slots=True)
class Counts:
    """What this process did so far, for metrics; `log_size` and `covered` are the log's own."""

    appended: int = 0
    duplicates: int = 0
    worker_lost: int = 0
    spool_damaged: int = 0
    log_size: int = 0
    covered: int = 0


class Sequencer:
    """The one writer of `<state>/audit/log`. Call `poll` again and again; it never sleeps.

    `folder`: the state's audit folder. `remembered`: ids kept to recognise a late second close.
    Raises AuditUnavailable at once when another sequencer runs here, KeyRefused when the signing
    key is not this log's.
    """

    def __init__(
        self,
        folder: Path,
        *,
        origin: str = "envelope",
        checkpoint_interval_ms: int = 1_000,
        remembered: int = _REMEMBERED,
    ) -> None:
        self._folder = folder
        self._interval_ms = checkpoint_interval_ms
        self._remembered = remembered
        self._counts = Counts()
        self._published_ms: int | None = None
        self._work: _Work | None = None
        (folder / SPOOL).mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = try_lock(folder / "sequencer.lock")
        if lock is None:
            raise AuditUnavailable("another sequencer works on this audit log")
        self._lock = lock
        try:
            self._signer = load_signer(folder, origin)
        except BaseException:
            os.close(lock)
            raise

    @property
    def verifier(self) -> Verifier:
        """The public key that checks this log."""
        return self._signer.verifier

    @property
    def counts(self) -> Counts:
        return self._counts

    def poll(self, now_ms: int) -> int:
        """Bring what the spools hold into the log; returns how many entries were added.

        Raises AuditUnavailable when the disk fails (call again later) and LogRefused when the log
        is not what this program left there (a human must look).
        """
        return len(self._step(now_ms, force=False).timed)

    def drain(self, now_ms: int) -> int:
        """Poll until the spools are empty and sign a last checkpoint; for an orderly stop."""
        added = 0
        while True:
            batch = self._step(now_ms, force=True)
            added += len(batch.timed)
            if not batch.more:
                return added

    def close(self) -> None:
        """Release the log; nothing is written."""
        self._forget()
        os.close(self._lock)

    def _step(self, now_ms: int, *, force: bool) -> Batch:
        try:
            if self._work is None:
                self._work = _Work(self._folder, self._signer, self._remembered)
            batch = self._work.advance(now_ms)
            self._sign(self._work, now_ms, force)
        except OSError as error:
            self._forget()
            raise _unavailable(error) from None
        except BaseException:
            self._forget()
            raise
        self._count(batch, self._work)
        return batch

    def _sign(self, work: _Work, now_ms: int, force: bool) -> None:
        last = self._published_ms
        early = last is not None and 0 <= now_ms - last < self._interval_ms
        if work.log.size > work.publisher.covered and (force or not early):
            work.publisher.publish(work.log)
            self._published_ms = now_ms

    def _count(self, batch: Batch, work: _Work) -> None:
        done = self._counts
        self._counts = replace(
            done,
            appended=done.appended + len(batch.timed),
            duplicates=done.duplicates + batch.duplicates,
            worker_lost=done.worker_lost + batch.worker_lost,
            spool_damaged=done.spool_damaged + batch.spool_damaged,
            log_size=work.log.size,
            covered=work.publisher.covered,
        )

    def _forget(self) -> None:
        if self._work:
            self._work.close()
        self._work = None


class _Work:
    """The open files and what is known of them; can be rebuilt from disk at any time."""

    def __init__(self, folder: Path, signer: Signer, remembered: int) -> None:
        self._folder, self._remembered = folder, remembered
        self._cursor = _live_cursor(folder)
        self._intake = Intake(folder / SPOOL, self._cursor)
        self.publisher = Publisher(folder / LOG, signer)
        try:
            self.log = Log(folder / LOG, max(self.publisher.covered, self._cursor.log_size))
        except BaseException:
            self.publisher.close()
            raise
        try:
            self.publisher.check(self.log)
            self._known = self._recent_ids()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self.publisher.close()
        self.log.close()

    def advance(self, now_ms: int) -> Batch:
        """Log, then cursor, then deletions: each makes the next safe."""
        if self._cursor.finished:
            self._clear_finished()
        batch = Batch(self._known, now_ms)
        self._intake.collect(batch)
        if batch.timed:
            self.log.append(batch.entries())
        if batch.moved or batch.finished:
            self._move_cursor(tuple(batch.finished))
        if batch.finished:
            self._clear_finished()
        self._intake.delete_spent()
        if not batch.more:
            self._forget_old_ids()
        return batch

    def _clear_finished(self) -> None:
        self._intake.forget(self._cursor.finished)
        self._move_cursor(())

    def _move_cursor(self, finished: tuple[str, ...]) -> None:
        cursor = Cursor(self.log.size, self._intake.offsets(), finished)
        cursor.save(self._folder)
        self._cursor = cursor

    def _recent_ids(self) -> dict[str, None]:
        """Ids that spools may bring again: all beyond the cursor, and the latest before it.

        Where a power cut took spool lines that the log already has, no id is too old.
        """
        since = max(0, min(self._cursor.log_size, self.log.size - self._remembered))
        entries = self.log.entries_since(0 if self._intake.is_short() else since)
        return {entry["decision_id"]: None for entry in entries}

    def _forget_old_ids(self) -> None:
        if len(self._known) > 2 * self._remembered:
            for decision_id in list(self._known)[: -self._remembered or None]:
                del self._known[decision_id]


def _live_cursor(folder: Path) -> Cursor:
    """The saved cursor without finished owners whose name a living one has taken since."""
    cursor = Cursor.load(folder)
    again = {owner for owner in cursor.finished if is_alive(folder / SPOOL, owner)}
    offsets = {s: n for s, n in cursor.offsets.items() if s.partition(".")[0] not in again}
    finished = tuple(owner for owner in cursor.finished if owner not in again)
    return Cursor(cursor.log_size, offsets, finished)


def _unavailable(error: OSError) -> AuditUnavailable:
    name = errno.errorcode.get(error.errno or 0, "unknown error")
    return AuditUnavailable(f"the audit log cannot be written: {name}")
