"""Making proofs from a log on disk (proof.py says what is in them).

Promises: nothing leaves here that `proof.check` does not accept under the key that was given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TypeVar

import orjson

from extproc.audit.checkpoint import key_lines
from extproc.audit.keyring import KeyRing
from extproc.audit.merkle import (
    HASH_BYTES,
    consistency_proof,
    inclusion_proof,
    node_position,
)
from extproc.audit.note import NoteInvalid, Verifier
from extproc.audit.proof import (
    Consistency,
    Inclusion,
    Proof,
    ProofInvalid,
    check,
    claim_of,
    ring_of,
)
from extproc.audit.publish import LATEST
from extproc.audit.read import NoLog, NotProvable, entries, lines_from
from extproc.audit.reader import LogReader
from extproc.audit.segments import HASHES
from extproc.audit.tombstone import is_tombstone

P = TypeVar("P", Proof, Consistency)
Node = Callable[[int, int], bytes]


def prove(folder: Path, verifier: Verifier, which: str) -> Proof:
    """The inclusion proof of an entry, by index or decision id, under the latest checkpoint.

    Raises NoLog, NotProvable, and NoteInvalid for a checkpoint that does not verify.
    """
    index, line = _find(folder, which)
    if is_tombstone(line):
        raise NotProvable(f"entry {index} was pruned: only its hash is left")
    note = _latest(folder)
    with _nodes(folder) as node:
        links = tuple(_links(folder, node))
        size = _trusted_size(note, ring_of(links, verifier))
        if index >= size:
            raise NotProvable(f"no checkpoint vouches for entry {index} yet")
        path = tuple(inclusion_proof(node, index, size))
    proof = Proof(Inclusion(index, line, path, note), links)
    return _checked(proof, verifier)


def prove_growth(folder: Path, verifier: Verifier, old: str) -> Consistency:
    """The consistency proof between a checkpoint that was saved and the latest one.

    Raises NoLog, NotProvable, and NoteInvalid for a checkpoint that does not verify.
    """
    note = _latest(folder)
    with _nodes(folder) as node:
        links = tuple(_links(folder, node))
        ring = ring_of(links, verifier)
        size, old_size = _trusted_size(note, ring), _trusted_size(old, ring)
        if not 0 < old_size <= size:
            raise NotProvable(f"the saved checkpoint is of {old_size} entries, the log of {size}")
        path = tuple(consistency_proof(node, old_size, size))
    return _checked(Consistency(old, note, path, links), verifier)


def trusted_keys(folder: Path, verifier: Verifier) -> tuple[Verifier, ...]:
    """The log's keys that follow from `verifier`, oldest first; the last one signs now.

    Cheap: only the entries that announced a key are read. Raises NotProvable, OSError.
    """
    links = handovers(folder)
    return ring_of(links, verifier).keys if links else (verifier,)


def handovers(folder: Path) -> tuple[Inclusion, ...]:
    """For each change of key its announcement, with the proof that it is under the checkpoint that
    both keys signed; not believed yet. Raises NotProvable, OSError."""
    if not key_lines(folder):
        return ()
    with _nodes(folder) as node:
        return tuple(_links(folder, node))


def _checked(proof: P, verifier: Verifier) -> P:
    try:
        check(proof.to_json(), verifier)
    except ProofInvalid as error:
        raise NotProvable(f"the log does not fit its checkpoints: {error}") from None
    return proof


def _trusted_size(note: str, ring: KeyRing) -> int:
    claim = claim_of(note)
    if (verdict := ring.judge(claim)) != "good":
        raise NoteInvalid(f"the checkpoint is not signed by the key in force ({verdict})")
    return claim.size


def _links(folder: Path, node: Node) -> Iterator[Inclusion]:
    """The announcement of each key, under the checkpoint that both keys signed."""
    reader = LogReader(folder)
    for line in key_lines(folder):
        size = claim_of(line.checkpoint).size
        found = reader.read(line.index, 1)
        if not found or not line.index < size:
            raise NotProvable(f"the entry that announced a key is missing: {line.index}")
        path = tuple(inclusion_proof(node, line.index, size))
        yield Inclusion(line.index, found[0], path, line.checkpoint)


def _latest(folder: Path) -> str:
    try:
        return (folder / LATEST).read_text()
    except FileNotFoundError:
        raise NotProvable("no checkpoint has been signed yet") from None


def _find(folder: Path, which: str) -> tuple[int, bytes]:
    if which.isascii() and which.isdigit():
        for line in LogReader(folder).read(int(which), 1):
            return int(which), line
    needle = orjson.dumps(which)
    for index, line in enumerate(lines_from(folder, 0)):
        if needle in line and _decision_id(line) == which:
            return index, line
    raise NotProvable(f"the log has no entry {which}")


def _decision_id(line: bytes) -> str | None:
    return next((e.get("decision_id") for e in entries([line])), None)


@contextmanager
def _nodes(folder: Path) -> Iterator[Node]:
    try:
        hashes = (folder / HASHES).open("rb")
    except FileNotFoundError:
        raise NotProvable("the stored hashes are missing") from None
    with hashes:
        yield lambda level, index: _node(hashes, level, index)


def _node(hashes: BinaryIO, level: int, index: int) -> bytes:
    hashes.seek(node_position(level, index) * HASH_BYTES)
    data = hashes.read(HASH_BYTES)
    if len(data) != HASH_BYTES:
        raise NotProvable("the stored hashes are incomplete")
    return data


__all__ = ["NoLog", "NotProvable", "handovers", "prove", "prove_growth", "trusted_keys"]
