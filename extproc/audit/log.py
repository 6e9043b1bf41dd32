"""The log on disk: entries, one canonical JSON line per leaf, and the tree's nodes beside them.

    entries.jsonl   one line per entry; the line without its newline is the leaf's data
    hashes          the tree's nodes, 32 bytes each, in post-order (see merkle.py)

Promises: an index is returned only when the entry is durable; opening costs the same whatever the
size. Heals what a crash leaves behind: a torn last line is cut, whole lines without hashes are
hashed. Refuses (LogRefused) everything else, because that is not what a crash leaves behind.
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
from extproc.audit.values import Entry

ENTRIES = "entries.jsonl"
HASHES = "hashes"
_WINDOW = 256 * 1024


class LogRefused(Exception):
    """The log on disk is not what this program left there; it must be looked at, not written on."""


class Log:
    """The only writer of one log folder. After an OSError it must be closed and opened again.

    `at_least`: entries that a checkpoint or a cursor vouches for; with fewer nothing is healed.
    """

    def __init__(self, folder: Path, at_least: int = 0) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._entries = open_append(folder / ENTRIES)
        self._hashes = open_append(folder / HASHES)
        try:
            self._tree = self._heal(at_least)
            sync_folder(folder)
        except BaseException:
            self.close()
            raise

    @property
    def size(self) -> int:
        """Entries in the log."""
        return self._tree.size

    def append(self, entries: Sequence[Entry]) -> int:
        """Write entries, each with its `index`; returns the first index once all are durable."""
        first = self.size
        lines = [canonical({**e, "index": i}) for i, e in enumerate(entries, start=first)]
        write_all(self._entries, b"".join(line + b"\n" for line in lines))
        os.fsync(self._entries)
        self._add_leaves(self._tree, lines)
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

    def entries_since(self, index: int) -> list[Entry]:
        """The entries from `index` on, in order."""
        if index >= self.size:
            return []
        end = os.fstat(self._entries).st_size
        start = _line_start(self._entries, end, index)
        return [orjson.loads(line) for line in _lines(self._entries, start, end)]

    def close(self) -> None:
        """Close the files; nothing is written."""
        os.close(self._entries)
        os.close(self._hashes)

    def _heal(self, at_least: int) -> CompactRange:
        """Bring both files to the same size after a crash; refuse what no crash explains."""
        stored = leaves_in(os.fstat(self._hashes).st_size // HASH_BYTES)
        end = os.fstat(self._entries).st_size
        start = _line_start(self._entries, end, max(stored - 1, 0))
        lines = _whole_entries(self._entries, start, end, max(stored - 1, 0))
        tree = CompactRange.load(self.node, stored)
        new = lines
        if stored:
            if not lines or leaf_hash(lines[0]) != self.node(0, stored - 1):
                raise LogRefused(f"entry {stored - 1} is missing or not the one that was hashed")
            new = lines[1:]
        if stored + len(new) < at_least:
            raise LogRefused(f"the log ends at {stored + len(new)}, but had {at_least} entries")
        os.ftruncate(self._entries, start + sum(len(line) + 1 for line in lines))
        os.ftruncate(self._hashes, node_count(stored) * HASH_BYTES)
        os.fsync(self._entries)
        self._add_leaves(tree, new)
        return tree

    def _add_leaves(self, tree: CompactRange, lines: Sequence[bytes]) -> None:
        nodes = [node for line in lines for node in tree.append(leaf_hash(line))]
        if nodes:
            write_all(self._hashes, b"".join(nodes))
            os.fsync(self._hashes)


def _stated_index(line: bytes) -> int | None:
    """The `index` that a line states; None when it is not an entry."""
    try:
        index = orjson.loads(line)["index"]
    except (ValueError, KeyError, TypeError):
        return None
    return index if type(index) is int else None


def _whole_entries(fd: int, start: int, end: int, first: int) -> list[bytes]:
    """Lines from `start` that are entries `first`, `first + 1`, ...; stops at any other."""
    found: list[bytes] = []
    for line in _lines(fd, start, end):
        if _stated_index(line) != first + len(found) or canonical(orjson.loads(line)) != line:
            break
        found.append(line)
    return found


def _lines(fd: int, start: int, end: int) -> Iterator[bytes]:
    """Newline-terminated lines between two offsets; an unfinished last one is left out."""
    rest = b""
    while start < end:
        piece = os.pread(fd, min(_WINDOW, end - start), start)
        if not piece:
            return
        start += len(piece)
        *whole, rest = (rest + piece).split(b"\n")
        yield from whole


def _line_start(fd: int, end: int, index: int) -> int:
    """Offset of entry `index`, searched backwards from `end`; raises LogRefused."""
    window, start = _WINDOW, end
    while start > 0:
        start = max(0, end - window)
        first = os.pread(fd, window, start)
        skip = 0 if start == 0 else first.find(b"\n") + 1
        found = _forward_to(fd, start + skip, end, index)
        if found is not None:
            return found
        window *= 4
    if index == 0:
        return 0
    raise LogRefused(f"entry {index} is missing")


def _forward_to(fd: int, start: int, end: int, index: int) -> int | None:
    """Offset of entry `index` at or after `start`; None when the lines there begin after it."""
    for line in _lines(fd, start, end):
        here = _stated_index(line)
        if here is None or here > index:
            return None
        if here == index:
            return start
        start += len(line) + 1
    return None
