"""Checkpoints (C2SP tlog-checkpoint): origin, size, root, signed; and the key that signs them.

Promises: a checkpoint is read only if its key signed it, its origin is the key's name and its
numbers are in canonical form. The private key is made on first use, mode 0600; its verifier key
stands beside it for whoever checks the log elsewhere.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import orjson

from extproc.audit.disk import replace_file
from extproc.audit.merkle import HASH_BYTES
from extproc.audit.note import NoteInvalid, Signer, Verifier, open_note, unbase64, valid_name

SIGNING_KEY = "signing.key"
VERIFIER_KEY = "verifier.pub"
KEYS = "keys"
"""In the log's folder: one line per rotation (KeyLine), oldest first."""


class KeyRefused(Exception):
    """The signing key is unreadable, or belongs to a log of another origin."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A statement about a log: its first `size` entries hash to `root` (32 bytes)."""

    origin: str
    size: int
    root: bytes

    @property
    def root_base64(self) -> str:
        return base64.b64encode(self.root).decode()

    def text(self) -> str:
        return f"{self.origin}\n{self.size}\n{self.root_base64}\n"

    def signed(self, *signers: Signer) -> str:
        """The signed note, which is the checkpoint's published form; one line per signer."""
        text = self.text()
        return text + "\n" + "".join(signer.signature_line(text) for signer in signers)


def read_checkpoint(note: str, verifier: Verifier) -> Checkpoint:
    """A checkpoint that `verifier` signed; raises NoteInvalid otherwise."""
    checkpoint = parse_checkpoint(open_note(note, verifier))
    if checkpoint.origin != verifier.name:
        raise NoteInvalid("the checkpoint is of another log")
    return checkpoint


def parse_checkpoint(text: str) -> Checkpoint:
    """The checkpoint that a note's text states, not believed yet; raises NoteInvalid."""
    lines = text.split("\n")
    if len(lines) < 4 or lines[-1] != "":
        raise NoteInvalid("a checkpoint has three lines")
    origin, size, root = lines[0], lines[1], unbase64(lines[2])
    if not (size.isascii() and size.isdigit()) or len(size) > 18 or str(int(size)) != size:
        raise NoteInvalid("the checkpoint's size is not a canonical number")
    if not origin.isprintable():
        raise NoteInvalid("the checkpoint's origin is not a name")
    if len(root) != HASH_BYTES:
        raise NoteInvalid("the checkpoint's root is not a SHA-256")
    return Checkpoint(origin, int(size), root)


def load_signer(
    folder: Path, origin: str, random_bytes: Callable[[int], bytes] = os.urandom
) -> Signer:
    """The key in force of the log in `folder`, made on first use; raises KeyRefused.

    The key's name is the log's origin for good: under another one old checkpoints would not verify.
    A log that was begun again has the origin `<origin>/2`, `<origin>/3`, ... (restart.py).
    """
    if not valid_name(origin):
        raise KeyRefused("audit.origin may not be empty nor hold spaces or '+'")
    path = folder / SIGNING_KEY
    try:
        signer = Signer.parse(path.read_text())
    except FileNotFoundError:
        if (folder / VERIFIER_KEY).exists():
            raise KeyRefused(f"{path.name} is gone, but {VERIFIER_KEY} says it existed") from None
        signer = Signer(origin, random_bytes(32))
        replace_file(path, signer.secret_text().encode() + b"\n")
    except (NoteInvalid, ValueError):
        raise KeyRefused(f"{path.name} is not a signing key") from None
    if not of_origin(signer.name, origin):
        raise KeyRefused(f"the log's origin is {signer.name!r}; it cannot become {origin!r}")
    _publish_verifier(folder, signer.verifier)
    return signer


def of_origin(name: str, origin: str) -> bool:
    """Whether a log's name is the configured origin, or that of a log begun again under it."""
    base, _, number = name.rpartition("/")
    return name == origin or (base == origin and number.isascii() and number.isdigit())


def load_verifier(path: Path) -> Verifier:
    """A verifier key from a file; raises NoteInvalid, OSError."""
    try:
        return Verifier.parse(path.read_text())
    except UnicodeDecodeError:
        raise NoteInvalid("not a verifier key") from None


def _publish_verifier(folder: Path, verifier: Verifier) -> None:
    """The first key's public half stays at VERIFIER_KEY; later ones stand in the log's KEYS."""
    path, text = folder / VERIFIER_KEY, f"{verifier}\n"
    if not path.exists():
        replace_file(path, text.encode())
    elif path.read_text(errors="replace") != text and str(verifier) not in _later_keys(folder):
        raise KeyRefused(
            f"nothing in the log leads from {path.name} to {SIGNING_KEY}: put the log's files back "
            "(or the key that belongs to it); if they are lost, see `envelope audit begin --help`"
        )


def _later_keys(folder: Path) -> set[str]:
    return {link.verifier for link in key_lines(folder / "log")}


@dataclass(frozen=True, slots=True)
class KeyLine:
    """One rotation. `index`: its entry's. `checkpoint`: the note that both keys signed."""

    verifier: str
    index: int
    checkpoint: str

    def line(self) -> bytes:
        fields = {"checkpoint": self.checkpoint, "index": self.index, "verifier": self.verifier}
        return orjson.dumps(fields, option=orjson.OPT_SORT_KEYS) + b"\n"


def key_lines(log_folder: Path) -> list[KeyLine]:
    """The log's rotations as KEYS lists them, to be believed only with proof; [] without any."""
    try:
        data = (log_folder / KEYS).read_bytes()
    except FileNotFoundError:
        return []
    found = []
    for line in data.splitlines():
        try:
            said = orjson.loads(line)
            found.append(KeyLine(str(said["verifier"]), int(said["index"]), said["checkpoint"]))
        except (ValueError, KeyError, TypeError):
            continue
    return found
