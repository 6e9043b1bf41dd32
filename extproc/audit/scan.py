"""One pass over a log's entries: hashing them again, beside the hashes that are stored.

Promises: trusts nothing but the bytes of the entries; a stored hash is only ever compared. Every
entry must be readable, say its own index, and be its decision's only one. While all is well each
line is the next leaf. Where a line is not, its stated index and the stored hashes tell what was
done (edited, removed, inserted, moved), so that one deed is one fault and not one for every line
behind it; whatever they tell, the log is not intact. Memory: 8 bytes per entry.
"""

from __future__ import annotations

import os
from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import orjson

from extproc.audit.merkle import HASH_BYTES, CompactRange, leaf_hash, node_position
from extproc.audit.segments import ENTRIES, HASHES, Segment, closed, file_lines, opened, walk
from extproc.audit.tombstone import KEY_ROTATE, PRUNE, PruneDigest, Tombstone, read_tombstone
from extproc.audit.values import Entry

Kind = Literal[
    "entry_altered", "entry_unreadable", "entry_removed", "entry_reordered", "entry_inserted",
    "index_wrong", "duplicate_decision", "hash_altered", "truncated", "segment_missing",
    "segment_overlap", "pruned_unaccounted", "checkpoint_invalid", "checkpoint_order",
    "checkpoint_missing", "checkpoint_mismatch", "checkpoint_foreign", "retired_key",
    "keys_altered", "fork",
]  # fmt: skip
Progress = Callable[[int, int], None]
"""Called now and then with (bytes read, bytes in all)."""
_FAULTS_MAX = 20
_TELL_EVERY = 8192
_BUCKETS = 256
_NODES_BYTES = 256 * 1024
_HOLE = bytes(HASH_BYTES)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong. `index`: the entry it is about, None when it is about no entry."""

    kind: Kind
    index: int | None
    text: str


@dataclass(slots=True)
class Stones:
    """Tombstones of one segment that name one entry. `first`: the lowest index among them."""

    segment: int | None
    event: int
    first: int
    digest: PruneDigest


@dataclass(frozen=True, slots=True)
class _Line:
    """A line that is not what should stand in its place; it waits for the one behind it."""

    place: int
    leaf: bytes
    fault: Fault


class Scan:
    """`sizes`: where to remember the root on the way, in `roots`. Faults are capped.

    `rotations` and `prunes`: the log's statements about its keys and its tombstones, by index; the
    roots right behind them are remembered too, for there a checkpoint was signed.
    """

    def __init__(self, sizes: set[int], stored: int = 0) -> None:
        self.tree = CompactRange()
        self.roots = {0: self.tree.root()} if 0 in sizes else {}
        self.faults: list[Fault] = []
        self.rotations: dict[int, dict[str, Any]] = {}
        self.prunes: dict[int, dict[str, Any]] = {}
        self.stones: dict[tuple[int | None, int], Stones] = {}
        self.segments = 0
        self.pruned = 0
        self._sizes, self._stored = sizes, stored
        self._hashes: int | None = None
        self._nodes, self._nodes_from, self._nodes_at = b"", 0, 0
        self._ids: list[array[int]] = [array("q") for _ in range(_BUCKETS)]
        self._lines = 0
        self._held: _Line | None = None
        self._missing: set[int] = set()
        self._tainted = False

    @property
    def size(self) -> int:
        return self.tree.size

    def run(self, folder: Path, progress: Progress | None = None) -> None:
        """Read all of the log in `folder`; raises OSError."""
        total = _bytes_of(folder) if progress else 0
        done = 0
        with opened(folder / HASHES) as self._hashes:
            for segment, fd in walk(folder):
                self._begin_file(segment, fd)
                count, read = self._lines, 0
                for line in file_lines(fd):
                    read += len(line) + 1
                    self._take(segment, line)
                    if progress and self._lines % _TELL_EVERY == 0:
                        progress(done + read, total)
                done += read
                self._end_file(segment, fd, read, self._lines - count)
            self._settle()
        self._hashes = None
        self._name_missing()
        self._name_duplicates(folder)

    # --- files --------------------------------------------------------------------------------

    def _begin_file(self, segment: Segment | None, fd: int) -> None:
        first = segment.first if segment else self._first_stated(fd)
        self.segments += segment is not None
        if first is None or first in (self.size, self.size + (self._held is not None)):
            return
        self._settle()
        here = self.size
        if first > here:
            text = f"entries {here} to {first - 1} are in no file"
            if self.segments:
                self._fault("segment_missing", here, text)
            else:
                self._fill_missing(first)
            self._fill(first)
        elif first < here and segment:
            text = f"segment {segment.path.name} begins before the end of the one before it"
            self._fault("segment_overlap", first, text)

    def _first_stated(self, fd: int) -> int | None:
        """What the active file's first line says, where it is the entry that it says it is."""
        for line in file_lines(fd):
            index, leaf = _stated(line)
            return index if index is not None and leaf == self._leaf(index) else None
        return None

    def _end_file(self, segment: Segment | None, fd: int, read: int, lines: int) -> None:
        if segment is None:
            return
        if os.fstat(fd).st_size != read:
            text = f"segment {segment.path.name} ends in an unfinished line"
            self._fault("entry_unreadable", self.size, text)
        if not lines:
            self._fault("segment_missing", segment.first, f"{segment.path.name} is empty")

    # --- lines --------------------------------------------------------------------------------

    def _take(self, segment: Segment | None, line: bytes) -> None:
        self._lines += 1
        stone, entry = read_tombstone(line), None
        if stone is None:
            leaf, index, entry = leaf_hash(line), None, _entry(line)
            if entry is not None:
                index = entry["index"]
        else:
            leaf, index = stone.leaf, stone.index
        if self._held is not None:
            self._settle(leaf)
        place = self.tree.size
        if index == place and type(index) is int and self._push(leaf, strict=True):
            self._learn(place, segment, entry, stone)
        else:
            self._misplaced(place, leaf, index, entry is not None or stone is not None)
            if entry is not None:
                self._remember(entry)

    def _learn(
        self, index: int, segment: Segment | None, entry: Entry | None, stone: Tombstone | None
    ) -> None:
        """What a line that is in its place says."""
        if entry is not None:
            self._remember(entry)
            event = entry.get("event")
            if isinstance(event, dict):
                for action, said in ((KEY_ROTATE, self.rotations), (PRUNE, self.prunes)):
                    if event.get("action") == action:
                        said[index] = event
                        self.roots[index + 1] = self.tree.root()
        elif stone is not None:
            self.pruned += 1
            key = (segment.first if segment else None, stone.event)
            if key not in self.stones:
                self.stones[key] = Stones(*key, index, PruneDigest())
            self.stones[key].digest.add(index, stone.leaf)

    def _remember(self, entry: Entry) -> None:
        mark = hash(entry["decision_id"])
        self._ids[mark % _BUCKETS].append(mark)

    def _push(self, leaf: bytes, *, strict: bool = False) -> bool:
        """Take the next leaf, beside the stored nodes. `strict`: not when the leaf differs."""
        index = self.tree.size
        if index >= self._stored or self._hashes is None:
            self.tree.append(leaf)
        else:
            stored = self._stored_nodes(index)
            if stored[:HASH_BYTES] != leaf:
                if strict:
                    return False
                self._tainted = True
            self._nodes_at += len(stored)
            nodes = self.tree.append(leaf)
            if not self._tainted and stored != (leaf if len(nodes) == 1 else b"".join(nodes)):
                self._name_parent(index, nodes, stored)
        if self.tree.size in self._sizes:
            self.roots[self.tree.size] = self.tree.root()
        return True

    def _stored_nodes(self, index: int) -> bytes:
        """The nodes that were stored with leaf `index`, which is always the next one."""
        end = self._nodes_at + HASH_BYTES * ((index + 1) & -(index + 1)).bit_length()
        if end > len(self._nodes) and self._hashes is not None:
            self._nodes_from += self._nodes_at
            end, self._nodes_at = end - self._nodes_at, 0
            self._nodes = os.pread(self._hashes, _NODES_BYTES, self._nodes_from)
        return self._nodes[self._nodes_at : end]

    def _name_parent(self, index: int, nodes: list[bytes], stored: bytes) -> None:
        self._tainted = True
        level = next(
            i for i, n in enumerate(nodes) if stored[i * HASH_BYTES : (i + 1) * HASH_BYTES] != n
        )
        start = (index >> level) << level
        text = f"the hash over entries {start} to {index} is not the stored one"
        self._fault("entry_altered", start, text)

    # --- where something is wrong -------------------------------------------------------------

    def _misplaced(self, place: int, leaf: bytes, index: Any, readable: bool) -> None:
        """Find out what a line is that is not the entry that should stand here."""
        stated = index if type(index) is int else None
        if leaf == self._leaf(place):
            self._fault("index_wrong", place, f"entry {place} says that it is entry {stated}")
            self._push(leaf)
        elif stated is not None and stated != place and leaf == self._leaf(stated):
            self._out_of_place(place, stated, leaf)
        elif not readable:
            fault = Fault("entry_unreadable", place, f"entry {place} is not an audit entry")
            self._held = _Line(place, leaf, fault)
        elif stated != place and place >= self._stored:
            text = f"entry {place} says that it is entry {stated}"
            self._held = _Line(place, leaf, Fault("index_wrong", place, text))
        else:
            text = f"entry {place} is not the one that was hashed"
            self._held = _Line(place, leaf, Fault("entry_altered", place, text))

    def _out_of_place(self, place: int, index: int, leaf: bytes) -> None:
        """A true entry, but not here: others are missing before it, or it stood elsewhere."""
        if index > place:
            self._fill_missing(index)
            self._push(leaf)
        elif index in self._missing:
            self._missing.discard(index)
            self._fault("entry_reordered", index, f"entry {index} stands in another place")
        else:
            text = f"entry {index} stands a second time, where entry {place} should be"
            self._fault("duplicate_decision", place, text)

    def _settle(self, leaf: bytes | None = None) -> None:
        """Judge the line that was held, by the `leaf` behind it: the true one was pushed back by
        something inserted; otherwise the line stands in the place of the true one."""
        held, self._held = self._held, None
        if held is None:
            return
        if leaf is not None and leaf == self._leaf(held.place):
            text = f"something was inserted before entry {held.place}"
            self._fault("entry_inserted", held.place, text)
        else:
            self._add(held.fault)
            self._push(held.leaf)

    def _fill(self, end: int) -> None:
        """Go on with the stored hashes where entries are missing; only to see what comes after."""
        for index in range(self.size, end):
            leaf = self._leaf(index)
            if leaf is None:
                return
            self._push(leaf)

    def _fill_missing(self, end: int) -> None:
        """The same, where what is missing is to be named."""
        here = self.size
        self._fill(end)
        self._missing.update(range(here, self.size))
        if self.size < end:
            self._fault("entry_removed", self.size, f"{self.size} to {end - 1} are missing")

    def _leaf(self, index: int) -> bytes | None:
        """The stored leaf hash; None where none is stored, as in the holes of a sparse file, which
        may be as long as anybody likes."""
        if self._hashes is None or not 0 <= index < self._stored:
            return None
        leaf = os.pread(self._hashes, HASH_BYTES, node_position(0, index) * HASH_BYTES)
        return leaf if leaf != _HOLE else None

    def _name_missing(self) -> None:
        ranges: list[list[int]] = []
        for index in sorted(self._missing):
            if ranges and ranges[-1][1] == index - 1:
                ranges[-1][1] = index
            else:
                ranges.append([index, index])
        for first, last in ranges:
            text = (
                f"entry {first} is missing" if first == last else f"{first} to {last} are missing"
            )
            self._fault("entry_removed", first, text)

    def _name_duplicates(self, folder: Path) -> None:
        """Digests that came twice are looked at again with their whole ids."""
        twice: set[int] = set()
        for bucket in self._ids:
            if len(set(bucket)) < len(bucket):
                twice.update(mark for mark, count in Counter(bucket).items() if count > 1)
        if not twice:
            return
        known = {(f.kind, f.index) for f in self.faults}
        seen_at: dict[str, int] = {}
        for place, decision_id in _decision_ids(folder, self._lines):
            if hash(decision_id) not in twice:
                continue
            first = seen_at.setdefault(decision_id, place)
            if first != place and ("duplicate_decision", place) not in known:
                text = f"entry {place} repeats the decision of entry {first}"
                self._fault("duplicate_decision", place, text)

    def _fault(self, kind: Kind, index: int, text: str) -> None:
        self._add(Fault(kind, index, text))

    def _add(self, fault: Fault) -> None:
        if len(self.faults) < _FAULTS_MAX:
            self.faults.append(fault)


def _entry(line: bytes) -> Entry | None:
    """The entry on a line; None when it is none."""
    try:
        entry = orjson.loads(line)
        named = isinstance(entry["decision_id"], str) and "index" in entry
    except (ValueError, KeyError, TypeError):
        return None
    return entry if named and isinstance(entry, dict) else None


def _stated(line: bytes) -> tuple[int | None, bytes]:
    stone = read_tombstone(line)
    if stone is not None:
        return stone.index, stone.leaf
    entry = _entry(line)
    index = entry["index"] if entry else None
    return (index if type(index) is int else None), leaf_hash(line)


def _decision_ids(folder: Path, lines_max: int) -> Iterator[tuple[int, str]]:
    """The (place, decision id) of each entry among the first lines of the log."""
    place = 0
    for _, fd in walk(folder):
        for line in file_lines(fd):
            if place >= lines_max:
                return
            entry = None if read_tombstone(line) else _entry(line)
            if entry is not None:
                yield place, entry["decision_id"]
            place += 1


def _bytes_of(folder: Path) -> int:
    paths = [*(segment.path for segment in closed(folder)), folder / ENTRIES]
    return sum(path.stat().st_size for path in paths if path.exists())
