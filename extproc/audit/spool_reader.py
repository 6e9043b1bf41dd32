"""Reading spools: which owners there are, whether they live, what they wrote.

Promises: a torn last line is never taken; a segment is read only up to its last newline.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import orjson

from extproc.audit.disk import is_locked, open_read
from extproc.audit.entry import canonical
from extproc.audit.values import Entry

READ_BYTES = 4 * 1024 * 1024
_NESTED_MAX = 200
"""Fewer brackets than this are never too deep for orjson, which writes 254 levels."""
_FRAME = re.compile(
    rb'\{"kind":"(intent|close)","at_ms":(\d{1,16}),"id":"([A-Za-z0-9_.:-]{1,256})","entry":\{'
)


@dataclass(frozen=True, slots=True)
class Record:
    """One spool line. Only its frame is read at once: of most intents nothing else is needed."""

    kind: Literal["intent", "close"]
    at_ms: int
    decision_id: str
    line: bytes

    def entry(self) -> Entry | None:
        """The entry; None when the line behind the frame is damaged, or nested so deep that it
        could be read and not written again."""
        try:
            entry = orjson.loads(self.line)["entry"]
            if self.line.count(b"[") + self.line.count(b"{") > _NESTED_MAX:
                canonical(entry)
            return entry if entry["decision_id"] == self.decision_id else None
        except (ValueError, KeyError, TypeError):
            return None


@dataclass(slots=True)
class Tail:
    """One owner's spool as far as it was read.

    `offsets`: segment -> bytes taken.
    `open`: decision id -> (segment, offset, intent), oldest first.
    """

    owner: str
    offsets: dict[str, int] = field(default_factory=dict)
    open: dict[str, tuple[str, int, Record]] = field(default_factory=dict)

    def note(self, segment: str, offset: int, record: Record) -> None:
        """Remember an open intent, forget a closed one."""
        if record.kind == "intent":
            self.open[record.decision_id] = (segment, offset, record)
        else:
            self.open.pop(record.decision_id, None)

    def restore(self, folder: Path, segment: str, offset: int) -> None:
        """Take `segment` as read up to `offset`: only which intents are open is learnt from it."""
        here = 0
        while here < offset:
            lines, _ = whole_lines(folder / segment, here, min(READ_BYTES, offset - here))
            if not lines:
                break
            for line in lines:
                record = parse(line)
                if record is not None:
                    self.note(segment, here, record)
                here += len(line) + 1
        self.offsets[segment] = offset


def owners(folder: Path) -> dict[str, list[str]]:
    """Owner -> its segments' names, oldest first; an owner may have none yet."""
    found: dict[str, list[str]] = {}
    for name in sorted(os.listdir(folder)):
        if name.startswith("."):
            continue
        owner, _, rest = name.partition(".")
        segments = found.setdefault(owner, [])
        if rest.endswith("jsonl"):
            segments.append(name)
    for owner, segments in found.items():
        segments.sort(key=lambda name: (name != f"{owner}.jsonl", name))
    return found


def is_alive(folder: Path, owner: str) -> bool:
    """Whether the owner still holds its lock. Ask before reading: the dead write no more."""
    return is_locked(folder / f"{owner}.lock")


def whole_lines(path: Path, offset: int, bytes_max: int = READ_BYTES) -> tuple[list[bytes], int]:
    """Finished lines from `offset` on, and the offset behind them; about `bytes_max` at once."""
    fd = open_read(path)
    try:
        data = os.pread(fd, bytes_max, offset)
    finally:
        os.close(fd)
    end = data.rfind(b"\n") + 1
    return (data[:end].split(b"\n")[:-1], offset + end) if end else ([], offset)


def parse(line: bytes) -> Record | None:
    """A spool line's frame, or None when it has none; see spool.py for its exact form."""
    frame = _FRAME.match(line)
    if frame is None or not line.endswith(b"}}"):
        return None
    kind: Literal["intent", "close"] = "intent" if frame[1] == b"intent" else "close"
    return Record(kind, int(frame[2]), frame[3].decode(), line)
