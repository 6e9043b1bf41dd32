"""Cosignatures (C2SP tlog-cosignature, `cosignature/v1`): a witness's word on a checkpoint.

Promises: only a signature of the very key that was asked for is believed, over exactly the
checkpoint's text and the time it states. Lines of other keys are skipped, as the format demands.
Ed25519 only: a line of another algorithm (ML-DSA-44, type 0x06) is one of an unknown key. Pure.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from extproc.audit.note import Note, NoteInvalid, unbase64, valid_name

_PLAIN, _COSIGNING = b"\x01", b"\x04"
"""Signature types of C2SP signed-note: Ed25519, and timestamped Ed25519 cosignatures."""
_DASH = "\u2014 "
_TIME_BYTES, _SIGNATURE_BYTES = 8, 64
_TIME_MAX = 2**63 - 1


@dataclass(frozen=True, slots=True)
class WitnessKey:
    """A witness's name and Ed25519 public key (32 bytes)."""

    name: str
    public: bytes

    @property
    def key_id(self) -> bytes:
        """First four bytes of SHA-256(name || newline || 0x04 || key)."""
        return _key_id(self.name, _COSIGNING, self.public)

    def __str__(self) -> str:
        encoded = base64.b64encode(_COSIGNING + self.public).decode()
        return f"{self.name}+{self.key_id.hex()}+{encoded}"

    @classmethod
    def parse(cls, text: str) -> WitnessKey:
        """Read `<name>+<key id>+<base64(type || key)>`; raises NoteInvalid.

        Witnesses publish it with type 0x04, some with 0x01: it is the same key, and what it signs
        carries the id of 0x04 either way.
        """
        name, _, rest = text.strip().partition("+")
        key_id, _, encoded = rest.partition("+")
        raw = unbase64(encoded)
        kind, public = raw[:1], raw[1:]
        if not valid_name(name) or kind not in (_PLAIN, _COSIGNING) or len(public) != 32:
            raise NoteInvalid("not an Ed25519 key of a witness")
        if _key_id(name, kind, public).hex() != key_id:
            raise NoteInvalid("the witness key's id does not fit its name and key")
        return cls(name, public)


@dataclass(frozen=True, slots=True)
class Cosignature:
    """One good signature line, without its newline. `at_s`: Unix time, by the witness's clock."""

    line: str
    at_s: int


def read_cosignatures(note: Note, key: WitnessKey) -> tuple[Cosignature, ...]:
    """The signatures of `key` on a checkpoint; () when there is none of this key.

    Raises NoteInvalid for one of this key that does not fit: then nothing of it is believed.
    """
    wanted = (key.name, key.key_id)
    return tuple(
        _checked(note.text, raw, key)
        for name, key_id, raw in note.signatures
        if (name, key_id) == wanted
    )


def signed_message(text: str, at_s: int) -> bytes:
    """What is signed: `cosignature/v1`, the time, and the whole text of the checkpoint."""
    return f"cosignature/v1\ntime {at_s}\n{text}".encode()


def _checked(text: str, raw: bytes, key: WitnessKey) -> Cosignature:
    """`raw`: `timestamped_signature`, eight bytes of time (big-endian) and the signature."""
    at_s, signature = int.from_bytes(raw[:_TIME_BYTES]), raw[_TIME_BYTES:]
    if len(signature) != _SIGNATURE_BYTES or at_s > _TIME_MAX:
        raise NoteInvalid(f"the cosignature of {key.name} is malformed")
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(signature, signed_message(text, at_s))
    except (InvalidSignature, ValueError):
        raise NoteInvalid(f"the cosignature of {key.name} does not fit the checkpoint") from None
    encoded = base64.b64encode(key.key_id + raw).decode()
    return Cosignature(f"{_DASH}{key.name} {encoded}", at_s)


def _key_id(name: str, kind: bytes, public: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + kind + public).digest()[:4]
