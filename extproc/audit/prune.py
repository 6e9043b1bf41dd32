"""Retention: entries whose time is up become tombstones, and an entry of the log says so.

For one closed segment at a time:

    1  see which entries are past their class's days, and that each is the one that was hashed
    2  append `audit.prune`: how many, and a digest over their indexes and leaf hashes; sign it
    3  write the segment again with tombstones in their place, aside; rename it

Promises: no content of a pruned entry is left in the log's folder; a kill between 2 and 3 is
finished at the next start; what was tampered with is never pruned, for it is evidence. Entries
about the log itself (OWN_ACTIONS) stay for good.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import orjson

from extproc.audit.disk import PRIVATE, sync_folder, write_all
from extproc.audit.entry import rfc3339
from extproc.audit.event import event_entry, record_class
from extproc.audit.log import Log
from extproc.audit.merkle import leaf_hash
from extproc.audit.publish import Publisher
from extproc.audit.segments import SEGMENTS, Segment, at_ms, closed, file_lines, opened
from extproc.audit.tombstone import OWN_ACTIONS, PRUNE, PruneDigest, Tombstone, read_tombstone
from extproc.audit.values import Entry

EVERY_MS = 3600 * 1000
_DAY_MS = 24 * 3600 * 1000
Cutoffs = Mapping[str, int]
"""Class of record -> milliseconds since 1970; what is older goes."""


class SegmentDamaged(Exception):
    """A segment holds what was not hashed: nothing of it is pruned."""


@dataclass(slots=True)
class Survey:
    """What of a segment goes. `oldest_kept_ms`: by class, of what will go some day."""

    doomed: set[int] = field(default_factory=set)
    classes: dict[str, int] = field(default_factory=dict)
    oldest_kept_ms: dict[str, int] = field(default_factory=dict)
    digest: PruneDigest = field(default_factory=PruneDigest)


def cutoffs_at(now_ms: int, days: Mapping[str, int]) -> dict[str, int]:
    """What each class's days mean now."""
    return {name: now_ms - count * _DAY_MS for name, count in days.items()}


def survey(
    segment: Segment, cutoffs: Cutoffs, node: Callable[[int, int], bytes] | None = None
) -> Survey:
    """See what of `segment` is older than its class's cutoff; raises SegmentDamaged, OSError.

    `node`: the stored hashes that the entries must fit.
    """
    found = Survey()
    for index, line in _numbered(segment):
        stone = read_tombstone(line)
        leaf = leaf_hash(line) if stone is None else stone.leaf
        if node is not None and leaf != node(0, index):
            raise SegmentDamaged(f"entry {index} is not the one that was hashed")
        if stone is None:
            _judge(found, index, leaf, orjson.loads(line), cutoffs)
    return found


def _judge(found: Survey, index: int, leaf: bytes, entry: Entry, cutoffs: Cutoffs) -> None:
    event, name, at = entry.get("event"), _class_of(entry), at_ms(entry)
    if name not in cutoffs or at is None:
        return
    if isinstance(event, dict) and str(event.get("action")) in OWN_ACTIONS:
        return
    if at < cutoffs[name]:
        found.doomed.add(index)
        found.classes[name] = found.classes.get(name, 0) + 1
        found.digest.add(index, leaf)
    else:
        found.oldest_kept_ms[name] = min(at, found.oldest_kept_ms.get(name, at))


def _class_of(entry: Entry) -> str:
    """An entry's class of record; '' for one that has none, which is kept."""
    try:
        return record_class(entry)
    except TypeError:
        return ""


def prune_entry(
    segment: Segment, found: Survey, cutoffs: Cutoffs, now_ms: int, event_id: str
) -> Entry:
    """The entry that accounts for what goes."""
    return event_entry(
        PRUNE,
        event_id=event_id,
        at_ms=now_ms,
        actor=("gateway", "sequencer"),
        target=segment.path.name,
        details={
            "segment": segment.first,
            "count": found.digest.count,
            "digest": found.digest.hex(),
            "classes": found.classes,
            "cutoffs": {name: rfc3339(cutoffs[name]) for name in found.classes},
        },
    )


def rewrite(segment: Segment, doomed: set[int], event: int) -> None:
    """Put tombstones that name entry `event` in the place of what is doomed, in one step."""
    aside = segment.path.with_name(segment.path.name + ".new")
    fd = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, PRIVATE)
    try:
        waiting = bytearray()
        for index, line in _numbered(segment):
            new = Tombstone(index, leaf_hash(line), event).line() if index in doomed else line
            waiting += new + b"\n"
            if len(waiting) > 1024 * 1024:
                write_all(fd, bytes(waiting))
                waiting.clear()
        write_all(fd, bytes(waiting))
        os.fsync(fd)
    finally:
        os.close(fd)
    os.replace(aside, segment.path)
    sync_folder(segment.path.parent)


class Pruner:
    """Prunes one log, a segment at each step, every segment at most once an hour.

    `recent`: the log's latest entries, where an interrupted pruning has left its announcement.
    `damaged`: segments that hold what was not hashed.
    """

    def __init__(self, folder: Path, recent: Iterable[Entry]) -> None:
        self._folder = folder
        self._days: dict[str, int] = {}
        self._waiting: list[Segment] = []
        self._begun_ms: int | None = None
        self._quiet: dict[int, dict[str, int]] = {}
        self.damaged: set[int] = set()
        self._announced = {
            int(entry["event"]["segment"]): entry for entry in recent if _is_prune(entry)
        }
        for left in (folder / SEGMENTS).glob("*.new"):
            left.unlink()

    def step(
        self, log: Log, publisher: Publisher, days: Mapping[str, int], now_ms: int, event_id: str
    ) -> int:
        """Prune the next segment that has something to prune; returns how many entries went.

        0 also when nothing is due. Raises OSError; then open everything again.
        """
        if self._announced:
            return self._finish_announced(log)
        if not days:
            return 0
        if days != self._days:
            self._days = dict(days)
            self._quiet.clear()
        self._begin(publisher.covered, log.active_first, now_ms)
        cutoffs = cutoffs_at(now_ms, days)
        while self._waiting:
            segment = self._waiting.pop(0)
            if self._is_quiet(segment, cutoffs):
                continue
            found = self._survey(segment, cutoffs, log)
            if found is None or not found.doomed:
                return 0
            event = log.append([prune_entry(segment, found, cutoffs, now_ms, event_id)])
            publisher.publish(log)
            rewrite(segment, found.doomed, event)
            return len(found.doomed)
        return 0

    @property
    def has_more(self) -> bool:
        """Whether a step now would look at another segment."""
        return bool(self._waiting or self._announced or self._begun_ms is None)

    def restart(self) -> None:
        """Look at every segment again at the next step."""
        self._begun_ms = None

    def _begin(self, covered: int, active_first: int, now_ms: int) -> None:
        if self._waiting:
            return
        if self._begun_ms is not None and 0 <= now_ms - self._begun_ms < EVERY_MS:
            return
        self._begun_ms = now_ms
        found = closed(self._folder)
        ends = [after.first for _, after in pairwise(found)] + [active_first]
        self._waiting = [s for s, end in zip(found, ends, strict=False) if end <= covered]

    def _survey(self, segment: Segment, cutoffs: Cutoffs, log: Log) -> Survey | None:
        try:
            found = survey(segment, cutoffs, log.node)
        except (SegmentDamaged, ValueError):
            self.damaged.add(segment.first)
            return None
        self.damaged.discard(segment.first)
        self._quiet[segment.first] = found.oldest_kept_ms
        return found

    def _is_quiet(self, segment: Segment, cutoffs: Cutoffs) -> bool:
        """Whether an earlier look says that nothing in it is old enough yet."""
        known = self._quiet.get(segment.first)
        return known is not None and all(at >= cutoffs.get(n, at) for n, at in known.items())

    def _finish_announced(self, log: Log) -> int:
        """Finish what was announced and not done; what was done shows in the segment itself."""
        first, entry = self._announced.popitem()
        said, event = entry["event"], int(entry["index"])
        segment = next((s for s in closed(self._folder) if s.first == first), None)
        if segment is None or _has_tombstones_of(segment, event):
            return 0
        cutoffs = {name: at_ms({"at": text}) or 0 for name, text in said["cutoffs"].items()}
        try:
            found = survey(segment, cutoffs, log.node)
        except (SegmentDamaged, ValueError):
            return 0
        if found.digest.hex() != said["digest"]:
            return 0
        rewrite(segment, found.doomed, event)
        return len(found.doomed)


def _is_prune(entry: Entry) -> bool:
    event = entry.get("event")
    return isinstance(event, dict) and event.get("action") == PRUNE


def _has_tombstones_of(segment: Segment, event: int) -> bool:
    stones = (read_tombstone(line) for _, line in _numbered(segment))
    return any(stone is not None and stone.event == event for stone in stones)


def _numbered(segment: Segment) -> Iterator[tuple[int, bytes]]:
    with opened(segment.path) as fd:
        if fd is not None:
            yield from enumerate(file_lines(fd), start=segment.first)
