"""Reading the log for people: backwards, forwards, as it grows, and proofs for single entries.

Nothing here writes; a log that is being written may be read.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from extproc.audit.checkpoint import read_checkpoint
from extproc.audit.log import ENTRIES, HASHES
from extproc.audit.merkle import HASH_BYTES, inclusion_proof, leaf_hash, node_position
from extproc.audit.note import Verifier
from extproc.audit.publish import LATEST
from extproc.audit.values import Entry

_BLOCK = 64 * 1024


class NoLog(Exception):
    """There is no audit log in this folder."""


class NotProvable(Exception):
    """The entry is not in the log, or no checkpoint vouches for it yet."""


@dataclass(frozen=True, slots=True)
class Proof:
    """An entry, its place, and the hashes that lead from it to a signed root (RFC 9162, 2.1.3)."""

    index: int
    tree_size: int
    entry: bytes
    path: tuple[bytes, ...]
    root: bytes
    checkpoint: str

    def to_json(self) -> dict[str, Any]:
        """Hashes in base64; `entry` is the exact leaf data as a string."""
        return {
            "index": self.index,
            "tree_size": self.tree_size,
            "entry": self.entry.decode(),
            "leaf_hash": _b64(leaf_hash(self.entry)),
            "inclusion_proof": [_b64(h) for h in self.path],
            "root": _b64(self.root),
            "checkpoint": self.checkpoint,
        }


def lines(folder: Path, start: int = 0) -> Iterator[bytes]:
    """Whole entry lines from byte `start` on; raises NoLog."""
    with _open(folder) as file:
        file.seek(start)
        for line in file:
            if line.endswith(b"\n"):
                yield line[:-1]


def lines_from(folder: Path, index: int) -> Iterator[bytes]:
    """Whole entry lines from entry `index` on, in order; raises NoLog."""
    for here, line in enumerate(lines(folder)):
        if here >= index:
            yield line


def last_lines(folder: Path, count: int) -> tuple[list[bytes], int]:
    """The last `count` whole lines, and the byte offset behind them; raises NoLog."""
    with _open(folder) as file:
        end = file.seek(0, 2)
        data, start = b"", end
        while start > 0 and data.count(b"\n") <= count + 1:
            step = min(_BLOCK, start)
            start -= step
            file.seek(start)
            data = file.read(step) + data
    whole = data[: data.rfind(b"\n") + 1]
    found = whole.split(b"\n")[:-1]
    return found[-count:] if count else [], start + len(whole)


def follow(folder: Path, offset: int, wait: Callable[[], bool]) -> Iterator[bytes]:
    """Lines behind `offset` as they come; `wait` is called when there are none, False ends it."""
    while True:
        for line in lines(folder, offset):
            offset += len(line) + 1
            yield line
        if not wait():
            return


def entries(source: Iterator[bytes] | list[bytes]) -> Iterator[Entry]:
    """Parsed entries; unreadable lines are left to `verify`."""
    for line in source:
        try:
            entry = orjson.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict):
            yield entry


def prove(folder: Path, verifier: Verifier, which: str) -> Proof:
    """The inclusion proof of an entry, by index or decision id, under the latest checkpoint.

    Raises NoLog, NotProvable, and NoteInvalid for a checkpoint that does not verify.
    """
    index, line = _find(folder, which)
    try:
        note = (folder / LATEST).read_text()
    except FileNotFoundError:
        raise NotProvable("no checkpoint has been signed yet") from None
    checkpoint = read_checkpoint(note, verifier)
    if index >= checkpoint.size:
        raise NotProvable(f"no checkpoint vouches for entry {index} yet")
    with (folder / HASHES).open("rb") as hashes:
        path = inclusion_proof(_node_reader(hashes), index, checkpoint.size)
    return Proof(index, checkpoint.size, line, tuple(path), checkpoint.root, note)


def _find(folder: Path, which: str) -> tuple[int, bytes]:
    wanted = int(which) if which.isascii() and which.isdigit() else None
    needle = orjson.dumps(which)
    for index, line in enumerate(lines(folder)):
        if index == wanted or (needle in line and _decision_id(line) == which):
            return index, line
    raise NotProvable(f"the log has no entry {which}")


def _decision_id(line: bytes) -> str | None:
    return next((e.get("decision_id") for e in entries([line])), None)


def _node_reader(hashes: BinaryIO) -> Callable[[int, int], bytes]:
    def node(level: int, index: int) -> bytes:
        hashes.seek(node_position(level, index) * HASH_BYTES)
        data = hashes.read(HASH_BYTES)
        if len(data) != HASH_BYTES:
            raise NotProvable("the stored hashes are incomplete")
        return data

    return node


def _open(folder: Path) -> BinaryIO:
    try:
        return (folder / ENTRIES).open("rb")
    except FileNotFoundError:
        raise NoLog(f"no audit log in {folder}") from None


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()
