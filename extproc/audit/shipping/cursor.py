"""How far one sink has come, and which batch is on its way: `<sink>.json`, durable in one step.

Promises: a batch's range is durable before the batch is sent, so that after a crash exactly the
same batch goes again. A cursor that cannot be read begins anew: entries may arrive twice, none is
left out. A cursor of another log (`log_id`) does not count.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import orjson

from extproc.audit.disk import open_append, replace_file, write_all
from extproc.audit.entry import rfc3339


@dataclass(frozen=True, slots=True)
class Cursor:
    """`next`: the first entry that the sink does not have. `last`: the end of the batch that may
    be on its way; None = none is."""

    next: int = 0
    last: int | None = None


class Desk:
    """The files of one sink in `folder`. Raises OSError where it writes."""

    def __init__(self, folder: Path, sink: str) -> None:
        self._path = folder / f"{sink}.json"
        self._refused = folder / f"{sink}.refused.jsonl"

    def load(self, log_id: str) -> Cursor:
        """Where to go on in the log with this id."""
        try:
            data = orjson.loads(self._path.read_bytes())
            first, last = int(data["next"]), data["last"]
            sound = first >= 0 and (last is None or int(last) >= first)
            if data["log"] != log_id or not sound:
                return Cursor()
            return Cursor(first, None if last is None else int(last))
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return Cursor()

    def save(self, log_id: str, cursor: Cursor) -> None:
        """Durable when it returns."""
        data = {"log": log_id, "next": cursor.next, "last": cursor.last}
        replace_file(self._path, orjson.dumps(data) + b"\n")

    def set_aside(self, index: int, code: str, at_ms: int) -> None:
        """Note an entry that the sink will not get: its place and why, nothing of it (P4)."""
        line = orjson.dumps({"index": index, "code": code, "at": rfc3339(at_ms)}) + b"\n"
        fd = open_append(self._refused)
        try:
            write_all(fd, line)
            os.fsync(fd)
        finally:
            os.close(fd)
