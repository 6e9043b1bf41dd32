"""One opening of the log for writing: its files, and what is known of them.

Everything here can be thrown away and rebuilt from disk at any time, which is what the sequencer
does after any error. Refuses (LogRefused) a log that is gone or ends before what was known of it,
and creates nothing in its place, so that the files can be put back.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from extproc.audit import rotate
from extproc.audit.cursor import Cursor
from extproc.audit.intake import Batch, Intake
from extproc.audit.log import SEGMENT_AGE_MS, SEGMENT_BYTES, Log, LogRefused
from extproc.audit.note import Signer
from extproc.audit.prune import Pruner
from extproc.audit.publish import Publisher
from extproc.audit.segments import ENTRIES, closed
from extproc.audit.spool_reader import is_alive
from extproc.audit.values import Entry

SPOOL = "spool"
LOG = "log"


@dataclass(frozen=True, slots=True)
class Upkeep:
    """How the log's files are kept. `remembered`: ids kept to recognise a late second close.

    `new_id`: unique names for the log's own events.
    """

    new_id: Callable[[], str]
    remembered: int
    segment_bytes: int = SEGMENT_BYTES
    segment_age_ms: int = SEGMENT_AGE_MS


class Work:
    """`signer`: the key in force; another one is, once an interrupted rotation was finished."""

    def __init__(self, folder: Path, signer: Signer, upkeep: Upkeep) -> None:
        self._folder, self._upkeep = folder, upkeep
        self._cursor = _live_cursor(folder)
        if self._cursor.log_size and _is_gone(folder / LOG):
            raise LogRefused(f"the log is gone; it had {self._cursor.log_size} entries")
        self._intake = Intake(folder / SPOOL, self._cursor)
        with contextlib.ExitStack() as stack:
            self.publisher = Publisher(folder / LOG, signer, self._cursor.covered)
            stack.callback(self.publisher.close)
            self.log = Log(folder / LOG, max(self.publisher.covered, self._cursor.log_size))
            stack.callback(self.log.close)
            self.publisher.check(self.log)
            rotate.finish(folder, self.log, self.publisher)
            recent = self._recent()
            self._known = {entry["decision_id"]: None for entry in recent}
            self.pruner = Pruner(folder / LOG, recent)
            self._files = stack.pop_all()

    def close(self) -> None:
        self._files.close()

    def advance(self, now_ms: int) -> Batch:
        """Log, then cursor, then deletions: each makes the next safe."""
        upkeep = self._upkeep
        if self.log.segment_is_due(now_ms, upkeep.segment_bytes, upkeep.segment_age_ms):
            self.log.close_segment()
        if self._cursor.finished:
            self._clear_finished()
        batch = Batch(self._known, now_ms)
        self._intake.collect(batch)
        if batch.timed:
            self.publisher.still_there()
            self.log.append(batch.entries())
        if batch.moved or batch.finished:
            self._move_cursor(tuple(batch.finished))
        if batch.finished:
            self._clear_finished()
        self._intake.delete_spent()
        if not batch.more:
            self._forget_old_ids()
        return batch

    def rotate_key(self, now_ms: int, actor: tuple[str, str], seed: bytes) -> Signer:
        """Give the log another key; returns it once it is in force. `seed`: 32 random bytes."""
        return rotate.rotate(
            self._folder, self.log, self.publisher, now_ms=now_ms, actor=actor, seed=seed,
            event_id=self._upkeep.new_id(),
        )  # fmt: skip

    def prune(self, now_ms: int, days: Mapping[str, int]) -> int:
        """Prune the next segment where something is due; returns how many entries went.

        `days`: by class of record; a class that is not there is kept.
        """
        event_id = self._upkeep.new_id()
        return self.pruner.step(self.log, self.publisher, days, now_ms, event_id)

    def backlog_bytes(self) -> int:
        """Bytes of the spools that are not in the log yet."""
        return self._intake.backlog_bytes()

    def _clear_finished(self) -> None:
        self._intake.forget(self._cursor.finished)
        self._move_cursor(())

    def _move_cursor(self, finished: tuple[str, ...]) -> None:
        offsets, covered = self._intake.offsets(), self.publisher.covered
        cursor = Cursor(self.log.size, offsets, finished, covered)
        cursor.save(self._folder)
        self._cursor = cursor

    def _recent(self) -> list[Entry]:
        """Entries whose ids spools may bring again: all beyond the cursor, the latest before it.

        Where a power cut took spool lines that the log already has, no id is too old.
        """
        since = max(0, min(self._cursor.log_size, self.log.size - self._upkeep.remembered))
        entries = self.log.entries_since(0 if self._intake.is_short() else since)
        return [_named(entry) for entry in entries]

    def _forget_old_ids(self) -> None:
        remembered = self._upkeep.remembered
        if len(self._known) > 2 * remembered:
            for decision_id in list(self._known)[: -remembered or None]:
                del self._known[decision_id]


def _named(entry: Entry) -> Entry:
    """What of an entry is needed to recognise it; the rest of the log's end is not kept."""
    return {name: entry[name] for name in ("decision_id", "index", "event") if name in entry}


def _is_gone(log_folder: Path) -> bool:
    return not (log_folder / ENTRIES).exists() and not closed(log_folder)


def _live_cursor(folder: Path) -> Cursor:
    """The saved cursor without finished owners whose name a living one has taken since."""
    cursor = Cursor.load(folder)
    again = {owner for owner in cursor.finished if is_alive(folder / SPOOL, owner)}
    offsets = {s: n for s, n in cursor.offsets.items() if s.partition(".")[0] not in again}
    finished = tuple(owner for owner in cursor.finished if owner not in again)
    return Cursor(cursor.log_size, offsets, finished, cursor.covered)
