"""Requests that no worker took: they stand in Envoy's access log, and so in the audit log (P3).

A worker writes an entry for every exchange it sees. What is refused before (bytes that are not
HTTP, no worker alive, a processor that hung up) only Envoy knows. Its access log is read behind it;
a line that may have no entry waits until one would long be there, then the log is asked, and what
it does not have gets an entry with the outcome `unseen`.

Promises: no line is taken for unseen while its exchange may still be closed; one entry a line, also
over restarts. Such a request never reached a provider: without a verdict nothing passes (P1).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from extproc.audit.disk import replace_file
from extproc.audit.entry import content_digest, rfc3339
from extproc.audit.query import time_of
from extproc.audit.spool_reader import owners, parse
from extproc.audit.values import Entry
from extproc.dataplane.local_reply import PROCESSOR_DETAILS

READ_BYTES = 4 * 1024 * 1024
CURSOR = "unseen.json"
_ID = re.compile(rb'"decision_id":"([^"\\]{1,256})"')
_SETTLED = (b'"details":"via_upstream"', b'"details":"%b"' % PROCESSOR_DETAILS.encode())
"""A provider answered, or a worker: both only after a worker took it."""
_USABLE = re.compile(r"[A-Za-z0-9_.:-]{1,256}")


@dataclass(slots=True)
class Suspect:
    """A line that may have no entry. `seen_ms`: when it was read."""

    seen_ms: int
    entry: Entry


@dataclass(slots=True)
class Unseen:
    """Reads `access_log` from where it was left. `state`: the folder its cursor is kept in.

    `grace_ms`: how long a line waits; longer than any judge that nobody waits for may take."""

    access_log: Path
    state: Path
    grace_ms: int
    offset: int = 0
    inode: int = 0
    waiting: dict[str, Suspect] = field(default_factory=dict)
    _saved: tuple[int, int] = (0, 0)

    def __post_init__(self) -> None:
        try:
            saved = orjson.loads((self.state / CURSOR).read_bytes())
            self.offset, self.inode = int(saved["offset"]), int(saved["inode"])
        except (OSError, ValueError, KeyError, TypeError):
            self.offset = self.inode = 0

    def read(self, now_ms: int) -> None:
        """Take in what Envoy has written since; raises OSError."""
        try:
            found = self.access_log.stat()
        except FileNotFoundError:
            return
        if found.st_ino != self.inode or found.st_size < self.offset:
            self.offset, self.inode = 0, found.st_ino  # another file: somebody rotated it
        if found.st_size == self.offset:
            return
        with self.access_log.open("rb") as file:
            file.seek(self.offset)
            data = file.read(READ_BYTES)
        whole = data[: data.rfind(b"\n") + 1]
        at = self.offset
        for line in whole.split(b"\n")[:-1]:
            if not any(mark in line for mark in _SETTLED):
                self._suspect(line, at, now_ms)
            at += len(line) + 1
        self.offset = at

    def due(self, now_ms: int) -> dict[str, Entry]:
        """Suspects that have waited long enough: decision id -> the entry if the log has none."""
        return {
            decision_id: suspect.entry
            for decision_id, suspect in self.waiting.items()
            if now_ms - suspect.seen_ms >= self.grace_ms
        }

    def done(self, decision_ids: Iterable[str]) -> None:
        """They have an entry now. The cursor moves only past lines that wait no longer; raises
        OSError."""
        for decision_id in decision_ids:
            self.waiting.pop(decision_id, None)
        if self.waiting or self._saved == (self.inode, self.offset):
            return
        self._saved = (self.inode, self.offset)
        saved = {"offset": self.offset, "inode": self.inode}
        replace_file(self.state / CURSOR, orjson.dumps(saved))

    def _suspect(self, line: bytes, at: int, now_ms: int) -> None:
        try:
            said = orjson.loads(line)
        except ValueError:
            return
        if isinstance(said, dict):
            # The digest: a file that follows another may get its number, and lines of its own.
            otherwise = f"unseen-{self.inode}-{at}-{content_digest(line)[:16]}"
            entry = unseen_entry(said, otherwise, now_ms)
            self.waiting.setdefault(entry["decision_id"], Suspect(now_ms, entry))


def unseen_entry(said: dict[str, Any], otherwise: str, now_ms: int) -> Entry:
    """The entry of one line of the access log. `otherwise`: its id where Envoy gave it none."""
    named = said.get("decision_id")
    usable = isinstance(named, str) and _USABLE.fullmatch(named)
    at_ms = time_of(said) or now_ms
    request = {name: _text(said.get(name)) for name in ("method", "path")}
    why = " ".join(filter(None, (_text(said.get("flags")), _text(said.get("details")))))
    status = said.get("status")
    return {
        "decision_id": named if usable else otherwise,
        "at": rfc3339(at_ms),
        "request": {name: value for name, value in request.items() if value},
        "decision": {
            "outcome": "unseen",
            "http_status": status if type(status) is int else 0,
            "reason": why[:200],
        },
    }


def ids_in(lines: Iterable[bytes]) -> Iterator[str]:
    """Decision ids of entry lines: the first of that name in a line is the entry's own, for keys
    are sorted and nothing before it has names that callers choose."""
    for line in lines:
        found = _ID.search(line)
        if found is not None:
            yield found[1].decode()


def waiting_ids(spools: Path) -> Iterator[str]:
    """Decision ids of all lines in the spools, in the log already or not."""
    for segments in owners(spools).values():
        for name in segments:
            with suppress(FileNotFoundError), (spools / name).open("rb") as file:
                records = (parse(line) for line in map(bytes.rstrip, file))
                yield from (record.decision_id for record in records if record is not None)


def _text(value: object) -> str:
    return value[:512] if isinstance(value, str) and value != "-" else ""
