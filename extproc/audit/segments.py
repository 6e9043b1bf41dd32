"""The files that hold a log's entries: closed segments, and the active file behind them.

    segments/<first index, 12 digits>.jsonl   closed; only the pruner rewrites one
    entries.jsonl                             the active file
    hashes                                    the tree's nodes over all of them (merkle.py)

Promises: a walk over all of them sees every entry once, also while the writer closes a segment;
an entry is found in its file without reading the file. Trusts names and stated indexes only to
find things: what is true is for `verify`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import orjson

from extproc.audit.disk import open_read
from extproc.audit.values import Entry

ENTRIES = "entries.jsonl"
HASHES = "hashes"
SEGMENTS = "segments"
_NAME = re.compile(r"[0-9]{12}\.jsonl")
LINE_BYTES_MAX = 8 * 1024 * 1024
"""More than any line of this program; a longer one is read as an empty one, which is no entry."""
_WINDOW = 256 * 1024


@dataclass(frozen=True, slots=True)
class Segment:
    """A closed file and the index of its first entry, as its name says it."""

    first: int
    path: Path


def segment_name(first: int) -> str:
    """The name of the segment that begins with entry `first`."""
    return f"{first:012d}.jsonl"


def closed(folder: Path) -> list[Segment]:
    """The closed segments of the log in `folder`, oldest first; other names are not segments."""
    try:
        names = os.listdir(folder / SEGMENTS)
    except FileNotFoundError:
        return []
    found = sorted(name for name in names if _NAME.fullmatch(name))
    return [Segment(int(name[:12]), folder / SEGMENTS / name) for name in found]


@contextmanager
def opened(path: Path) -> Iterator[int | None]:
    """A descriptor for reading; None where there is no such file."""
    try:
        fd = open_read(path)
    except FileNotFoundError:
        yield None
        return
    try:
        yield fd
    finally:
        os.close(fd)


def walk(folder: Path) -> Iterator[tuple[Segment | None, int]]:
    """Each file of the log in order, as (segment or None for the active one, descriptor).

    The active file is opened first and read last, so that a file that becomes a segment meanwhile
    is read once. Entries that come into a newer active file are not seen.
    """
    while True:
        with opened(folder / ENTRIES) as active:
            found = closed(folder)
            if active is not None and found and _same_file(found[-1].path, active):
                continue
            for segment in found:
                with opened(segment.path) as fd:
                    if fd is not None:
                        yield segment, fd
            if active is not None:
                yield None, active
            return


def file_lines(fd: int, start: int = 0, end: int | None = None) -> Iterator[bytes]:
    """Newline-terminated lines from offset `start` on; an unfinished last one is left out.

    One beyond LINE_BYTES_MAX comes as an empty line, so that no file can fill the memory.
    """
    rest: list[bytes] = []
    while end is None or start < end:
        wanted = _WINDOW if end is None else min(_WINDOW, end - start)
        piece = os.pread(fd, wanted, start)
        if not piece:
            return
        start += len(piece)
        first, *more = piece.split(b"\n")
        if len(rest) <= LINE_BYTES_MAX // _WINDOW:
            rest.append(first)
        if more:
            yield b"".join(rest) if len(rest) <= LINE_BYTES_MAX // _WINDOW else b""
            yield from more[:-1]
            rest = [more[-1]]


def stated_index(line: bytes) -> int | None:
    """The `index` that a line states; None when it is not an entry."""
    try:
        index = orjson.loads(line)["index"]
    except (ValueError, KeyError, TypeError):
        return None
    return index if type(index) is int else None


def at_ms(entry: Entry) -> int | None:
    """An entry's `at` as milliseconds since 1970; None when it has none that can be read."""
    try:
        return round(datetime.fromisoformat(entry["at"]).timestamp() * 1000)
    except (ValueError, KeyError, TypeError):
        return None


def first_index(fd: int) -> int | None:
    """The index that a file's first line states; None while it has none."""
    return next((stated_index(line) for line in file_lines(fd)), None)


def last_index(fd: int) -> int | None:
    """The index that a file's last whole line states."""
    end = os.fstat(fd).st_size
    window = _WINDOW
    while True:
        start = max(0, end - window)
        whole = os.pread(fd, window, start)[: end - start]
        whole = whole[: whole.rfind(b"\n") + 1]
        cut = whole.rfind(b"\n", 0, -1)
        if cut >= 0 or start == 0:
            return stated_index(whole[cut + 1 : -1]) if whole else None
        if window > LINE_BYTES_MAX:
            return None
        window *= 4


def offset_of(fd: int, index: int) -> int | None:
    """Where entry `index` begins in its file, by bisection; None when it is not there."""
    low, high = 0, os.fstat(fd).st_size
    while high - low > _WINDOW:
        middle = (low + high) // 2
        piece = os.pread(fd, _WINDOW, middle)
        begin = piece.find(b"\n") + 1
        finish = piece.find(b"\n", begin)
        here = stated_index(piece[begin:finish]) if begin and finish >= 0 else None
        if here is not None and here <= index and middle + begin < high:
            low = middle + begin
        else:
            high = middle
    return _forward_to(fd, low, index)


def _forward_to(fd: int, start: int, index: int) -> int | None:
    for line in file_lines(fd, start):
        here = stated_index(line)
        if here is None or here >= index:
            return start if here == index else None
        start += len(line) + 1
    return None


def _same_file(path: Path, fd: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(fd))
    except FileNotFoundError:
        return False
