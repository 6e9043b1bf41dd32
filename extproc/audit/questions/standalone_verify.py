"""Check an evidence pack, offline, with nothing but this file and the package `cryptography`.

    python3 verify.py [PACK.zip or folder] [--key FILE]

Without a path: the folder this file is in. `--key`: the log's public key (`verifier.pub`) as you
got it from somebody you trust. Without it the key inside the pack is used, which proves only that
the pack agrees with itself: compare the key that is printed.

What is checked:
  1  every file is the one that manifest.json lists (SHA-256), none is missing, none is added
  2  the signed checkpoint is of that key, or of one that it handed over to (keys.jsonl): each
     handover stands in the log that the key before it signed
  3  every record stands in the log where it says: records and proof.json give the signed root
  4  no record is there twice; where the pack says that it is complete, none is left out but those
     of pruned.jsonl, and records of the log itself (audit.prune) account for each of these

Exit code 0: all hold. 1: something does not. 2: not a pack.
"""

from __future__ import annotations

import base64
import hashlib
import json
import sys
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

MANIFEST, RECORDS, PROOF = "manifest.json", "records.jsonl", "proof.json"
CHECKPOINT, KEYS, KEY = "checkpoint", "keys.jsonl", "verifier.pub"
PRUNED = "pruned.jsonl"
ROTATE, PRUNE = "audit.key.rotate", "audit.prune"


FAULTS = (KeyError, TypeError, ValueError, AttributeError, OSError, RuntimeError, EOFError,
          zipfile.BadZipFile, zlib.error)  # fmt: skip
"""What reading something that is no pack may raise."""


class Bad(Exception):
    """Something that does not hold; the text says what, in what a terminal may show."""

    def __init__(self, text: str) -> None:
        super().__init__("".join(c if c.isprintable() else "?" for c in text)[:500])


class Found(NamedTuple):
    """What was checked."""

    origin: str
    size: int
    root: str
    records: int
    complete: bool
    manifest_sha256: str
    key: str
    first: int
    last: int
    pruned: int


class Pack:
    """The files of a pack, in a zip or in a folder."""

    def __init__(self, path: Path) -> None:
        self._zip = zipfile.ZipFile(path) if path.is_file() else None
        self._folder = path

    def names(self) -> list[str]:
        if self._zip is not None:
            return [name for name in self._zip.namelist() if not name.endswith("/")]
        found = (p.relative_to(self._folder) for p in self._folder.rglob("*") if p.is_file())
        return [path.as_posix() for path in found if "__pycache__" not in path.parts]

    def open(self, name: str) -> IO[bytes]:
        try:
            return self._zip.open(name) if self._zip else (self._folder / name).open("rb")
        except (KeyError, OSError):
            raise Bad(f"{name} is missing") from None

    def text(self, name: str) -> str:
        with self.open(name) as file:
            return file.read().decode()


def check(path: Path, key: str = "") -> Found:
    """Check a pack; raises Bad. `key`: the trusted verifier key, '' = the pack's own."""
    pack = Pack(path)
    manifest_text = pack.text(MANIFEST)
    manifest = json.loads(manifest_text)
    check_files(pack, manifest["files"])
    trusted = (key or pack.text(KEY)).strip()
    origin = trusted.partition("+")[0]
    rotations = [json.loads(line) for line in pack.text(KEYS).splitlines()]
    size, root = checkpoint(pack.text(CHECKPOINT), current_key(trusted, rotations))
    selection = manifest["selection"]
    said: dict[int, dict[str, Any]] = {}
    times = {selection["first"]: "", selection["last"]: ""}
    leaves = dict(records(pack, said, times))
    stones = pruned(pack)
    proof = json.loads(pack.text(PROOF))
    if proof["tree_size"] != size:
        raise Bad("the proof is of another checkpoint")
    hashes = iter([base64.b64decode(text, validate=True) for text in proof["hashes"]])
    if leaves.keys() & stones.keys():
        raise Bad("a record is there and pruned")
    if tree({**leaves, **{i: leaf for i, (leaf, _) in stones.items()}}, hashes, size) != root:
        raise Bad("the records and their proof do not give the signed root")
    check_rotations(leaves, said, rotations)
    check_pruned(stones, said)
    if selection["records"] != len(leaves):
        raise Bad(f"the manifest tells of {selection['records']} records, here are {len(leaves)}")
    gone = check_places(leaves, stones, selection, size)
    check_period(times, selection, size)
    digest = hashlib.sha256(manifest_text.encode()).hexdigest()
    shown = base64.b64encode(root).decode()
    return Found(
        origin, size, shown, len(leaves), selection["complete"] is True, digest, trusted,
        selection["first"], selection["last"], gone,
    )  # fmt: skip


def check_files(pack: Pack, listed: dict[str, str]) -> None:
    """Every listed file has its digest, and there is no other."""
    names = pack.names()
    odd = set(names) ^ {*listed, MANIFEST}
    if odd:
        raise Bad(f"files that are missing or not listed: {', '.join(sorted(odd)[:5])}")
    if len(set(names)) != len(names):
        raise Bad("a file is there twice")
    for name, wanted in listed.items():
        digest = hashlib.sha256()
        with pack.open(name) as file:
            while block := file.read(1 << 20):
                digest.update(block)
        if digest.hexdigest() != wanted:
            raise Bad(f"{name} was changed")


def records(
    pack: Pack, said: dict[int, dict[str, Any]], times: dict[int, str]
) -> Iterator[tuple[int, bytes]]:
    """Index and leaf hash (RFC 6962: SHA-256(0x00 || line)) of each record. `said`: filled with
    what the log says about itself. `times`: with when those were that it names."""
    before, decisions = -1, set()
    with pack.open(RECORDS) as file:
        for line in file:
            data = line.rstrip(b"\n")
            entry = json.loads(data)
            index, decision = entry["index"], entry["decision_id"]
            if type(index) is not int or index <= before or decision in decisions:
                raise Bad(f"record {index} is out of order, or its decision is there twice")
            before = index
            decisions.add(decision)
            event = entry.get("event")
            if isinstance(event, dict) and event.get("action") in (ROTATE, PRUNE):
                said[index] = event
            if index in times:
                times[index] = str(entry.get("at", ""))
            yield index, hashlib.sha256(b"\x00" + data).digest()


def pruned(pack: Pack) -> dict[int, tuple[bytes, int]]:
    """Index -> leaf hash of an entry that retention removed, and the index of what says so."""
    found: dict[int, tuple[bytes, int]] = {}
    with pack.open(PRUNED) as file:
        for line in file:
            stone = json.loads(line)
            index, event = stone["index"], stone["event"]
            leaf = base64.b64decode(stone["leaf_hash"], validate=True)
            numbers = type(index) is type(event) is int and index >= 0
            if not numbers or index in found or len(leaf) != 32:
                raise Bad("pruned.jsonl is not what it should be")
            found[index] = leaf, event
    return found


def check_pruned(stones: dict[int, tuple[bytes, int]], said: dict[int, dict[str, Any]]) -> None:
    """Each removal is in the log: how many went, and a digest over all that went with it."""
    groups: dict[int, list[str]] = {}
    for index, (leaf, event) in sorted(stones.items()):
        groups.setdefault(event, []).append(f"{index}:{leaf.hex()}\n")
    for event, gone in groups.items():
        told = said.get(event, {})
        digest = hashlib.sha256("".join(gone).encode()).hexdigest()
        if (told.get("action"), told.get("count"), told.get("digest")) != (
            PRUNE, len(gone), digest
        ):  # fmt: skip
            raise Bad(f"entries are missing that record {event} does not account for")


def tree(leaves: dict[int, bytes], hashes: Iterator[bytes], size: int) -> bytes:
    """The root over `size` leaves: those of the records, and the proof's hashes for the rest."""
    places = sorted(leaves)

    def over(start: int, end: int, low: int, high: int) -> bytes:
        if low == high:  # none of the records is in this part
            found = next(hashes, b"")
            if len(found) != 32:
                raise Bad("the proof is too short")
            return found
        if end - start == 1:
            return leaves[start]
        middle = start + (1 << ((end - start - 1).bit_length() - 1))
        split = low
        if places[high - 1] < middle:
            split = high
        elif places[low] < middle:
            split = _first_from(places, middle, low, high)
        left = over(start, middle, low, split)
        return hashlib.sha256(b"\x01" + left + over(middle, end, split, high)).digest()

    if not places or places[-1] >= size:
        raise Bad("no records, or records beyond the checkpoint")
    root = over(0, size, 0, len(places))
    if next(hashes, None) is not None:
        raise Bad("the proof is too long")
    return root


def _first_from(places: list[int], wanted: int, low: int, high: int) -> int:
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if places[middle] < wanted else (low, middle)
    return low


def current_key(first: str, rotations: list[dict[str, Any]]) -> str:
    """The key in force now: each was handed over in a checkpoint that old and new key signed.

    `first`: any key of the log. Nothing is proven by this alone: see `check_rotations`.
    """
    known = [n for n, rotation in enumerate(rotations, 1) if rotation["verifier"] == first]
    key = first
    for rotation in rotations[max(known, default=0) :]:
        checkpoint(rotation["checkpoint"], key)
        checkpoint(rotation["checkpoint"], rotation["verifier"])
        key = rotation["verifier"]
    return key


def check_rotations(
    leaves: dict[int, bytes], said: dict[int, dict[str, Any]], rotations: list[dict[str, Any]]
) -> None:
    """The log says of each handover that it happened, under the very checkpoint that both keys
    signed: a signature can be added to any checkpoint by anybody."""
    for rotation in rotations:
        index = rotation["index"]
        size, root = checkpoint(rotation["checkpoint"], rotation["verifier"])
        path = [base64.b64decode(text, validate=True) for text in rotation["inclusion_proof"]]
        if (
            said.get(index, {}).get("verifier") != rotation["verifier"]
            or included(leaves[index], index, size, path) != root
        ):
            raise Bad("keys.jsonl tells of a change of keys that the log does not")
    if {i for i, event in said.items() if event["action"] == ROTATE} != {
        rotation["index"] for rotation in rotations
    }:
        raise Bad("the log tells of a change of keys that keys.jsonl does not")


def included(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes:
    """The root that an inclusion proof gives (RFC 9162, 2.1.3.2)."""
    place, last, head = index, size - 1, leaf
    for sibling in path:
        if last == 0 or len(sibling) != 32:
            raise Bad("a proof of keys.jsonl is too long")
        if place & 1 or place == last:
            head = hashlib.sha256(b"\x01" + sibling + head).digest()
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            head = hashlib.sha256(b"\x01" + head + sibling).digest()
        place, last = place >> 1, last >> 1
    if last != 0 or not 0 <= index < size:
        raise Bad("a proof of keys.jsonl is too short")
    return head


def checkpoint(note: str, key: str) -> tuple[int, bytes]:
    """Size and root of a signed checkpoint (C2SP tlog-checkpoint, signed-note); raises Bad."""
    name, _, rest = key.strip().partition("+")
    if not key.strip().isprintable():
        raise Bad("not a verifier key")
    raw = base64.b64decode(rest.partition("+")[2], validate=True)
    key_hash = hashlib.sha256(name.encode() + b"\n" + raw).digest()[:4]
    text, _, signatures = note.rpartition("\n\n")
    text += "\n"
    for line in signatures.splitlines():
        signer, _, encoded = line.removeprefix("\u2014 ").partition(" ")
        signature = base64.b64decode(encoded)
        if signer == name and signature[:4] == key_hash:
            try:
                Ed25519PublicKey.from_public_bytes(raw[1:]).verify(signature[4:], text.encode())
            except InvalidSignature:
                break
            origin, size, root = text.split("\n")[:3]
            if origin != name:
                raise Bad("the checkpoint is of another log")
            return int(size), base64.b64decode(root, validate=True)
    raise Bad(f"the checkpoint is not signed by {name}+{key_hash.hex()}")


def check_places(
    leaves: dict[int, bytes], stones: dict[int, tuple[bytes, int]], selection: dict[str, Any],
    size: int,
) -> int:  # fmt: skip
    """Where the pack says that it is complete, every index from the first to the last is there,
    but for those that retention removed; returns how many these are. The manifest is signed by
    nobody, so that its numbers only count where the records bear them out."""
    first, last = selection["first"], selection["last"]
    if type(first) is not int or type(last) is not int or not 0 <= first <= last < size:
        raise Bad("the manifest's first and last are no places of the log")
    inside = sum(1 for index in leaves if first <= index <= last)
    gone = sum(1 for index in stones if first <= index <= last)
    if selection["complete"] and inside + gone != last - first + 1:
        raise Bad(f"records between {first} and {last} are left out")
    if selection["pruned"] != gone:
        raise Bad("the manifest counts what was pruned in another way")
    return gone


def check_period(times: dict[int, str], selection: dict[str, Any], size: int) -> None:
    """A pack of a whole period has at each end a record outside of it, or the log's own end."""
    since, until = selection["since"] or "", selection["until"] or "~"
    for edge, end in ((selection["first"], 0), (selection["last"], size - 1)):
        at = times[edge]
        if selection["complete"] and edge != end and at and since <= at < until:
            raise Bad(f"the period goes on beyond entry {edge}")


def main(arguments: list[str]) -> int:
    key = ""
    key_file = None
    if "--key" in arguments:
        at = arguments.index("--key")
        key_file = Path((arguments[at + 1 :] or [""])[0])
        arguments = arguments[:at] + arguments[at + 2 :]
    path = Path(arguments[0]) if arguments else Path(__file__).resolve().parent
    if len(arguments) > 1 or not path.exists() or not (key_file is None or key_file.is_file()):
        print(__doc__)
        return 2
    try:
        key = key_file.read_text() if key_file else ""
        found = check(path, key)
    except Bad as bad:
        print(f"FAILED: {bad}")
        return 1
    except FAULTS as error:
        print(f"not an evidence pack, or one that was damaged: {type(error).__name__}")
        return 2
    print(f"ok: {found.records} records stand in the log '{found.origin}' of {found.size} entries")
    print(f"    root {found.root}, signed")
    print(f"    entries {found.first} to {found.last}: none is left out, {found.pruned} of them "
          "were removed when their time was up, as the log says" if found.complete
          else "    a selection: records between them were left out by its filters")  # fmt: skip
    print(f"    manifest sha256 {found.manifest_sha256}")
    print(f"    key  {found.key}")
    if not key:
        print("    the key is the pack's own: compare it with one that you got elsewhere")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
