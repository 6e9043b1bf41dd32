"""Checking a log offline: everything is computed again from the entries.

Promises: intact means that every byte of the entries up to the latest checkpoint is what was
signed, every stored hash and every checkpoint agrees with it, no decision has two entries, what
was pruned is accounted for by a signed entry, and nothing is missing that a checkpoint vouches
for. Otherwise the first bad index is named: exactly where the stored hashes show it, else the
first index that the checkpoints leave in doubt. One public key of the log is enough, whichever;
the others follow from it (keyring.py).
Refuses to call nothing intact: an empty log raises NothingToVerify, a log without checkpoints has
a fault. What a folder cannot show by itself (its end and the checkpoints of it cut off together),
a checkpoint saved elsewhere does.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from extproc.audit.checkpoint import KEYS, Checkpoint, KeyLine, parse_checkpoint
from extproc.audit.keyring import Claim, KeyRing, handovers, key_ring
from extproc.audit.note import Note, NoteInvalid, Verifier
from extproc.audit.publish import HISTORY, LATEST, history_notes
from extproc.audit.reader import hashed
from extproc.audit.scan import Fault, Progress, Scan
from extproc.audit.segments import opened

SAVED = "the saved checkpoint"
_LATEST = "the latest checkpoint"
_TRIES = 3
_FAULTS_MAX = 100
_EXACT = frozenset(("entry_altered", "entry_unreadable", "entry_removed", "entry_inserted",
                    "entry_reordered", "hash_altered", "truncated", "segment_missing"))  # fmt: skip
"""Faults that the stored hashes show exactly; others may lie behind what was done first."""


class NothingToVerify(Exception):
    """There is no log, or it is empty: not intact, not tampered."""


@dataclass(frozen=True, slots=True)
class Report:
    """What was found. `covered`: entries that a checkpoint vouches for; the rest is still unsigned.

    `unhashed`: whole entries written after the hashes were read (a running gateway, or a crash).
    `segments`: closed files. `pruned`: entries whose time was up. `keys`: the log's verifier keys,
    oldest first, as far as they can be trusted.
    """

    size: int
    root: bytes
    covered: int
    checkpoints: int
    unhashed: int
    faults: tuple[Fault, ...]
    segments: int = 0
    pruned: int = 0
    keys: tuple[str, ...] = ()

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
class _Claims:
    """Checkpoints as they were found, believed by nobody yet. `broken`: those that are none.

    `notes`: lines of the history, whatever they are."""

    history: tuple[Claim, ...]
    latest: Claim | None
    saved: Claim | None
    broken: tuple[Fault, ...]
    keys_file: bytes
    notes: int

    @property
    def all(self) -> tuple[Claim, ...]:
        return (*self.history, *(c for c in (self.latest, self.saved) if c))


def verify(
    folder: Path,
    verifier: Verifier,
    checkpoint: str | None = None,
    progress: Progress | None = None,
) -> Report:
    """Check the log in `folder`; `checkpoint`: a signed note that was saved earlier, elsewhere.

    Reads checkpoints, then hashes, then entries, so that a log that is being written is not
    mistaken for a truncated one. Raises NothingToVerify, OSError.
    """
    claims = _read_claims(folder, checkpoint)
    stored = hashed(folder)
    sizes = {claim.size for claim in claims.all}
    scan = _scan(folder, sizes, stored, progress)
    if not scan.size and not stored and not claims.all and not claims.broken:
        raise NothingToVerify("the audit log is empty: there is nothing to verify")
    claims = replace(claims, history=(*claims.history, *_late(folder, claims, scan)))
    fits = _Fits(scan)
    ring = key_ring(verifier, scan.rotations, claims.all, fits)
    faults = list(claims.broken)
    believed = [claim for claim in claims.all if _believe(claim, ring, faults)]
    good = [claim.size for claim in believed if fits(claim.checkpoint)]
    covered = max(good, default=0)
    faults += _history_faults(claims)
    faults += _key_faults(claims, ring)
    faults += _renamed(scan.faults, covered)
    faults += _length_faults(scan.size, stored, max(sizes & set(good), default=0))
    faults += list(_mismatches(believed, scan, good, faults))
    faults += list(_unaccounted(scan, scan.size if faults else covered))
    ordered = sorted(faults, key=lambda f: (f.index is None, f.index or 0))[:_FAULTS_MAX]
    return Report(
        scan.size, scan.tree.root(), covered, len({claim.size for claim in believed}),
        max(0, scan.size - stored), tuple(ordered), scan.segments, scan.pruned,
        tuple(map(str, ring.keys)),
    )  # fmt: skip


def _scan(folder: Path, sizes: set[int], stored: int, progress: Progress | None) -> Scan:
    """Read the entries; again, where files were pruned meanwhile and the entry that accounts for
    it came into a file that was not there at the beginning."""
    for _ in range(_TRIES):
        scan = Scan(set(sizes), stored)
        scan.run(folder, progress)
        if all(stones.event < scan.size for stones in scan.stones.values()):
            break
    return scan


class _Fits:
    """Whether a checkpoint's root is that of the entries."""

    def __init__(self, scan: Scan) -> None:
        self._roots = scan.roots

    def __call__(self, checkpoint: Checkpoint) -> bool:
        return self._roots.get(checkpoint.size) == checkpoint.root


# --- checkpoints --------------------------------------------------------------------------------


def _read_claims(folder: Path, saved: str | None) -> _Claims:
    """Each is read before what the writer writes before it: keys, latest, history."""
    broken: list[Fault] = []
    keys_file = _bytes(folder / KEYS)
    latest = _text(folder / LATEST)
    notes = list(history_notes(_bytes(folder / HISTORY)))
    history = [
        claim
        for n, note in enumerate(notes)
        if (claim := _claim(f"checkpoint {n} of the history", note, broken))
    ]
    if latest is None and len(history) > 1:  # after the first one a crash may leave none
        broken.append(Fault("checkpoint_missing", None, f"{_LATEST} is missing"))
    newest = _claim(_LATEST, latest, broken) if latest is not None else None
    mine = _claim(SAVED, saved, broken) if saved is not None else None
    return _Claims(tuple(history), newest, mine, tuple(broken), keys_file, len(notes))


def _late(folder: Path, claims: _Claims, scan: Scan) -> Iterator[Claim]:
    """Checkpoints that were signed while the entries were read, over what was said in the
    meantime about keys and pruning: files that were read after that rest on them."""
    known = max((claim.size for claim in claims.history), default=0)
    if any(index >= known for index in (*scan.prunes, *scan.rotations)):
        notes = list(history_notes(_bytes(folder / HISTORY)))[claims.notes :]
        for n, note in enumerate(notes, start=claims.notes):
            claim = _claim(f"checkpoint {n} of the history", note, [])
            if claim and claim.size > known and claim.size in scan.roots:
                yield claim


def _claim(name: str, text: str | None, broken: list[Fault]) -> Claim | None:
    try:
        if text is None:
            raise NoteInvalid("not a checkpoint")
        note = Note.parse(text)
        return Claim(name, text, note, parse_checkpoint(note.text))
    except NoteInvalid as error:
        broken.append(Fault("checkpoint_invalid", None, f"{name}: {error}"))
        return None


def _believe(claim: Claim, ring: KeyRing, faults: list[Fault]) -> bool:
    match ring.judge(claim):
        case "good":
            return True
        case "checkpoint_invalid":
            fault = Fault("checkpoint_invalid", None, f"{claim.name}: its signature is forged")
        case "checkpoint_foreign":
            text = f"{claim.name} is of another log or key: {claim.checkpoint.origin[:200]}"
            fault = Fault("checkpoint_foreign", None, text)
        case "retired_key":
            text = f"{claim.name} is signed by a key that had been retired by then"
            fault = Fault("retired_key", None, text)
    faults.append(fault)
    return False


def _history_faults(claims: _Claims) -> Iterator[Fault]:
    for n, (before, after) in enumerate(pairwise(claims.history), start=1):
        if after.size <= before.size:
            yield Fault("checkpoint_order", None, f"checkpoint {n} of the history goes back")
    known = max((claim.size for claim in claims.history), default=0)
    if (latest := claims.latest) is None:
        return
    if latest.size > known:
        text = f"the history ends at {known}, before {_LATEST}"
        yield Fault("checkpoint_missing", None, text)
    elif latest.text not in (claim.text for claim in claims.history if claim.size == latest.size):
        text = f"{_LATEST} is not the history's of that size"
        yield Fault("checkpoint_invalid", None, text)


def _key_faults(claims: _Claims, ring: KeyRing) -> Iterator[Fault]:
    """Each change of key is signed by both, and the `keys` file says so and nothing else."""
    expected = b""
    changes = handovers(ring, claims.history)
    for start, (old, new, claim) in zip(ring.starts[1:], changes, strict=False):
        if not (claim.note.names(old) and claim.note.names(new)):
            text = f"{claim.name} changes the key, but not both keys signed it"
            yield Fault("checkpoint_invalid", None, text)
        expected += KeyLine(str(new), start, claim.text).line()
    whole = not claims.keys_file or claims.keys_file.endswith(b"\n")
    if ring.starts[0] == -1 and not (whole and expected.startswith(claims.keys_file)):
        yield Fault("keys_altered", None, f"the file {KEYS} is not what the entries say")


# --- entries ------------------------------------------------------------------------------------


def _renamed(faults: Sequence[Fault], vouched: int) -> list[Fault]:
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


def _unaccounted(scan: Scan, covered: int) -> Iterator[Fault]:
    """Tombstones that no signed entry of this log speaks of: somebody removed those entries.

    `covered`: up to where entries are believed; all where the log is not intact anyway, so that
    what was done elsewhere is not laid at the pruner's door.
    """
    for stones in scan.stones.values():
        said = scan.prunes.get(stones.event, {})
        true = (stones.segment, stones.digest.count, stones.digest.hex())
        accounted = (said.get("segment"), said.get("count"), said.get("digest")) == true
        if not accounted or stones.segment is None or stones.event >= covered:
            text = f"{stones.digest.count} entries from {stones.first} on were pruned by nobody"
            yield Fault("pruned_unaccounted", stones.first, text)


def _mismatches(
    believed: Sequence[Claim], scan: Scan, good: list[int], located: Sequence[Fault]
) -> Iterator[Fault]:
    """Checkpoints that do not fit the entries, each with the first index in doubt.

    One that does not fit beneath one that does is a fork: two histories were signed, and nothing
    here says which is true, so that everything is in doubt.
    """
    exact = sorted(f.index for f in located if f.index is not None and f.kind in _EXACT)
    for claim in believed:
        size = claim.size
        if size > scan.size:
            text = f"{claim.name} vouches for {size} entries, the log has {scan.size}"
            yield Fault("truncated", scan.size, text)
        elif scan.roots[size] != claim.checkpoint.root:
            fork = any(g >= size for g in good)
            sound = 0 if fork else max(good, default=0)
            index = next((i for i in exact if sound <= i < size), sound)
            text = f"{claim.name} does not fit the first {size} entries; sound up to {sound}"
            yield Fault("fork" if fork else "checkpoint_mismatch", index, text)
    if scan.size and not any(claim.name != SAVED for claim in believed):
        yield Fault("checkpoint_missing", 0, "no checkpoint of its own vouches for this log")


def _bytes(path: Path) -> bytes:
    with opened(path) as fd:
        if fd is None:
            return b""
        with open(fd, "rb", closefd=False) as file:
            return file.read()


def _text(path: Path) -> str | None:
    return _bytes(path).decode(errors="replace") if path.exists() else None
