"""What the spools hold beyond the cursor, turned into entries; and the spools' own housekeeping.

Promises: an id enters a batch only if the log does not have it; an intent whose owner is dead and
that has no close enters as `worker_lost`; an unreadable line, or one that speaks for the log itself
(pruning, keys), enters as `spool_damaged`. Deletes a segment only when every line of it is in the
log.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from extproc.audit.cursor import Cursor
from extproc.audit.entry import spool_damaged, worker_lost
from extproc.audit.spool_reader import READ_BYTES, Tail, is_alive, owners, parse, whole_lines
from extproc.audit.tombstone import OWN_ACTIONS
from extproc.audit.values import Entry

BATCH_BYTES = 2 * READ_BYTES


@dataclass(slots=True)
class Batch:
    """Entries of one step. `known`: ids that the log has had; grows by what is added.

    `moved`: lines were read. `more`: the batch was full before the spools were empty. `finished`:
    dead owners of whom nothing is left to read.
    """

    known: dict[str, None]
    now_ms: int
    bytes_read: int = 0
    moved: bool = False
    more: bool = False
    finished: list[str] = field(default_factory=list)
    duplicates: int = 0
    worker_lost: int = 0
    spool_damaged: int = 0
    timed: list[tuple[int, Entry]] = field(default_factory=list)

    def add(self, decision_id: str, at_ms: int, entry: Entry) -> bool:
        """Take an entry unless the log has its id."""
        if decision_id in self.known:
            return False
        self.known[decision_id] = None
        self.timed.append((at_ms, entry))
        return True

    def entries(self) -> list[Entry]:
        """In the order of their times; entries of the same time keep their spool's order."""
        return [entry for _, entry in sorted(self.timed, key=lambda timed: timed[0])]


class Intake:
    """All spools of one folder, as far as they were read."""

    def __init__(self, folder: Path, cursor: Cursor) -> None:
        self._folder = folder
        self._start = dict(cursor.offsets)
        self._tails: dict[str, Tail] = {}

    def collect(self, batch: Batch) -> None:
        """Read every spool beyond its offset, up to BATCH_BYTES in all."""
        for owner, segments in owners(self._folder).items():
            alive = is_alive(self._folder, owner)
            if not alive:  # it may have begun another segment before it died
                segments = owners(self._folder).get(owner, segments)
            tail = self._tail(owner, segments)
            for segment in segments:
                self._read_segment(tail, segment, batch)
            if batch.more:
                return
            if not alive:
                _give_up(tail, batch)

    def offsets(self) -> dict[str, int]:
        """Segment -> bytes taken, for the cursor."""
        known = dict(self._start)
        for tail in self._tails.values():
            known.update(tail.offsets)
        return known

    def forget(self, finished: tuple[str, ...]) -> None:
        """Delete what finished owners left; the lock goes last, for it guards the name."""
        for owner, segments in owners(self._folder).items():
            if owner in finished:
                for name in (*segments, f".{owner}.lock", f"{owner}.lock"):
                    (self._folder / name).unlink(missing_ok=True)
        for owner in finished:
            self._tails.pop(owner, None)
        self._start = {s: n for s, n in self._start.items() if s.partition(".")[0] not in finished}

    def delete_spent(self) -> None:
        """Delete segments that their living owner has left, oldest first, while none waits.

        Only ever a prefix: an intent's close lies in the same or a later segment and must not go
        before it, or the intent would look open after a restart.
        """
        for tail in self._tails.values():
            waiting = {segment for segment, _, _ in tail.open.values()}
            for segment in _in_order(tail.offsets)[:-1]:
                if segment in waiting:
                    break
                (self._folder / segment).unlink(missing_ok=True)
                del tail.offsets[segment]
                self._start.pop(segment, None)

    def is_short(self) -> bool:
        """Whether a power cut took spool lines that the log already has."""
        paths = ((self._folder / segment, n) for segment, n in self._start.items())
        return any(path.exists() and path.stat().st_size < n for path, n in paths)

    def backlog_bytes(self) -> int:
        """Bytes in the spools that are not in the log yet."""
        return backlog_bytes(self._folder, self.offsets())

    def _tail(self, owner: str, segments: list[str]) -> Tail:
        """What is known of an owner; after a restart, learnt again from what was read before."""
        tail = self._tails.get(owner)
        if tail is None:
            tail = self._tails[owner] = Tail(owner)
            for segment in segments:
                if segment in self._start:
                    tail.restore(self._folder, segment, self._start[segment])
        return tail

    def _read_segment(self, tail: Tail, segment: str, batch: Batch) -> None:
        """Take a segment's finished lines until there are no more or the batch is full."""
        while not batch.more:
            before = tail.offsets.get(segment, 0)
            lines, after = whole_lines(self._folder / segment, before)
            if not lines:
                return
            for line in lines:
                _take(tail, segment, before, line, batch)
                before += len(line) + 1
            batch.bytes_read += after - tail.offsets.get(segment, 0)
            tail.offsets[segment] = after
            batch.moved = True
            batch.more = batch.bytes_read >= BATCH_BYTES


def _take(tail: Tail, segment: str, offset: int, line: bytes, batch: Batch) -> None:
    record = parse(line)
    if record is None:
        _add_damaged(tail, segment, offset, line, batch)
    elif record.kind == "intent":
        if record.decision_id not in batch.known:
            tail.note(segment, offset, record)
    elif record.decision_id in batch.known:
        tail.note(segment, offset, record)
        batch.duplicates += 1
    elif (entry := record.entry()) is None or _is_the_logs_own(entry):
        _add_damaged(tail, segment, offset, line, batch)
    else:
        tail.note(segment, offset, record)
        batch.add(record.decision_id, record.at_ms, entry)


def _is_the_logs_own(entry: Entry) -> bool:
    """Entries that verify believes something about keys and pruning: only the sequencer's count."""
    event = entry.get("event")
    return isinstance(event, dict) and str(event.get("action")) in OWN_ACTIONS


def _add_damaged(tail: Tail, segment: str, offset: int, line: bytes, batch: Batch) -> None:
    entry = spool_damaged(tail.owner, segment, offset, line, batch.now_ms)
    batch.spool_damaged += batch.add(entry["decision_id"], batch.now_ms, entry)


def _give_up(tail: Tail, batch: Batch) -> None:
    """A dead owner will close nothing any more (P3: its open exchanges still get their entry)."""
    for segment, offset, record in tail.open.values():
        intent = record.entry()
        if intent is None or _is_the_logs_own(intent):
            _add_damaged(tail, segment, offset, record.line, batch)
        else:
            batch.worker_lost += batch.add(record.decision_id, record.at_ms, worker_lost(intent))
    tail.open.clear()
    batch.finished.append(tail.owner)


def backlog_bytes(folder: Path, offsets: Mapping[str, int]) -> int:
    """Bytes of the spools in `folder` beyond `offsets`."""
    total = 0
    for segments in owners(folder).values():
        for segment in segments:
            with contextlib.suppress(FileNotFoundError):
                total += max(0, (folder / segment).stat().st_size - offsets.get(segment, 0))
    return total


def _in_order(segments: dict[str, int]) -> list[str]:
    """Segments of one owner, the first (which has no number) first."""
    return sorted(segments, key=lambda name: (name.count("."), name))
