"""Check an evidence pack, offline, with nothing but this file and the package `cryptography`.

    python3 verify.py [PACK.zip or folder] [--key FILE]

Without a path: the folder this file is in. `--key`: the log's public key (`verifier.pub`) as you
got it from somebody you trust. Without it the key inside the pack is used, which proves only that
the pack agrees with itself: compare the key that is printed.

What is checked:
  1  every file is the one that manifest.json lists (SHA-256), none is missing, none is added
  2  the signed checkpoint is of that key, or of one that it handed over to (keys.jsonl)
  3  every record stands in the log where it says: records and proof.json give the signed root
  4  no record is there twice; where the pack says that it is complete, none is left out

Exit code 0: all hold. 1: something does not. 2: not a pack.
"""

from __future__ import annotations

import base64
import hashlib
import json
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

MANIFEST, RECORDS, PROOF = "manifest.json", "records.jsonl", "proof.json"
CHECKPOINT, KEYS, KEY = "checkpoint", "keys.jsonl", "verifier.pub"


class Bad(Exception):
    """Something that does not hold; the text says what."""


class Found(NamedTuple):
    """What was checked."""

    origin: str
    size: int
    root: str
    records: int
    complete: bool
    manifest_sha256: str
    key: str


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
    leaves = dict(records(pack))
    proof = json.loads(pack.text(PROOF))
    if proof["tree_size"] != size:
        raise Bad("the proof is of another checkpoint")
    hashes = iter([base64.b64decode(text, validate=True) for text in proof["hashes"]])
    if tree(leaves, hashes, size) != root:
        raise Bad("the records and their proof do not give the signed root")
    check_rotations(pack, rotations)
    selection = manifest["selection"]
    if selection["records"] != len(leaves):
        raise Bad(f"the manifest tells of {selection['records']} records, here are {len(leaves)}")
    if selection["complete"]:
        check_complete(leaves, selection)
    digest = hashlib.sha256(manifest_text.encode()).hexdigest()
    shown = base64.b64encode(root).decode()
    return Found(origin, size, shown, len(leaves), selection["complete"], digest, trusted)


def check_files(pack: Pack, listed: dict[str, str]) -> None:
    """Every listed file has its digest, and there is no other."""
    names = pack.names()
    odd = set(names) ^ {*listed, MANIFEST} or {name for name in names if names.count(name) > 1}
    if odd:
        raise Bad(f"files that are missing or not listed: {', '.join(sorted(odd)[:5])}")
    for name, wanted in listed.items():
        digest = hashlib.sha256()
        with pack.open(name) as file:
            while block := file.read(1 << 20):
                digest.update(block)
        if digest.hexdigest() != wanted:
            raise Bad(f"{name} was changed")


def records(pack: Pack) -> Iterator[tuple[int, bytes]]:
    """Index and leaf hash (RFC 6962: SHA-256(0x00 || line)) of each record."""
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
            yield index, hashlib.sha256(b"\x00" + data).digest()


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
    """The key in force now: each was handed over in a checkpoint that old and new key signed."""
    key = first
    for rotation in rotations:
        checkpoint(rotation["checkpoint"], key)
        checkpoint(rotation["checkpoint"], rotation["verifier"])
        key = rotation["verifier"]
    return key


def check_rotations(pack: Pack, rotations: list[dict[str, Any]]) -> None:
    """The log itself says of each handover that it happened."""
    wanted = {rotation["index"]: rotation["verifier"] for rotation in rotations}
    with pack.open(RECORDS) as file:
        for line in file:
            if wanted and b'"action":"audit.key.rotate"' in line:
                entry = json.loads(line)
                if entry["event"]["verifier"] == wanted.get(entry["index"]):
                    del wanted[entry["index"]]
    if wanted:
        raise Bad("keys.jsonl tells of a change of keys that the log does not")


def checkpoint(note: str, key: str) -> tuple[int, bytes]:
    """Size and root of a signed checkpoint (C2SP tlog-checkpoint, signed-note); raises Bad."""
    name, _, rest = key.strip().partition("+")
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


def check_complete(leaves: dict[int, bytes], selection: dict[str, Any]) -> None:
    """Every index from the first to the last is there, but for those that retention removed."""
    first, last = selection["first"], selection["last"]
    inside = sum(1 for index in leaves if first <= index <= last)
    if inside + selection["pruned"] != last - first + 1:
        raise Bad(f"records between {first} and {last} are left out")


def main(arguments: list[str]) -> int:
    key = ""
    if "--key" in arguments:
        at = arguments.index("--key")
        key = Path(arguments[at + 1]).read_text()
        arguments = arguments[:at] + arguments[at + 2 :]
    path = Path(arguments[0]) if arguments else Path(__file__).resolve().parent
    try:
        found = check(path, key)
    except Bad as bad:
        print(f"FAILED: {bad}")
        return 1
    except (KeyError, TypeError, ValueError, AttributeError, OSError, zipfile.BadZipFile) as error:
        print(f"not an evidence pack, or one that was damaged: {type(error).__name__}")
        return 2
    print(f"ok: {found.records} records stand in the log '{found.origin}' of {found.size} entries")
    print(f"    root {found.root}, signed")
    print("    nothing between the first and the last record is left out" if found.complete
          else "    a selection: records between them were left out by its filters")  # fmt: skip
    print(f"    manifest sha256 {found.manifest_sha256}")
    print(f"    key  {found.key}")
    if not key:
        print("    the key is the pack's own: compare it with one that you got elsewhere")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
