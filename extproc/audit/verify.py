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
from itertools import pairwise
from pathlib import Path

from extproc.audit.checkpoint import Checkpoint, read_checkpoint
from extproc.audit.log import HASHES
from extproc.audit.merkle import HASH_BYTES, leaves_in
from extproc.audit.note import NoteInvalid, Verifier
from extproc.audit.publish import HISTORY, LATEST, history_notes
from extproc.audit.scan import Fault, Scan


class NothingToVerify(Exception):
    """There is no log, or it is empty: not intact, not tampered."""


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


_Source = tuple[str, Checkpoint]
"""A checkpoint and where it came from: the log's own history, its latest, or one saved."""


def verify(folder: Path, verifier: Verifier, checkpoint: str | None = None) -> Report:
    """Check the log in `folder`; `checkpoint`: a signed note that was saved earlier, elsewhere.

    Reads checkpoints, then hashes, then entries, so that a log that is being written is not
    mistaken for a truncated one. Raises NothingToVerify, OSError.
    """
    faults: list[Fault] = []
    sources = _sources(folder, verifier, checkpoint, faults)
    stored = _stored_leaves(folder)
    scan = Scan({c.size for _, c in sources})
    scan.run(folder, stored)
    if not scan.size and not stored and not sources and not faults:
        raise NothingToVerify("the audit log is empty: there is nothing to verify")
    good = [c.size for _, c in sources if scan.roots.get(c.size) == c.root]
    covered = max(good, default=0)
    faults += _renamed(scan.faults, covered)
    faults += _length_faults(scan.size, stored, covered)
    faults += list(_mismatches(sources, scan, good, faults))
    ordered = sorted(faults, key=lambda f: (f.index is None, f.index or 0))
    unhashed = max(0, scan.size - stored)
    count = len({c.size for _, c in sources})
    return Report(scan.size, scan.tree.root(), covered, count, unhashed, tuple(ordered))


def _sources(
    folder: Path, verifier: Verifier, saved: str | None, faults: list[Fault]
) -> list[_Source]:
    """Every checkpoint that verifies; those that do not, or contradict each other, are faults.

    The latest is read before the history, which a running gateway writes first.
    """
    latest = _text(folder / LATEST)
    history = list(history_notes(_bytes(folder / HISTORY)))
    own = [
        source
        for n, note in enumerate(history)
        if (source := _open_source(f"checkpoint {n} of the history", note, verifier, faults))
    ]
    faults += _history_faults([c.size for _, c in own], latest is None)
    newest = mine = None
    if latest is not None:
        newest = _open_source("the latest checkpoint", latest, verifier, faults)
    known = max((c.size for _, c in own), default=0)
    if newest and newest[1].size > known:
        text = f"the history ends at {known}, before the latest checkpoint"
        faults.append(Fault("checkpoint_missing", None, text))
    if saved is not None:
        mine = _open_source("the saved checkpoint", saved, verifier, faults)
    return [*own, *(s for s in (newest, mine) if s)]


def _history_faults(sizes: list[int], latest_missing: bool) -> Iterator[Fault]:
    if latest_missing and len(sizes) > 1:  # after the first one a crash may leave none
        yield Fault("checkpoint_missing", None, "the latest checkpoint is missing")
    for n, (before, after) in enumerate(pairwise(sizes), start=1):
        if after <= before:
            yield Fault("checkpoint_order", None, f"checkpoint {n} of the history goes back")


def _open_source(
    name: str, note: str | None, verifier: Verifier, faults: list[Fault]
) -> _Source | None:
    try:
        if note is None:
            raise NoteInvalid("not a checkpoint")
        return name, read_checkpoint(note, verifier)
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


def _length_faults(size: int, stored: int, covered: int) -> Iterator[Fault]:
    """Entries without hashes, or hashes without entries, where no crash leaves them so."""
    if size < stored:
        yield Fault("truncated", size, f"the log ends at {size}, but {stored} entries were hashed")
    if stored < covered:
        yield Fault("hash_altered", stored, f"the stored hashes end at entry {stored}")


def _mismatches(
    sources: list[_Source], scan: Scan, good: list[int], located: list[Fault]
) -> Iterator[Fault]:
    """Checkpoints that do not fit the entries, each with the first index in doubt.

    One that does not fit beneath one that does is a fork: two histories were signed, and nothing
    here says which is true, so that everything is in doubt.
    """
    exact = sorted(f.index for f in located if f.index is not None)
    for name, checkpoint in sources:
        size = checkpoint.size
        if size > scan.size:
            text = f"{name} vouches for {size} entries, the log has {scan.size}"
            yield Fault("truncated", scan.size, text)
        elif scan.roots[size] != checkpoint.root:
            fork = any(g >= size for g in good)
            sound = 0 if fork else max(good, default=0)
            index = next((i for i in exact if sound <= i < size), sound)
            text = f"{name} does not fit the first {size} entries; sound up to {sound}"
            yield Fault("fork" if fork else "checkpoint_mismatch", index, text)
    if scan.size and not any(name != "the saved checkpoint" for name, _ in sources):
        yield Fault("checkpoint_missing", 0, "no checkpoint of its own vouches for this log")


def _stored_leaves(folder: Path) -> int:
    try:
        return leaves_in((folder / HASHES).stat().st_size // HASH_BYTES)
    except FileNotFoundError:
        return 0


def _bytes(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


def _text(path: Path) -> str | None:
    return path.read_bytes().decode(errors="replace") if path.exists() else None
