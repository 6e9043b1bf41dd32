"""The log's latest checkpoint, and what the stored hashes say about it. Nothing here writes.

Promises: a checkpoint leaves this machine only while the hashes on the disk fit it and everything
that was sent before; what does not fit is a conflict, not an error to try again. The signature is
not checked here: whoever receives a checkpoint does.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from extproc.audit.checkpoint import Checkpoint, parse_checkpoint
from extproc.audit.log import HASHES
from extproc.audit.merkle import (
    HASH_BYTES,
    CompactRange,
    Node,
    consistency_proof,
    node_position,
)
from extproc.audit.note import Note, NoteInvalid
from extproc.audit.publish import LATEST


class HashesShort(Exception):
    """The stored hashes end before the tree that was asked for."""


@dataclass(frozen=True, slots=True)
class Head:
    """A checkpoint as it was published, and what it says."""

    note: str
    checkpoint: Checkpoint

    @property
    def size(self) -> int:
        return self.checkpoint.size

    @property
    def text(self) -> str:
        """The note without its signatures."""
        return Note.parse(self.note).text

    @classmethod
    def read(cls, note: str) -> Head:
        """What a note says, whoever signed it; raises NoteInvalid."""
        return cls(note, parse_checkpoint(Note.parse(note).text))


def latest_head(folder: Path) -> Head | None:
    """The log's latest checkpoint; None before the first. Raises NoteInvalid, OSError."""
    try:
        return Head.read((folder / LATEST).read_bytes().decode())
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        raise NoteInvalid("the latest checkpoint is not text") from None


def stored_root(folder: Path, size: int) -> bytes:
    """The root of the first `size` leaves, by the stored hashes. Raises HashesShort, OSError."""
    with _nodes(folder) as node:
        return CompactRange.load(node, size).root()


def stored_proof(folder: Path, old: int, size: int) -> list[bytes]:
    """That the tree of `size` extends the one of `old`; [] for `old` 0 (C2SP tlog-witness).

    Raises HashesShort, OSError.
    """
    if not old:
        return []
    with _nodes(folder) as node:
        return consistency_proof(node, old, size)


def doubt(folder: Path, head: Head, sent: Checkpoint | None) -> str:
    """Why `head` must not be sent after `sent`; '' when nothing speaks against it.

    Raises OSError.
    """
    size = head.size
    try:
        if stored_root(folder, size) != head.checkpoint.root:
            return f"the stored hashes do not fit the checkpoint of {size} entries"
        if sent is None:
            return ""
        if sent.size > size:
            return f"a checkpoint of {sent.size} entries was sent, the latest is of {size}"
        if stored_root(folder, sent.size) != sent.root:
            return f"the log is not the one whose first {sent.size} entries were sent"
    except HashesShort:
        return f"the stored hashes end before the checkpoint of {size} entries"
    return ""


@contextmanager
def _nodes(folder: Path) -> Iterator[Node]:
    fd = os.open(folder / HASHES, os.O_RDONLY | os.O_CLOEXEC)

    def node(level: int, index: int) -> bytes:
        data = os.pread(fd, HASH_BYTES, node_position(level, index) * HASH_BYTES)
        if len(data) != HASH_BYTES:
            raise HashesShort
        return data

    try:
        yield node
    finally:
        os.close(fd)
