"""The marks of one gateway on disk: what it saw spent survives it, whatever becomes of the store.

One JSON line per change, appended and synced together; read back the last line of a key wins. A
torn last line is left out. Refuses nothing: a disk that does not take it costs the copy, not a call
(the store still has the money), and it is said.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from extproc.ledger.marks import Mark

SPARE_LINES = 10_000


@dataclass(slots=True)
class Remembered:
    """The epoch and the highest seq this gateway has seen, and its marks."""

    epoch: str = ""
    seq: int = 0
    marks: dict[str, Mark] = field(default_factory=dict)


class MarkFile:
    """Owned by one gateway's supervisor."""

    def __init__(self, path: Path) -> None:
        self._path, self._lines = path, 0

    def read(self) -> Remembered:
        """What is remembered; nothing where there is no file. Raises OSError."""
        found = Remembered()
        if not self._path.exists():
            return found
        with self._path.open("rb") as file:
            for line in file:
                self._lines += 1
                _take(found, line)
        return found

    def append(self, epoch: str, seq: int, marks: Iterable[tuple[str, Mark]]) -> None:
        """Add what has changed, durably. Raises OSError."""
        lines = _lines(epoch, seq, marks)
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with open(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb") as file:
            file.write(b"\n" + b"".join(lines))  # ends a line that was torn before
            file.flush()
            os.fsync(file.fileno())
        self._lines += len(lines)

    def wants_rewrite(self, live: int) -> bool:
        return self._lines > 2 * live + SPARE_LINES

    def rewrite(self, epoch: str, seq: int, marks: Iterable[tuple[str, Mark]]) -> None:
        """Write it anew, whole, by rename. Raises OSError."""
        lines = _lines(epoch, seq, marks)
        beside = self._path.with_suffix(".new")
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(b"".join(lines))
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self._path)
        self._lines = len(lines)


def _lines(epoch: str, seq: int, marks: Iterable[tuple[str, Mark]]) -> list[bytes]:
    """The epoch comes last: a torn write must not claim to have seen more than it holds."""
    rows = [[key, mark.spent, mark.meta, mark.seen_ms] for key, mark in marks]
    return [json.dumps(row).encode() + b"\n" for row in [*rows, [epoch, seq]]]


def _take(found: Remembered, line: bytes) -> None:
    try:
        match json.loads(line):
            case [str(epoch), int(seq)]:
                found.epoch, found.seq = epoch, seq
            case [str(key), int(spent), str(meta), int(seen_ms)]:
                found.marks[key] = Mark(spent, meta, seen_ms)
    except ValueError:
        return
