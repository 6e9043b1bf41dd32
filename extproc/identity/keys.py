"""Virtual keys: how one is made, how one is recognised, and how a caller presents it.

    ek_<8: public id>_<43: secret, 256 bits><6: checksum>      all base62, 61 characters

Promises: a key exists as text only between the caller's header and `hash_key`; everything after
that sees its SHA-256 (P4). The checksum is the CRC-32 of all that stands before it, in base62, so
that secret scanners and the gateway tell a mistyped key from a key without asking anybody.
Refuses: no key, two that differ, and whatever could be read as two. One public text for all of
them (contract, section 4); only `reason` differs, and it goes to the audit entry alone.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from extproc.errors import Code, Refusal

PREFIX = "ek_"
ID_CHARS, SECRET_CHARS, CHECKSUM_CHARS = 8, 43, 6
RANDOM_BYTES = 40
"""What `mint` wants: 8 bytes for the public id, 32 for the secret."""
KEY_CHARS_MAX = 512

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SHAPE = re.compile(r"ek_[0-9A-Za-z]{8}_[0-9A-Za-z]{49}")
# Visible ASCII but the comma: Envoy joins a header that came twice with one (RFC 9110, 5.3).
_ONE_TOKEN = re.compile(r"[!-+\--~]{1,512}")

BARE_KEY_HEADERS = ("x-api-key", "x-goog-api-key", "api-key", "x-bf-vk")
KEY_HEADERS = ("authorization", *BARE_KEY_HEADERS)


def _refused(reason: str) -> Refusal:
    return Refusal(Code.INVALID_API_KEY, reason=reason)


NO_KEY = _refused("no key presented")
NOT_BEARER = _refused("authorization is not a Bearer credential")
MALFORMED = _refused("malformed key")
KEYS_DIFFER = _refused("two keys that differ")


@dataclass(frozen=True, slots=True)
class MintedKey:
    """A new key. `text` is the secret: shown once, never stored, and not in this value's repr."""

    id: str
    text: str = field(repr=False)
    sha256: str


def _base62(number: int, width: int) -> str:
    digits = []
    for _ in range(width):
        number, digit = divmod(number, 62)
        digits.append(_BASE62[digit])
    return "".join(reversed(digits))


def _checksum(body: str) -> str:
    return _base62(zlib.crc32(body.encode()), CHECKSUM_CHARS)


def mint(random_bytes: bytes) -> MintedKey:
    """Make a key of RANDOM_BYTES fresh random bytes. The same bytes make the same key."""
    if len(random_bytes) != RANDOM_BYTES:
        raise ValueError(f"mint wants exactly {RANDOM_BYTES} random bytes")
    public_id = _base62(int.from_bytes(random_bytes[:8], "big"), ID_CHARS)
    # 62**43 > 2**256: no bit of the secret is lost.
    body = f"{PREFIX}{public_id}_{_base62(int.from_bytes(random_bytes[8:], 'big'), SECRET_CHARS)}"
    text = body + _checksum(body)
    return MintedKey(public_id, text, hash_key(text))


def looks_minted(text: str) -> bool:
    """Whether this has a minted key's shape and a right checksum; says nothing of its validity."""
    if not _SHAPE.fullmatch(text):
        return False
    return _checksum(text[:-CHECKSUM_CHARS]) == text[-CHECKSUM_CHARS:]


def hash_key(text: str) -> str:
    """SHA-256 of a key, 64 hex digits. A plain hash is enough for 256 random bits."""
    return sha256(text.encode()).hexdigest()


def _bearer(value: str) -> str | Refusal:
    scheme, _, token = value.partition(" ")
    if scheme.lower() != "bearer":  # case-insensitive: RFC 9110, 11.1
        return NOT_BEARER
    return token.lstrip(" ")


def present(headers: Mapping[str, str]) -> str | Refusal:
    """The one key that a request presents. `headers`: lower-case names; '' counts as absent.

    The same key in several headers is fine (SDKs do that); an unusable credential in any of them
    refuses the request, also beside a good one: what is ambiguous is denied.
    """
    found: str | None = None
    for name in KEY_HEADERS:
        value = headers.get(name)
        if not value:
            continue
        token = _bearer(value) if name == "authorization" else value
        if isinstance(token, Refusal):
            return token
        if not _ONE_TOKEN.fullmatch(token):
            return MALFORMED
        if found is not None and token != found:
            return KEYS_DIFFER
        found = token
    return NO_KEY if found is None else found
