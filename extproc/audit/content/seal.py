"""Encryption of kept bodies and of the keys they are kept under: AES-256-GCM (NIST SP 800-38D).

    record   12 bytes nonce (random) | ciphertext | 16 bytes tag
             additional data: purpose, decision id, part, key id

Pure. Promises: a record opens only as what it was sealed as: another call's, the other half of a
call, or under another key's name, it does not. Raises NotSealed for everything that does not open.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from extproc.audit.content.values import AROUND_BYTES, Tenant

KEY_BYTES = 32
NONCE_BYTES = 12
RECORDS_MAX = 2**28
"""Under one key by one process. Random nonces allow 2^32 in all (SP 800-38D, 8.3); a key is also
left after KEY_DAYS, so that it takes sixteen processes at their limit to get there."""
KEY_DAYS = 30
_RECORD = b"envelope content record 1"
_KEY = b"envelope content key 1"
_NAMES = b"envelope content key names 1"
_OWN = b"envelope content wrapping key 1"
_PRINT = b"envelope content wrapping key print 1"


class NotSealed(Exception):
    """Changed, or sealed as something else, or under another key."""


@dataclass(frozen=True, slots=True, repr=False)
class Kek:
    """What wraps the tenants' keys. `print`: tells two of them apart and nothing else."""

    key: bytes

    @property
    def print(self) -> str:
        return hmac.digest(self.key, _PRINT, "sha256")[:8].hex()


def configured_kek(secret: bytes) -> Kek:
    """`audit.content.key`: 32 bytes in base64. Raises ValueError, without the value (P4)."""
    try:
        key = base64.b64decode(secret, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise ValueError("audit.content.key must be 32 bytes in base64")
    return Kek(key)


def own_kek(secret: bytes) -> Kek:
    """The one that this gateway's own secret makes, where none is configured."""
    return Kek(hmac.digest(secret, _OWN, "sha256"))


def tag_of(secret: bytes, tenant: Tenant) -> str:
    """What a tenant is called on disk: nobody without the gateway's secret learns its name."""
    named = b"%b\0%b\0%b" % (_NAMES, tenant.kind.encode(), tenant.name.encode())
    return hmac.digest(secret, named, "sha256")[:16].hex()


def record_data(decision_id: str, part: str, key_id: str) -> bytes:
    """The additional data of a record: what it is. None of them holds a zero byte."""
    return b"\0".join((_RECORD, decision_id.encode(), part.encode(), key_id.encode()))


def seal(cipher: AESGCM, nonce: bytes, text: bytes, data: bytes) -> bytes:
    return nonce + cipher.encrypt(nonce, text, data)


def unseal(cipher: AESGCM, record: bytes, data: bytes) -> bytes:
    """Raises NotSealed."""
    if len(record) < AROUND_BYTES:
        raise NotSealed
    try:
        return cipher.decrypt(record[:NONCE_BYTES], record[NONCE_BYTES:], data)
    except InvalidTag:
        raise NotSealed from None


def wrap(kek: Kek, nonce: bytes, key: bytes, key_id: str) -> bytes:
    return seal(AESGCM(kek.key), nonce, key, _KEY + b"\0" + key_id.encode())


def unwrap(kek: Kek, wrapped: bytes, key_id: str) -> bytes:
    """Raises NotSealed."""
    return unseal(AESGCM(kek.key), wrapped, _KEY + b"\0" + key_id.encode())
