"""The sequencer: many spools in, one log out, exactly one entry per decision id (P3).

One step (`poll`), in the order that survives a kill anywhere:

    1  ask which owners live, then read what their spools hold beyond the cursor
    2  a close becomes an entry; an intent waits for its close; a dead owner's waiting intents
       become `worker_lost`; an id that the log has had is dropped
    3  append to the log (durable), then move the cursor (atomic), then delete spent segments
    4  sign a checkpoint when the log has grown and the interval has passed
    5  when nothing waits: change the key if that was asked for, prune what is past its days

A kill between the two writes of 3 leaves entries in the log beyond the cursor's `log_size`: on the
next start their ids are known, and reading the same lines again adds nothing. After an error all
memory is thrown away and rebuilt from disk, so an error is a restart.
"""

from __future__ import annotations

import errno
import os
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from extproc.audit import rotate
from extproc.audit.checkpoint import KeyRefused, load_signer
from extproc.audit.cursor import Cursor
from extproc.audit.disk import try_lock
from extproc.audit.intake import Batch, backlog_bytes
from extproc.audit.log import SEGMENT_AGE_MS, SEGMENT_BYTES, LogRefused
from extproc.audit.note import Signer, Verifier
from extproc.audit.restart import finish_begin
from extproc.audit.values import AuditUnavailable
from extproc.audit.work import LOG, SPOOL, Upkeep, Work

LOCK = "sequencer.lock"
T = TypeVar("T")
_REMEMBERED = 20_000
_PRUNE_AGAIN_MS = 60_000


@dataclass(frozen=True, slots=True)
class Counts:
    """What this process did so far, for metrics; `log_size` and `covered` are the log's own.

    `pruned`: entries that became tombstones. `prune_failures`: times that the disk failed then.
    `damaged_segments`: segments that are not pruned because they are not what was hashed.
    """

    appended: int = 0
    duplicates: int = 0
    worker_lost: int = 0
    spool_damaged: int = 0
    log_size: int = 0
    covered: int = 0
    pruned: int = 0
    prune_failures: int = 0
    damaged_segments: int = 0


class Sequencer:
    """The one writer of `<state>/audit/log`. Call `poll` again and again; it never sleeps.

    `folder`: the state's audit folder. `remembered`: ids kept to recognise a late second close.
    `segment_bytes`, `segment_age_ms`: when the active file becomes a segment. `retention`: class
    of record -> days; a class that is not there is kept for ever. `new_id`, `random_bytes`: for
    the log's own events and keys. Raises AuditUnavailable at once when another sequencer runs
    here, KeyRefused when the signing key is not this log's.
    """

    def __init__(
        self,
        folder: Path,
        *,
        origin: str = "envelope",
        checkpoint_interval_ms: int = 1_000,
        remembered: int = _REMEMBERED,
        segment_bytes: int = SEGMENT_BYTES,
        segment_age_ms: int = SEGMENT_AGE_MS,
        retention: Mapping[str, int] | None = None,
        new_id: Callable[[], str] = lambda: uuid.uuid4().hex,
        random_bytes: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._folder, self._origin = folder, origin
        self._interval_ms = checkpoint_interval_ms
        self._upkeep = Upkeep(new_id, remembered, segment_bytes, segment_age_ms)
        self._retention = dict(retention or {})
        self._random_bytes = random_bytes
        self._counts = Counts()
        self._backlog_bytes = 0
        self._published_ms: int | None = None
        self._prune_after_ms: int | None = None
        self._work: Work | None = None
        (folder / SPOOL).mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = try_lock(folder / LOCK)
        if lock is None:
            raise AuditUnavailable("a gateway, or another command, works on this audit log")
        self._lock = lock
        try:
            finish_begin(folder, random_bytes)
            self._signer = self._load_signer()
        except BaseException:
            os.close(lock)
            raise

    @property
    def verifier(self) -> Verifier:
        """The public key that checks what is signed now; `verifier.pub` keeps the first one."""
        return self._signer.verifier

    @property
    def counts(self) -> Counts:
        return self._counts

    @property
    def backlog_bytes(self) -> int:
        """Bytes of the spools that were not in the log at the end of the last step."""
        return self._backlog_bytes

    def keep_for(self, retention: Mapping[str, int]) -> None:
        """Another retention from the next step on: class of record -> days."""
        self._retention = dict(retention)

    def poll(self, now_ms: int) -> int:
        """Bring what the spools hold into the log; returns how many entries were added.

        Raises AuditUnavailable when the disk fails (call again later) and LogRefused when the log
        is not what this program left there: a human must put it back (then it goes on by itself)
        or begin another one (`envelope audit begin`).
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

    def rotate_key(self, now_ms: int, actor: tuple[str, str] = ("gateway", "sequencer")) -> None:
        """Sign with another key from now on. Raises AuditUnavailable, LogRefused."""
        self._guarded(lambda work: self._rotate(work, now_ms, actor))

    def prune(self, now_ms: int) -> int:
        """Prune all that is past its days now; returns how many entries went. Raises as `poll`."""
        return self._guarded(lambda work: self._prune_all(work, now_ms))

    def close(self) -> None:
        """Release the log; nothing is written."""
        self._forget()
        os.close(self._lock)

    def _step(self, now_ms: int, *, force: bool) -> Batch:
        return self._guarded(lambda work: self._advance(work, now_ms, force))

    def _guarded(self, act: Callable[[Work], T]) -> T:
        """Do something with the open log; after any error everything is opened again."""
        try:
            if self._work is None:
                self._signer = self._load_signer()
                self._work = Work(self._folder, self._signer, self._upkeep)
                self._signer = self._work.publisher.signer
            return act(self._work)
        except OSError as error:
            self._forget()
            raise _unavailable(error) from None
        except KeyRefused as error:
            self._forget()
            raise LogRefused(str(error)) from None
        except BaseException:
            self._forget()
            raise
        finally:
            self._look()

    def _load_signer(self) -> Signer:
        """The key as it is on disk: an interrupted change may have put another one there."""
        return load_signer(self._folder, self._origin, self._random_bytes)

    def _advance(self, work: Work, now_ms: int, force: bool) -> Batch:
        batch = work.advance(now_ms)
        self._sign(work, now_ms, force)
        self._count(batch)
        if not batch.more:
            self._rotate_if_asked(work, now_ms)
            self._prune_next(work, now_ms)
        return batch

    def _sign(self, work: Work, now_ms: int, force: bool) -> None:
        last = self._published_ms
        early = last is not None and 0 <= now_ms - last < self._interval_ms
        if work.log.size > work.publisher.covered and (force or not early):
            work.publisher.publish(work.log)
            self._published_ms = now_ms

    def _rotate_if_asked(self, work: Work, now_ms: int) -> None:
        asked = rotate.asked(self._folder, now_ms)
        if asked is not None:
            request_id, actor_name = asked
            self._rotate(work, now_ms, ("operator", actor_name))
            rotate.answer(self._folder, request_id, str(self.verifier))

    def _rotate(self, work: Work, now_ms: int, actor: tuple[str, str]) -> None:
        self._signer = work.rotate_key(now_ms, actor, self._random_bytes(32))

    def _prune_next(self, work: Work, now_ms: int) -> None:
        """One segment at most. A disk that fails here fails no entry: it is tried again later."""
        after = self._prune_after_ms
        if after is not None and now_ms < after:
            return
        try:
            gone = work.prune(now_ms, self._retention)
        except OSError:
            self._prune_after_ms = now_ms + _PRUNE_AGAIN_MS
            self._counts = replace(self._counts, prune_failures=self._counts.prune_failures + 1)
            self._forget()
        else:
            self._pruned(work, gone)

    def _prune_all(self, work: Work, now_ms: int) -> int:
        total = 0
        work.pruner.restart()
        while self._retention and work.pruner.has_more:
            gone = work.prune(now_ms, self._retention)
            self._pruned(work, gone)
            total += gone
        return total

    def _pruned(self, work: Work, gone: int) -> None:
        done, damaged = self._counts, len(work.pruner.damaged)
        if gone or damaged != done.damaged_segments:
            self._counts = replace(done, pruned=done.pruned + gone, damaged_segments=damaged)

    def _count(self, batch: Batch) -> None:
        done = self._counts
        self._counts = replace(
            done,
            appended=done.appended + len(batch.timed),
            duplicates=done.duplicates + batch.duplicates,
            worker_lost=done.worker_lost + batch.worker_lost,
            spool_damaged=done.spool_damaged + batch.spool_damaged,
        )

    def _look(self) -> None:
        """What others are told about the log and the spools; it may lag, but it never fails."""
        with suppress(OSError):
            if (work := self._work) is not None:
                size, covered = work.log.size, work.publisher.covered
                self._counts = replace(self._counts, log_size=size, covered=covered)
                self._backlog_bytes = work.backlog_bytes()
            else:
                offsets = Cursor.load(self._folder).offsets
                self._backlog_bytes = backlog_bytes(self._folder / SPOOL, offsets)

    def _forget(self) -> None:
        if self._work:
            self._work.close()
        self._work = None


def _unavailable(error: OSError) -> AuditUnavailable:
    name = errno.errorcode.get(error.errno or 0, "unknown error")
    return AuditUnavailable(f"the audit log cannot be written: {name}")


__all__ = ["LOCK", "LOG", "SPOOL", "Counts", "Sequencer"]
