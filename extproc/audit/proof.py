"""Proofs that need nothing but a public key: that an entry is in the log, that it only grew.

    inclusion     {kind, index, tree_size, entry, leaf_hash, inclusion_proof, root, checkpoint}
    consistency   {kind, old_checkpoint, checkpoint, consistency_proof}
    both          key_chain: for each change of the log's key, the inclusion proof of the entry
                  that announced it, under the checkpoint that both keys signed

Promises: what `check` accepts is signed by the key in force, and follows from the key that was
asked for (keyring.py); hashes are base64. Refuses (ProofInvalid) everything else. Pure. Source:
RFC 9162, 2.1.3 and 2.1.4.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from extproc.audit.checkpoint import Checkpoint, parse_checkpoint
from extproc.audit.keyring import Claim, KeyRing, key_ring
from extproc.audit.merkle import leaf_hash, verify_consistency, verify_inclusion
from extproc.audit.note import Note, NoteInvalid, Verifier, unbase64
from extproc.audit.tombstone import KEY_ROTATE


class ProofInvalid(Exception):
    """Not a proof, or it proves nothing under this key. The text says which."""


@dataclass(frozen=True, slots=True)
class Inclusion:
    """An entry, its place, and the hashes that lead from it to a signed root."""

    index: int
    entry: bytes
    path: tuple[bytes, ...]
    checkpoint: str

    def to_json(self) -> dict[str, Any]:
        """`entry` is the exact leaf data as a string."""
        signed = claim_of(self.checkpoint).checkpoint
        return {
            "kind": "inclusion",
            "index": self.index,
            "tree_size": signed.size,
            "entry": self.entry.decode(),
            "leaf_hash": b64(leaf_hash(self.entry)),
            "inclusion_proof": [b64(h) for h in self.path],
            "root": b64(signed.root),
            "checkpoint": self.checkpoint,
        }

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> Inclusion:
        path = tuple(unbase64(str(h)) for h in said["inclusion_proof"])
        return cls(_index(said["index"]), said["entry"].encode(), path, str(said["checkpoint"]))

    def holds(self) -> bool:
        """Whether the entry is in the tree that the checkpoint states, whoever signed it."""
        signed = claim_of(self.checkpoint).checkpoint
        leaf = leaf_hash(self.entry)
        return verify_inclusion(leaf, self.index, signed.size, self.path, signed.root)


@dataclass(frozen=True, slots=True)
class Proof:
    """An inclusion, with what leads from an earlier key of the log to the one that signed it."""

    inclusion: Inclusion
    key_chain: tuple[Inclusion, ...] = ()

    @property
    def index(self) -> int:
        return self.inclusion.index

    def to_json(self) -> dict[str, Any]:
        chain = [link.to_json() for link in self.key_chain]
        return {**self.inclusion.to_json(), "key_chain": chain}


@dataclass(frozen=True, slots=True)
class Consistency:
    """That the log of `checkpoint` only added to the log of `old_checkpoint`."""

    old_checkpoint: str
    checkpoint: str
    path: tuple[bytes, ...]
    key_chain: tuple[Inclusion, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": "consistency",
            "old_checkpoint": self.old_checkpoint,
            "checkpoint": self.checkpoint,
            "consistency_proof": [b64(h) for h in self.path],
            "key_chain": [link.to_json() for link in self.key_chain],
        }


def check(said: Any, verifier: Verifier) -> str:
    """What a proof (as JSON) proves, in one sentence; raises ProofInvalid."""
    try:
        ring = ring_of([Inclusion.from_json(link) for link in said.get("key_chain", [])], verifier)
        if said["kind"] == "consistency":
            return _check_consistency(said, ring)
        if said["kind"] == "inclusion":
            return _check_inclusion(said, ring)
    except KeyError as error:
        raise ProofInvalid(f"not a proof: it has no {error}") from None
    except (NoteInvalid, TypeError, ValueError, AttributeError) as error:
        raise ProofInvalid(f"not a proof: {error}") from None
    raise ProofInvalid("neither an inclusion nor a consistency proof")


def _check_inclusion(said: Mapping[str, Any], ring: KeyRing) -> str:
    proof = Inclusion.from_json(said)
    signed = _signed(proof.checkpoint, ring)
    if proof.to_json() != {name: said[name] for name in proof.to_json()}:
        raise ProofInvalid("its parts contradict each other")
    if not proof.holds():
        raise ProofInvalid(f"the entry is not entry {proof.index} of the signed log")
    return f"entry {proof.index} is in the log {signed.origin} of {signed.size} entries"


def _check_consistency(said: Mapping[str, Any], ring: KeyRing) -> str:
    old = _signed(str(said["old_checkpoint"]), ring)
    new = _signed(str(said["checkpoint"]), ring)
    path = [unbase64(str(h)) for h in said["consistency_proof"]]
    if not verify_consistency(old.size, new.size, old.root, new.root, path):
        raise ProofInvalid("the later log does not contain the earlier one")
    return f"the log {new.origin} of {new.size} entries contains its first {old.size} unchanged"


def _signed(text: str, ring: KeyRing) -> Checkpoint:
    claim = claim_of(text)
    verdict = ring.judge(claim)
    if verdict != "good":
        raise ProofInvalid(f"the checkpoint is not signed by the key in force ({verdict})")
    return claim.checkpoint


def ring_of(links: Sequence[Inclusion], verifier: Verifier) -> KeyRing:
    """The keys that follow from `verifier` by these announcements; raises NoteInvalid."""
    claims = [claim_of(link.checkpoint) for link in links if link.holds()]
    roots = {(claim.size, claim.checkpoint.root) for claim in claims}
    rotations = {
        link.index: event
        for link in links
        if link.holds() and (event := orjson.loads(link.entry).get("event") or {})
        and event.get("action") == KEY_ROTATE
    }  # fmt: skip
    return key_ring(verifier, rotations, claims, lambda c: (c.size, c.root) in roots)


def claim_of(text: str) -> Claim:
    """A checkpoint that somebody may have signed; raises NoteInvalid when it is none."""
    note = Note.parse(text)
    return Claim("the checkpoint", text, note, parse_checkpoint(note.text))


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _index(value: Any) -> int:
    if type(value) is not int:
        raise ValueError("an index is a number")
    return value
