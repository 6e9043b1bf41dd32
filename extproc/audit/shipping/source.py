"""The log as a lane reads it: durable entries from an index on, and which log it is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from extproc.audit.merkle import HASH_BYTES
from extproc.audit.reader import LogReader
from extproc.audit.segments import HASHES
from extproc.audit.shipping.values import log_id_of


class Source(Protocol):
    """What a lane needs of a log."""

    def size(self) -> int:
        """Durable entries in the log; 0 where there is none yet."""
        ...

    def log_id(self) -> str:
        """Which log this is (`values.log_id_of`); '' while it is empty."""
        ...

    def read(self, index: int, count: int, bytes_max: int | None) -> Sequence[bytes]:
        """Up to `count` lines from entry `index` on, about `bytes_max` bytes; None: all of them.

        Raises OSError.
        """
        ...


class LogSource:
    """The log in `folder`, for one lane. Not for several threads at once."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._reader = folder, LogReader(folder)

    def size(self) -> int:
        return self._reader.size()

    def log_id(self) -> str:
        """The tree's nodes stand in post-order: the first is the first entry's leaf hash, which
        stays when the entry itself is pruned."""
        try:
            with (self._folder / HASHES).open("rb") as file:
                first = file.read(HASH_BYTES)
        except FileNotFoundError:
            return ""
        return log_id_of(first) if len(first) == HASH_BYTES else ""

    def read(self, index: int, count: int, bytes_max: int | None) -> Sequence[bytes]:
        if bytes_max is not None:
            return self._reader.read(index, count, bytes_max)
        found: list[bytes] = []
        while len(found) < count:
            more = self._reader.read(index + len(found), count - len(found))
            if not more:
                break
            found += more
        return found
