"""Reading on: whole entries from an index on, again and again, at the cost of what is new.

Promises: only durable entries (those whose hash is stored), in order, none left out, none twice,
while the writer closes segments and the pruner rewrites them. Holds no file open in between, so
that pruned content is really gone.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

from extproc.audit.merkle import HASH_BYTES, leaves_in
from extproc.audit.segments import (
    ENTRIES,
    HASHES,
    LINE_BYTES_MAX,
    closed,
    file_lines,
    first_index,
    offset_of,
    opened,
    stated_index,
)

BATCH_BYTES = 8 * 1024 * 1024
_READ = 512 * 1024


@dataclass(frozen=True, slots=True)
class _Place:
    """Entry `index` begins at `offset` of the file that had this inode."""

    index: int
    path: Path
    inode: int
    offset: int


class LogReader:
    """Reads one log for one consumer. Cheap when each call goes on where the last one ended."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._place: _Place | None = None

    def size(self) -> int:
        """Durable entries in the log; 0 where there is none."""
        return hashed(self._folder)

    def read(self, index: int, entries_max: int, bytes_max: int = BATCH_BYTES) -> list[bytes]:
        """Up to `entries_max` lines from entry `index` on, about `bytes_max` bytes; raises OSError.

        [] when there are none yet. Tombstones are lines too (see tombstone.py). One line comes
        where there is one, however long.
        """
        stop = min(index + entries_max, self.size())
        found: list[bytes] = []
        taken = 0
        while index < stop and (not found or taken < bytes_max):
            piece = self._piece(index, stop - index, bytes_max - taken)
            if not piece:
                break
            found += piece
            index += len(piece)
            taken += sum(map(len, piece))
        return found

    def _piece(self, index: int, count: int, bytes_max: int) -> list[bytes]:
        """Lines of one file from `index` on; [] when no file has it."""
        place = self._place
        if place is not None and place.index == index:
            lines = self._read_at(place, count, bytes_max)
            # A file that was replaced may have got the number (inode) of one that is gone.
            if lines and stated_index(lines[0]) == index:
                return lines
        place = self._find(index)
        return self._read_at(place, count, bytes_max) if place else []

    def _read_at(self, place: _Place, count: int, bytes_max: int) -> list[bytes]:
        with opened(place.path) as fd:
            if fd is None or os.fstat(fd).st_ino != place.inode:
                return []
            window = max(4096, min(_READ, bytes_max))
            data = os.pread(fd, window, place.offset)
            while b"\n" not in data and len(data) == window <= LINE_BYTES_MAX:
                window *= 4
                data = os.pread(fd, window, place.offset)
        lines = _within(data.split(b"\n")[:-1][:count], bytes_max)
        offset = place.offset + sum(map(len, lines)) + len(lines)
        self._place = _Place(place.index + len(lines), place.path, place.inode, offset)
        return lines

    def _find(self, index: int) -> _Place | None:
        """The active file is asked before the segments are listed: it may become one meanwhile."""
        active = self._folder / ENTRIES
        with opened(active) as fd:
            first = None if fd is None else first_index(fd)
            if fd is not None and first is not None and first <= index:
                return _place(active, fd, first, index)
        before = [s for s in closed(self._folder) if s.first <= index]
        if not before:
            return None
        with opened(before[-1].path) as fd:
            return None if fd is None else _place(before[-1].path, fd, before[-1].first, index)


def hashed(folder: Path) -> int:
    """Entries of the log whose hash is stored: they are durable."""
    try:
        return leaves_in((folder / HASHES).stat().st_size // HASH_BYTES)
    except FileNotFoundError:
        return 0


def _within(lines: list[bytes], bytes_max: int) -> list[bytes]:
    """The first lines of at most `bytes_max` bytes together, but one at least."""
    behind = list(accumulate(map(len, lines)))
    return lines[: max(1, bisect_right(behind, bytes_max))]


def _place(path: Path, fd: int, first: int, index: int) -> _Place | None:
    offset = offset_of(fd, index)
    if offset is None:
        offset = _counted(fd, index - first)
    return None if offset is None else _Place(index, path, os.fstat(fd).st_ino, offset)


def _counted(fd: int, lines: int) -> int | None:
    """Where the line behind the first `lines` begins: for entries that do not say who they are."""
    offset = 0
    for line in file_lines(fd):
        if lines == 0:
            return offset
        offset, lines = offset + len(line) + 1, lines - 1
    return None
