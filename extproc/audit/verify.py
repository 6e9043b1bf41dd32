"""Checking a log offline: everything is computed again from `entries.jsonl`.

Promises: intact means that every byte of the entries up to the latest checkpoint is what was
signed, every stored hash and every checkpoint agrees with it, no decision has two entries, and
nothing is missing that a checkpoint vouches for. Otherwise the first bad index is named: exactly
where the stored hashes show it, else the first index that the checkpoints leave in doubt.
Refuses to call nothing intact: an empty log raises NothingToVerify, a log without checkpoints has
a fault. What a folder cannot show by itself (its end and the checkpoints of it cut off together),
a checkpoint saved elsewhere does.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

import orjson

from extproc.audit.checkpoint import Checkpoint, read_checkpoint
from extproc.audit.log import ENTRIES, HASHES
from extproc.audit.merkle import HASH_BYTES, CompactRange, leaf_hash, leaves_in
from extproc.audit.note import NoteInvalid, Verifier
from extproc.audit.publish import HISTORY, LATEST, history_notes

Kind = Literal[
    "entry_altered", "entry_unreadable", "index_wrong", "duplicate_decision", "hash_altered",
    "truncated", "checkpoint_invalid", "checkpoint_order", "checkpoint_missing",
    "checkpoint_mismatch", "fork",
]  # fmt: skip
_FAULTS_MAX = 20


class NothingToVerify(Exception):
    """There is no log, or it is empty: not intact, not tampered."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong. `index`: the entry it is about, None when it is about no entry."""

    kind: Kind
    index: int | None
    text: str


@dataclass(frozen=True, slots=True)
class Report:
    """What was found. `covered`: entries that a checkpoint vouches for; the rest is still unsigned.

    `unhashed`: whole entries written after the hashes were read (a running gateway, or a crash).
    """

    size: int
    root: bytes
    covered: int
    checkpoints: int
    unhashed: int
    faults: tuple[Fault, ...]

    @property
    def intact(self) -> bool:
        return not self.faults

    @property
    def first_bad_index(self) -> int | None:
        """The lowest index that any fault names."""
        return min((f.index for f in self.faults if f.index is not None), default=None)

    @property
    def root_base64(self) -> str:
        return base64.b64encode(self.root).decode()


@dataclass(frozen=True, slots=True)
class _Source:
    """A checkpoint and where it came from: the log's own history, its latest, or one saved."""

    name: str
    checkpoint: Checkpoint


def verify(folder: Path, verifier: Verifier, checkpoint: str | None = None) -> Report:
    """Check the log in `folder`; `checkpoint`: a signed note that was saved earlier, elsewhere.

    Reads checkpoints, then hashes, then entries, so that a log that is being written is not
    mistaken for a truncated one. Raises NothingToVerify, OSError.
    """
    faults: list[Fault] = []
    sources = _sources(folder, verifier, checkpoint, faults)
    stored = _stored_leaves(folder)
    scan = _Scan({source.checkpoint.size for source in sources})
    scan.run(folder, stored)
    if not scan.size and not stored and not sources and not faults:
        raise NothingToVerify("the audit log is empty: there is nothing to verify")
    if scan.size < stored:
        text = f"the log ends at {scan.size}, but {stored} entries were hashed"
        scan.faults.append(Fault("truncated", scan.size, text))
    good = [s.checkpoint.size for s in sources if scan.roots.get(s.checkpoint.size) == s.checkpoint.root]
    faults += _renamed(scan.faults, max(good, default=0))
    faults += _mismatches(sources, scan, good, faults)
    if not sources and not faults:
        faults.append(Fault("checkpoint_missing", 0, "no checkpoint vouches for these entries"))
    ordered = sorted(faults, key=lambda f: (f.index is None, f.index or 0))
    unhashed = max(0, scan.size - stored)
    covered = max(good, default=0)
    return Report(scan.size, scan.tree.root(), covered, len(sources), unhashed, tuple(ordered))


class _Scan:
    """One pass over the entries, hashing them again beside the stored hashes."""

    def __init__(self, sizes: set[int]) -> None:
        self.tree = CompactRange()
        self.roots = {0: self.tree.root()} if 0 in sizes else {}
        self.faults: list[Fault] = []
        self._sizes = sizes
        self._seen: dict[str, int] = {}
        self._hash_fault = False

    @property
    def size(self) -> int:
        return self.tree.size

    def run(self, folder: Path, stored: int) -> None:
        with _open(folder / ENTRIES) as entries, _open(folder / HASHES) as hashes:
            for index, line in enumerate(_lines(entries)):
                self._read(index, line)
                nodes = self.tree.append(leaf_hash(line))
                if index < stored:
                    self._compare(index, nodes, hashes.read(HASH_BYTES * len(nodes)))
                if self.size in self._sizes:
                    self.roots[self.size] = self.tree.root()

    def _read(self, index: int, line: bytes) -> None:
        """The entry's own statements: readable, in its place, its decision's only one."""
        try:
            entry = orjson.loads(line)
            here, decision_id = entry["index"], str(entry["decision_id"])
        except (ValueError, KeyError, TypeError):
            self._fault("entry_unreadable", index, f"entry {index} is not an audit entry")
            return
        if type(here) is not int or here != index:
            self._fault("index_wrong", index, f"entry {index} says that it is entry {here}")
        first = self._seen.setdefault(decision_id, index)
        if first != index:
            text = f"entry {index} repeats the decision of entry {first}"
            self._fault("duplicate_decision", index, text)

    def _compare(self, index: int, nodes: list[bytes], stored: bytes) -> None:
        """Name the first node that differs: a leaf is exact, a parent names where it begins."""
        if self._hash_fault or stored == b"".join(nodes):
            return
        self._hash_fault = True
        level = next(
            i for i, n in enumerate(nodes) if stored[i * HASH_BYTES : (i + 1) * HASH_BYTES] != n
        )
        start = (index >> level) << level
        text = f"entry {index} is not the one that was hashed"
        if level:
            text = f"the hash over entries {start} to {index} is not the stored one"
        self._fault("entry_altered", start, text)

    def _fault(self, kind: Kind, index: int, text: str) -> None:
        if len(self.faults) < _FAULTS_MAX:
            self.faults.append(Fault(kind, index, text))


def _sources(
    folder: Path, verifier: Verifier, saved: str | None, faults: list[Fault]
) -> list[_Source]:
    """Every checkpoint that verifies; those that do not, or contradict each other, are faults."""
    latest = _text(folder / LATEST)
    notes = [(f"checkpoint {n} of the history", note)
             for n, note in enumerate(history_notes(_bytes(folder / HISTORY)))]  # fmt: skip
    sources = [s for name, note in notes if (s := _open_source(name, note, verifier, faults))]
    known = max((s.checkpoint.size for s in sources), default=0)
    for before, after in zip(sources, sources[1:], strict=False):
        if after.checkpoint.size <= before.checkpoint.size:
            faults.append(Fault("checkpoint_order", None, f"{after.name} does not grow the log"))
    if latest is None and sources:
        faults.append(Fault("checkpoint_missing", None, "the latest checkpoint is missing"))
    if latest is not None:
        newest = _open_source("the latest checkpoint", latest, verifier, faults)
        if newest and newest.checkpoint.size > known:
            text = f"the history ends at {known}, before the latest checkpoint"
            faults.append(Fault("checkpoint_missing", None, text))
        sources += [newest] if newest else []
    if saved is not None:
        mine = _open_source("the saved checkpoint", saved, verifier, faults)
        sources += [mine] if mine else []
    return sources


def _open_source(
    name: str, note: str | None, verifier: Verifier, faults: list[Fault]
) -> _Source | None:
    try:
        if note is None:
            raise NoteInvalid("not a checkpoint")
        return _Source(name, read_checkpoint(note, verifier))
    except NoteInvalid as error:
        faults.append(Fault("checkpoint_invalid", None, f"{name}: {error}"))
        return None


def _renamed(faults: list[Fault], vouched: int) -> list[Fault]:
    """Where a checkpoint vouches for the entry, it is the stored hash that was altered."""
    return [
        Fault("hash_altered", f.index, f"the stored hashes were altered at entry {f.index}")
        if f.kind == "entry_altered" and f.index is not None and f.index < vouched
        else f
        for f in faults
    ]


def _mismatches(
    sources: list[_Source], scan: _Scan, good: list[int], located: list[Fault]
) -> Iterator[Fault]:
    """Checkpoints that do not fit the entries, each with the first index in doubt."""
    exact = sorted(f.index for f in located if f.index is not None)
    for source in sources:
        size, name = source.checkpoint.size, source.name
        if size > scan.size:
            text = f"{name} vouches for {size} entries, the log has {scan.size}"
            yield Fault("truncated", scan.size, text)
        elif scan.roots[size] != source.checkpoint.root:
            sure = max((g for g in good if g <= size), default=0)
            if sure == size:
                sure = max((g for g in good if g < size), default=0)
                yield Fault("fork", sure, f"two signed histories of {size} entries ({name})")
                continue
            index = next((i for i in exact if sure <= i < size), sure)
            text = f"{name} does not fit the first {size} entries; sound up to {sure}"
            yield Fault("checkpoint_mismatch", index, text)


def _stored_leaves(folder: Path) -> int:
    try:
        return leaves_in((folder / HASHES).stat().st_size // HASH_BYTES)
    except FileNotFoundError:
        return 0


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """Finished lines; an unfinished last one was never part of the log."""
    for line in file:
        if line.endswith(b"\n"):
            yield line[:-1]


def _open(path: Path) -> BinaryIO:
    return path.open("rb") if path.exists() else Path("/dev/null").open("rb")


def _bytes(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


def _text(path: Path) -> str | None:
    return path.read_bytes().decode(errors="replace") if path.exists() else None
