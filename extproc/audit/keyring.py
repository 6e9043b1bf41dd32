"""Which key of a log's keys must have signed a checkpoint of a given size. Pure.

A log's keys follow one another: an entry `audit.key.rotate` at index r names the next one, and the
checkpoint that first covers r is signed by both. So whoever trusts one key learns all others:

    later ones    from a checkpoint that a trusted key and the next one signed over that entry
    earlier ones  from the same entry, under a checkpoint of a trusted key

Promises: a key is trusted only through checkpoints whose root is that of the entries; a checkpoint
beyond a rotation that the retired key alone signed is never accepted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

from extproc.audit.checkpoint import Checkpoint
from extproc.audit.note import Note, NoteInvalid, Verifier

Verdict = Literal["good", "checkpoint_invalid", "checkpoint_foreign", "retired_key"]


@dataclass(frozen=True, slots=True)
class Claim:
    """A checkpoint that somebody may have signed. `name`: where it was found."""

    name: str
    text: str
    note: Note
    checkpoint: Checkpoint

    @property
    def size(self) -> int:
        return self.checkpoint.size


@dataclass(frozen=True, slots=True)
class KeyRing:
    """`keys`: trusted ones, oldest first. `starts`: the index of the entry that brought each in,
    -1 for the log's first key; the key signs what is larger than that. `ends`: where a key that is
    not trusted takes over, None where none does."""

    keys: tuple[Verifier, ...]
    starts: tuple[int, ...]
    ends: int | None = None

    def judge(self, claim: Claim) -> Verdict:
        """Whether the key in force at its size signed it, and if not, what it is instead."""
        note, size = claim.note, claim.size
        if claim.checkpoint.origin != self.keys[0].name:
            return "checkpoint_foreign"
        for key in self.keys:
            if note.names(key) and not _signed(note, key):
                return "checkpoint_invalid"
        number = self._in_force(size)
        if number is not None and note.names(self.keys[number]):
            return "good"
        if any(note.names(key) for key in self.keys[:number]):
            return "retired_key"
        return "checkpoint_foreign"

    def _in_force(self, size: int) -> int | None:
        if self.ends is not None and size > self.ends:
            return None
        return max((n for n, start in enumerate(self.starts) if start < size), default=None)


def key_ring(
    verifier: Verifier,
    rotations: Mapping[int, Mapping[str, Any]],
    claims: Sequence[Claim],
    fits: Callable[[Checkpoint], bool],
) -> KeyRing:
    """The keys that whoever trusts `verifier` may trust.

    `rotations`: index -> what the entry there says. `fits`: whether a checkpoint's root is that of
    the entries.
    """
    chain = _chain(verifier, rotations)
    texts = [str(key) for key, _ in chain]
    own = texts.index(str(verifier))
    last = own
    while last + 1 < len(chain) and _handed_over(chain[last], chain[last + 1], claims, fits):
        last += 1
    first = own
    while first > 0 and _vouched(chain[first], claims, fits):
        first -= 1
    ends = chain[last + 1][1] if last + 1 < len(chain) else None
    keys, starts = zip(*chain[first : last + 1], strict=True)
    return KeyRing(keys, starts, ends)


def _chain(
    verifier: Verifier, rotations: Mapping[int, Mapping[str, Any]]
) -> list[tuple[Verifier, int]]:
    """Each key with the index that brought it in, as far as the entries follow one another."""
    chain: list[tuple[Verifier, int]] = []
    for index, said in sorted(rotations.items()):
        try:
            old, new = Verifier.parse(said["previous"]), Verifier.parse(said["verifier"])
        except (NoteInvalid, KeyError, AttributeError):
            break
        chain = chain or [(old, -1)]
        if str(chain[-1][0]) != str(old) or old.name != new.name:
            break
        chain.append((new, index))
    known = any(str(key) == str(verifier) for key, _ in chain)
    return chain if known else [(verifier, -1)]


def _handed_over(
    old: tuple[Verifier, int], new: tuple[Verifier, int], claims: Sequence[Claim],
    fits: Callable[[Checkpoint], bool],
) -> bool:  # fmt: skip
    """Whether both keys signed one checkpoint over the entry that names the new one."""
    return any(
        claim.size > new[1] and claim.note.names(old[0]) and claim.note.names(new[0])
        and fits(claim.checkpoint) and _signed(claim.note, old[0]) and _signed(claim.note, new[0])
        for claim in claims
    )  # fmt: skip


def _vouched(
    own: tuple[Verifier, int], claims: Sequence[Claim], fits: Callable[[Checkpoint], bool]
) -> bool:
    """Whether this key signed the entry that names its predecessor."""
    return any(
        claim.size > own[1] and claim.note.names(own[0])
        and fits(claim.checkpoint) and _signed(claim.note, own[0])
        for claim in claims
    )  # fmt: skip


def handovers(ring: KeyRing, history: Sequence[Claim]) -> list[tuple[Verifier, Verifier, Claim]]:
    """For each change of key, the first checkpoint of the history that covers it."""
    found = []
    for (old, _), (new, start) in pairwise(zip(ring.keys, ring.starts, strict=True)):
        first = next((claim for claim in history if claim.size > start), None)
        if first is not None:
            found.append((old, new, first))
    return found


def _signed(note: Note, key: Verifier) -> bool:
    try:
        note.check(key)
    except NoteInvalid:
        return False
    return True
