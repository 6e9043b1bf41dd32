"""The log on disk: entries, one canonical JSON line per leaf, and the tree's nodes beside them.

    entries.jsonl   one line per entry; the line without its newline is the leaf's data
    segments/       what was entries.jsonl before (segments.py)
    hashes          the tree's nodes, 32 bytes each, in post-order (see merkle.py)

Promises: an index is returned only when the entry is durable; opening costs the same whatever the
size; nothing is appended to files that were deleted, replaced or cut meanwhile. Heals what a crash
leaves behind: a torn last line is cut, whole lines without hashes are hashed, a file that had
become a segment gets its successor. Refuses (LogRefused) everything else, because that is not what
a crash leaves behind, and then creates and changes nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import orjson

from extproc.audit.disk import open_append, sync_folder, write_all
from extproc.audit.entry import canonical
from extproc.audit.merkle import (
    HASH_BYTES,
    CompactRange,
    leaf_hash,
    leaves_in,
    node_count,
    node_position,
    range_root,
)
from extproc.audit.segments import (
    ENTRIES,
    HASHES,
    SEGMENTS,
    at_ms,
    closed,
    file_lines,
    last_index,
    offset_of,
    opened,
    segment_name,
    stated_index,
)
from extproc.audit.tombstone import is_tombstone, leaf_of
from extproc.audit.values import Entry

SEGMENT_BYTES = 64 * 1024 * 1024
SEGMENT_AGE_MS = 24 * 3600 * 1000


class LogRefused(Exception):
    """The log on disk is not what this program left there; it must be looked at, not written on."""


class Log:
    """The only writer of one log folder. After an OSError it must be closed and opened again.

    `at_least`: entries that a checkpoint or a cursor vouches for; with fewer nothing is healed.
    """

    def __init__(self, folder: Path, at_least: int = 0) -> None:
        self._folder = folder
        self._first = _end_of_segments(folder)
        if at_least > self._first and not (folder / ENTRIES).exists():
            raise LogRefused(f"{ENTRIES} is gone, but the log had {at_least} entries")
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._fds: list[int] = []
        try:
            self._entries = self._opened(ENTRIES)
            self._hashes = self._opened(HASHES)
            self._tree = self._heal(at_least)
            self._begun_ms = _first_at_ms(self._entries)
            sync_folder(folder)
        except BaseException:
            self.close()
            raise

    @property
    def size(self) -> int:
        """Entries in the log."""
        return self._tree.size

    @property
    def active_first(self) -> int:
        """The index that the active file begins with: everything before lies in segments."""
        return self._first

    def append(self, entries: Sequence[Entry]) -> int:
        """Write entries, each with its `index`; returns the first index once all are durable.

        Raises LogRefused, having written nothing, when the files are not its own any more.
        """
        self._still_there()
        first = self.size
        lines = [canonical({**e, "index": i}) for i, e in enumerate(entries, start=first)]
        data = b"".join(line + b"\n" for line in lines)
        write_all(self._entries, data)
        os.fsync(self._entries)
        self._bytes += len(data)
        self._add_nodes([node for line in lines for node in self._tree.append(leaf_hash(line))])
        return first

    def root(self, size: int | None = None) -> bytes:
        """The root over the first `size` entries (all of them by default), from stored nodes."""
        if size is None:
            return self._tree.root()
        return range_root(self.node, 0, size) if size else CompactRange().root()

    def node(self, level: int, index: int) -> bytes:
        """One stored node."""
        position = node_position(level, index) * HASH_BYTES
        node = os.pread(self._hashes, HASH_BYTES, position)
        if len(node) != HASH_BYTES:
            raise LogRefused(f"the hashes file ends before node {level}/{index}")
        return node

    def entries_since(self, index: int) -> Iterator[Entry]:
        """The entries from `index` on, in order, without those that were pruned."""
        for line, _ in self._lines_since(index):
            if not is_tombstone(line):
                yield orjson.loads(line)

    def segment_is_due(self, now_ms: int, bytes_max: int, age_ms_max: int) -> bool:
        """Whether the active file has grown past `bytes_max`, or is older than `age_ms_max`."""
        if self.size == self._first:
            return False
        if self._begun_ms is None:
            self._begun_ms = now_ms
        return self._bytes > bytes_max or now_ms - self._begun_ms > age_ms_max

    def close_segment(self) -> None:
        """Make the active file a segment, in one step, and begin another one.

        A kill in between leaves a log without an active file, which the next start makes.
        """
        self._still_there()
        segments = self._folder / SEGMENTS
        segments.mkdir(exist_ok=True, mode=0o700)
        target = segments / segment_name(self._first)
        if target.exists():
            raise LogRefused(f"{target.name} exists already")
        os.rename(self._folder / ENTRIES, target)
        sync_folder(segments)
        os.close(self._fds.pop(0))
        self._fds.insert(0, open_append(self._folder / ENTRIES))
        self._entries = self._fds[0]
        sync_folder(self._folder)
        self._first, self._bytes, self._begun_ms = self.size, 0, None

    def close(self) -> None:
        """Close the files; nothing is written."""
        for fd in self._fds:
            os.close(fd)
        self._fds.clear()

    def _opened(self, name: str) -> int:
        fd = open_append(self._folder / name)
        self._fds.append(fd)
        return fd

    def _still_there(self) -> None:
        """Refuse to write where nobody would find it: deleted, replaced or cut under us."""
        hashes = node_count(self.size) * HASH_BYTES
        for name, fd, size in (
            (ENTRIES, self._entries, self._bytes), (HASHES, self._hashes, hashes)
        ):  # fmt: skip
            try:
                there = os.stat(self._folder / name)
            except (FileNotFoundError, NotADirectoryError):
                raise LogRefused(f"{name} was removed") from None
            if not os.path.samestat(there, os.fstat(fd)):
                raise LogRefused(f"{name} was replaced by another file")
            if there.st_size != size:
                raise LogRefused(f"{name} has {there.st_size} bytes instead of {size}")

    def _heal(self, at_least: int) -> CompactRange:
        """Bring the files to the same size after a crash; refuse what no crash explains."""
        stored = leaves_in(os.fstat(self._hashes).st_size // HASH_BYTES)
        tree = CompactRange.load(self.node, stored)
        index, end, nodes = max(stored - 1, 0), 0, list[bytes]()
        for line, behind in self._lines_since(index):
            if stated_index(line) != index or not _is_canonical(line):
                break
            if index >= stored:
                nodes += tree.append(leaf_of(line))
            elif leaf_of(line) != self.node(0, index):
                break
            index, end = index + 1, behind
        if index < max(stored, self._first):
            raise LogRefused(f"entry {index} is missing or not the one that was hashed")
        if index < at_least:
            raise LogRefused(f"the log ends at {index}, but had {at_least} entries")
        os.ftruncate(self._entries, end)
        os.ftruncate(self._hashes, node_count(stored) * HASH_BYTES)
        os.fsync(self._entries)
        self._bytes = end
        self._add_nodes(nodes)
        return tree

    def _lines_since(self, index: int) -> Iterator[tuple[bytes, int]]:
        """Lines from `index` on, each with the offset behind it in the active file (else 0)."""
        found = closed(self._folder) if index < self._first else []
        later = [s for s in found if s.first > index]
        for segment in [*[s for s in found if s.first <= index][-1:], *later]:
            with opened(segment.path) as fd:
                start = None if fd is None else offset_of(fd, max(index, segment.first))
                if fd is None or start is None:
                    return
                for line in file_lines(fd, start):
                    yield line, 0
        here = offset_of(self._entries, index) if index > self._first else 0
        if here is not None:
            for line in file_lines(self._entries, here):
                here += len(line) + 1
                yield line, here

    def _add_nodes(self, nodes: Sequence[bytes]) -> None:
        if nodes:
            write_all(self._hashes, b"".join(nodes))
            os.fsync(self._hashes)


def _end_of_segments(folder: Path) -> int:
    """The index behind the last closed segment; 0 where there is none."""
    found = closed(folder)
    if not found:
        return 0
    with opened(found[-1].path) as fd:
        last = None if fd is None else last_index(fd)
    if last is None or last < found[-1].first:
        raise LogRefused(f"{found[-1].path.name} does not end in an entry")
    return last + 1


def _is_canonical(line: bytes) -> bool:
    try:
        return canonical(orjson.loads(line)) == line
    except TypeError:  # nested so deep that nothing of ours wrote it
        return False


def _first_at_ms(fd: int) -> int | None:
    """When the active file's first entry says it was; None while there is none."""
    for line in file_lines(fd):
        return None if stated_index(line) is None else at_ms(orjson.loads(line))
    return None


__all__ = ["ENTRIES", "HASHES", "SEGMENT_AGE_MS", "SEGMENT_BYTES", "Log", "LogRefused"]
