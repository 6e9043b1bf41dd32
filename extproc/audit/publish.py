"""Publishing checkpoints: the history in `checkpoints`, the latest one at `checkpoint`.

    checkpoints     one JSON string per line, each a signed note, sizes growing
    checkpoint      the latest signed note as it is

Promises: no checkpoint is signed over entries that are not durable, nor over a log that
contradicts an earlier checkpoint (LogRefused); the history never holds fewer than `checkpoint`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import orjson

from extproc.audit.checkpoint import Checkpoint, read_checkpoint
from extproc.audit.disk import open_append, replace_file, write_all
from extproc.audit.log import Log, LogRefused
from extproc.audit.note import NoteInvalid, Signer

HISTORY = "checkpoints"
LATEST = "checkpoint"
_TAIL = 64 * 1024


class Publisher:
    """The only writer of a log's checkpoints. After an OSError: close and open again.

    `at_least`: entries that were covered when it was last seen. `note`: the latest checkpoint's.
    """

    def __init__(self, folder: Path, signer: Signer, at_least: int = 0) -> None:
        self._folder = folder
        self.signer = signer
        self.latest: Checkpoint | None = None
        self.note = ""
        if at_least and not (folder / HISTORY).exists():
            raise LogRefused(f"{HISTORY} is gone, but {at_least} entries were covered")
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._history = open_append(folder / HISTORY)
        try:
            self._resume()
            if self.covered < at_least:
                raise LogRefused(f"{HISTORY} ends at {self.covered}, not at {at_least}")
        except BaseException:
            self.close()
            raise

    @property
    def covered(self) -> int:
        """How many entries the latest checkpoint vouches for."""
        return self.latest.size if self.latest else 0

    def check(self, log: Log) -> None:
        """Raise LogRefused unless `log` still extends the latest checkpoint."""
        if self.latest and (
            log.size < self.latest.size or log.root(self.latest.size) != self.latest.root
        ):
            raise LogRefused(f"the log contradicts its checkpoint of {self.latest.size} entries")

    def publish(self, log: Log, successor: Signer | None = None) -> Checkpoint | None:
        """Sign the log as it is now; None when nothing came since the latest checkpoint.

        `successor`: the key that comes next signs beside this one (keyring.py).
        """
        self.check(log)
        if log.size == self.covered:
            return None
        self.still_there()
        checkpoint = Checkpoint(self.signer.name, log.size, log.root())
        note = checkpoint.signed(self.signer, *([successor] if successor else []))
        write_all(self._history, history_line(note))
        os.fsync(self._history)
        replace_file(self._folder / LATEST, note.encode())
        self.latest, self.note = checkpoint, note
        return checkpoint

    def still_there(self) -> None:
        """Raise LogRefused where a checkpoint would go into a file that nobody can see."""
        try:
            there = os.path.samestat(os.stat(self._folder / HISTORY), os.fstat(self._history))
        except FileNotFoundError:
            there = False
        if not there:
            raise LogRefused(f"{HISTORY} was removed or replaced")

    def close(self) -> None:
        os.close(self._history)

    def _resume(self) -> None:
        """Find the latest checkpoint; finish what a crash interrupted."""
        end = os.fstat(self._history).st_size
        start = max(0, end - _TAIL)
        tail = os.pread(self._history, _TAIL, start)
        whole = tail[: tail.rfind(b"\n") + 1]
        if start and not whole:
            raise LogRefused(f"{HISTORY} does not end in a checkpoint")
        os.ftruncate(self._history, start + len(whole))
        note = _last_note(whole)
        if note is None:
            if (self._folder / LATEST).exists():
                raise LogRefused(f"{HISTORY} is empty, but {LATEST} exists")
            return
        self.latest, self.note = self._read(note), note
        if not _same(self._folder / LATEST, note):
            self._settle_latest(note)

    def _settle_latest(self, note: str) -> None:
        path = self._folder / LATEST
        if path.exists() and self._read(path.read_text(errors="replace")).size > self.covered:
            raise LogRefused(f"{HISTORY} ends before {LATEST}")
        replace_file(path, note.encode())

    def _read(self, note: str) -> Checkpoint:
        try:
            return read_checkpoint(note, self.signer.verifier)
        except NoteInvalid as error:
            raise LogRefused(f"the latest checkpoint does not verify: {error}") from None


def history_line(note: str) -> bytes:
    """One line of the history."""
    return orjson.dumps(note) + b"\n"


def history_notes(data: bytes) -> Iterator[str | None]:
    """The notes of a history, in order; None for each line that is not exactly one.

    An unfinished last line is left out, for a crash leaves one behind; `checkpoint` tells whether
    it had been published.
    """
    for line in data.split(b"\n")[:-1]:
        yield _note_of(line)


def _note_of(line: bytes) -> str | None:
    try:
        note = orjson.loads(line)
    except ValueError:
        return None
    return note if isinstance(note, str) and orjson.dumps(note) == line else None


def _last_note(whole: bytes) -> str | None:
    if not whole:
        return None
    note = _note_of(whole[:-1].rpartition(b"\n")[2])
    if note is None:
        raise LogRefused(f"{HISTORY} does not end in a checkpoint")
    return note


def _same(path: Path, note: str) -> bool:
    try:
        return path.read_bytes() == note.encode()
    except FileNotFoundError:
        return False
