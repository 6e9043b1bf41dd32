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

from extproc.audit.disk import replace_file
from extproc.audit.merkle import HASH_BYTES
from extproc.audit.note import NoteInvalid, Signer, Verifier, open_note, unbase64, valid_name

SIGNING_KEY = "signing.key"
VERIFIER_KEY = "verifier.pub"


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

    def signed(self, signer: Signer) -> str:
        """The signed note, which is the checkpoint's published form."""
        return signer.sign(self.text())


def read_checkpoint(note: str, verifier: Verifier) -> Checkpoint:
    """A checkpoint that `verifier` signed; raises NoteInvalid otherwise."""
    lines = open_note(note, verifier).split("\n")
    if len(lines) < 4 or lines[-1] != "":
        raise NoteInvalid("a checkpoint has three lines")
    origin, size, root = lines[0], lines[1], unbase64(lines[2])
    if origin != verifier.name:
        raise NoteInvalid("the checkpoint is of another log")
    if not (size.isascii() and size.isdigit()) or str(int(size)) != size:
        raise NoteInvalid("the checkpoint's size is not a canonical number")
    if len(root) != HASH_BYTES:
        raise NoteInvalid("the checkpoint's root is not a SHA-256")
    return Checkpoint(origin, int(size), root)


def load_signer(
    folder: Path, origin: str, random_bytes: Callable[[int], bytes] = os.urandom
) -> Signer:
    """The key of the log in `folder`, made on first use; raises KeyRefused.

    The key's name is the log's origin for good: under another one old checkpoints would not verify.
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
    if signer.name != origin:
        raise KeyRefused(f"the log's origin is {signer.name!r}; it cannot become {origin!r}")
    _publish_verifier(folder / VERIFIER_KEY, signer.verifier)
    return signer


def load_verifier(path: Path) -> Verifier:
    """A verifier key from a file; raises NoteInvalid, OSError."""
    try:
        return Verifier.parse(path.read_text())
    except UnicodeDecodeError:
        raise NoteInvalid("not a verifier key") from None


def _publish_verifier(path: Path, verifier: Verifier) -> None:
    text = f"{verifier}\n"
    if not path.exists():
        replace_file(path, text.encode())
    elif path.read_text(errors="replace") != text:
        raise KeyRefused(f"{path.name} belongs to another key than {SIGNING_KEY}")
