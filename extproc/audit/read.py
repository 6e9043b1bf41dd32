"""Reading the log: from its beginning, from an index on, backwards, and as it grows.

Nothing here writes; a log that is being written may be read.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson

from extproc.audit.reader import BATCH_BYTES, LogReader, hashed
from extproc.audit.segments import ENTRIES, closed, file_lines, walk
from extproc.audit.tombstone import is_tombstone
from extproc.audit.values import Entry

_TOGETHER = 500


class NoLog(Exception):
    """There is no audit log in this folder."""


class NotProvable(Exception):
    """The entry is not in the log, or no checkpoint vouches for it yet (prove.py)."""


def lines(folder: Path, start: int = 0) -> Iterator[bytes]:
    """Whole lines of the log from byte `start` of all its files together; raises NoLog.

    The writer's last lines may not be durable yet, and tombstones are lines too. To read on again
    and again, a LogReader is cheaper: pruning moves bytes, but not indexes.
    """
    seen = False
    for _, fd in walk(folder):
        seen = True
        size = os.fstat(fd).st_size
        if start < size:
            yield from file_lines(fd, start)
        start = max(0, start - size)
    if not seen:
        raise NoLog(f"no audit log in {folder}")


def lines_from(folder: Path, index: int) -> Iterator[bytes]:
    """Durable lines from entry `index` on, in order, to the end; raises NoLog."""
    return follow(folder, index, lambda: False)


def batch_from(
    folder: Path, index: int, entries_max: int, bytes_max: int = BATCH_BYTES
) -> list[bytes]:
    """Durable lines from entry `index` on; a LogReader is cheaper where more are read later."""
    return LogReader(folder).read(index, entries_max, bytes_max)


def last_lines(folder: Path, count: int) -> tuple[list[bytes], int]:
    """The last `count` durable lines, and the index behind them; raises NoLog."""
    _need(folder)
    end = hashed(folder)
    reader, found, index = LogReader(folder), list[bytes](), max(0, end - count)
    while index + len(found) < end:
        more = reader.read(index + len(found), end - index - len(found))
        if not more:
            break
        found += more
    return found, index + len(found)


def follow(folder: Path, index: int, wait: Callable[[], bool]) -> Iterator[bytes]:
    """Durable lines from entry `index` on as they come; `wait` is called when there are none.

    It ends when `wait` says False. Raises NoLog.
    """
    _need(folder)
    reader = LogReader(folder)
    while True:
        while found := reader.read(index, _TOGETHER):
            yield from found
            index += len(found)
        if not wait():
            return


def entries(source: Iterator[bytes] | list[bytes]) -> Iterator[Entry]:
    """Parsed entries; tombstones are left out, unreadable lines are left to `verify`."""
    for line in source:
        if is_tombstone(line):
            continue
        try:
            entry = orjson.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict):
            yield entry


def _need(folder: Path) -> None:
    if not (folder / ENTRIES).exists() and not closed(folder):
        raise NoLog(f"no audit log in {folder}")


__all__ = [
    "LogReader", "NoLog", "NotProvable", "batch_from", "entries", "follow", "hashed",
    "is_tombstone", "last_lines", "lines", "lines_from",
]  # fmt: skip
