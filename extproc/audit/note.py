"""Signed notes (C2SP signed-note): a text, a blank line, one line per signature. Ed25519 only.

Promises: a note opens only with a good signature of the very key that was asked for; every byte
counts (base64 that decodes to the same bytes but is spelled otherwise is refused). Signatures of
other keys beside it (witnesses) are allowed and ignored, as the format demands.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

_ED25519 = b"\x01"
_DASH = "\u2014 "
_PRIVATE = "PRIVATE+KEY+"


class NoteInvalid(Exception):
    """Not a signed note, not signed by this key, or a key that is not one. The text says which."""


@dataclass(frozen=True, slots=True)
class Verifier:
    """A public key with its name: `<name>+<hash>+<base64(0x01 || key)>`."""

    name: str
    public: bytes

    @property
    def key_hash(self) -> bytes:
        """First four bytes of SHA-256(name || newline || 0x01 || key)."""
        return hashlib.sha256(self.name.encode() + b"\n" + _ED25519 + self.public).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.key_hash.hex()}+{_b64(_ED25519 + self.public)}"

    @classmethod
    def parse(cls, text: str) -> Verifier:
        """Read a verifier key; raises NoteInvalid when its parts contradict each other."""
        name, key_hash, key = _key_parts(text.strip())
        verifier = cls(name, key)
        if verifier.key_hash.hex() != key_hash:
            raise NoteInvalid("the verifier key's hash does not fit its name and key")
        return verifier


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key with its name. `str()` never shows the key; `secret_text()` does."""

    name: str
    seed: bytes

    def __repr__(self) -> str:
        return f"Signer({self.name!r})"

    @property
    def verifier(self) -> Verifier:
        key = Ed25519PrivateKey.from_private_bytes(self.seed)
        return Verifier(self.name, key.public_key().public_bytes_raw())

    def secret_text(self) -> str:
        """The private key's text form, for a file of mode 0600."""
        return f"{_PRIVATE}{self.name}+{self.verifier.key_hash.hex()}+{_b64(_ED25519 + self.seed)}"

    @classmethod
    def parse(cls, text: str) -> Signer:
        """Read a private key's text form; raises NoteInvalid without repeating any of it (P4)."""
        if not text.startswith(_PRIVATE):
            raise NoteInvalid("not a private key")
        name, key_hash, seed = _key_parts(text.strip().removeprefix(_PRIVATE))
        signer = cls(name, seed)
        if signer.verifier.key_hash.hex() != key_hash:
            raise NoteInvalid("the private key's hash does not fit its name and key")
        return signer

    def sign(self, text: str) -> str:
        """The signed note of `text`, which must end in a newline."""
        return f"{text}\n{self.signature_line(text)}"

    def signature_line(self, text: str) -> str:
        """The line that this key adds to a note of `text`."""
        key = Ed25519PrivateKey.from_private_bytes(self.seed)
        signature = self.verifier.key_hash + key.sign(text.encode())
        return f"{_DASH}{self.name} {_b64(signature)}\n"


def valid_name(name: str) -> bool:
    """Key names are not empty and hold neither spaces nor plus signs."""
    return bool(name) and "+" not in name and not any(c.isspace() or ord(c) < 32 for c in name)


@dataclass(frozen=True, slots=True)
class Note:
    """A note taken apart, nothing of it believed yet. `signatures`: (key name, hash, bytes)."""

    text: str
    signatures: tuple[tuple[str, bytes, bytes], ...]

    @classmethod
    def parse(cls, note: str) -> Note:
        """Raises NoteInvalid for what is not exactly of the format."""
        text, blank, signatures = note.rpartition("\n\n")
        if not blank or not signatures.endswith("\n"):
            raise NoteInvalid("not a signed note")
        return cls(text + "\n", tuple(map(_signature, signatures[:-1].split("\n"))))

    def names(self, verifier: Verifier) -> bool:
        """Whether a signature line claims to be of this key."""
        return any((n, h) == (verifier.name, verifier.key_hash) for n, h, _ in self.signatures)

    def check(self, verifier: Verifier) -> None:
        """Raises NoteInvalid unless this key signed exactly this text, once."""
        wanted = (verifier.name, verifier.key_hash)
        ours = [s for name, key_hash, s in self.signatures if (name, key_hash) == wanted]
        if len(ours) != 1:
            raise NoteInvalid(f"not signed by {verifier.name}+{verifier.key_hash.hex()}")
        try:
            _public_key(verifier.public).verify(ours[0], self.text.encode())
        except (InvalidSignature, ValueError):
            raise NoteInvalid("the signature does not fit the text") from None


def open_note(note: str, verifier: Verifier) -> str:
    """The signed text; raises NoteInvalid unless this key signed exactly these bytes."""
    taken = Note.parse(note)
    taken.check(verifier)
    return taken.text


@lru_cache(maxsize=64)
def _public_key(raw: bytes) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(raw)


def _signature(line: str) -> tuple[str, bytes, bytes]:
    name, space, value = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not space or not valid_name(name):
        raise NoteInvalid("a signature line is malformed")
    raw = unbase64(value)
    if len(raw) < 5:
        raise NoteInvalid("a signature line is malformed")
    return name, raw[:4], raw[4:]


def _key_parts(text: str) -> tuple[str, str, bytes]:
    name, _, rest = text.partition("+")
    key_hash, _, encoded = rest.partition("+")
    raw = unbase64(encoded)
    if not valid_name(name) or raw[:1] != _ED25519 or len(raw) != 33:
        raise NoteInvalid("not an Ed25519 key of the signed-note format")
    return name, key_hash, raw[1:]


def unbase64(text: str) -> bytes:
    """Strict base64 (RFC 4648, 3.5: unused bits must be zero); raises NoteInvalid."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise NoteInvalid("not base64") from None
    if _b64(raw) != text:
        raise NoteInvalid("base64 is not canonical")
    return raw


def _b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
