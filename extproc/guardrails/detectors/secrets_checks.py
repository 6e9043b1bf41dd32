"""What tells a credential from something that only has its shape: checksums, structure, chance.

A checksum of a token with a prefix of its own confirms and never acquits: vendors add variants
that their page does not tell, and a token with one letter wrong may be mended. Where the shape
alone is ordinary text (JWT, Basic, base58, bech32) the structure must hold.
Pure functions of bytes, linear in them.
"""

from __future__ import annotations

import binascii
import hashlib
import re
import zlib
from collections import Counter
from math import log2

_DIGITS = b"0123456789"
_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_VOWELS = b"aeiouyAEIOUY"
_BASE62 = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_BASE58 = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BECH32 = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_BECH32_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
JUDGED = 64
"""A value is judged by its first characters, so that judging many long ones stays cheap."""

# --- chance ----------------------------------------------------------------------------------

_PLACEHOLDER = re.compile(rb"your|xxxx|\*{4}|redacted|placeholder|insert|replace")  # lower case
_N_LOG2_N = [0.0, *(n * log2(n) for n in range(1, JUDGED + 1))]
_DIGIT, _LETTER = re.compile(rb"\d"), re.compile(rb"[A-Za-z]")
_LOWER, _UPPER = re.compile(rb"[a-z]"), re.compile(rb"[A-Z]")
_SYMBOL = re.compile(rb"[^A-Za-z0-9_.-]")
_WORDS = re.compile(rb"[A-Z]?[a-z]{3,}|[A-Z]{4,}")


def bits_per_character(value: bytes) -> float:
    """Shannon entropy of the characters' frequencies; of at most JUDGED characters."""
    total = len(value)
    return log2(total) - sum(map(_N_LOG2_N.__getitem__, Counter(value).values())) / total


def has_bits(value: bytes, least: float) -> bool:
    """Whether it has so many bits per character; most often told by how many of them differ."""
    total, different = len(value), len(set(value))
    if different == total or log2(total) - _N_LOG2_N[total - different + 1] / total >= least:
        return log2(total) >= least
    return log2(different) >= least and bits_per_character(value) >= least


def not_a_placeholder(found: bytes) -> bool:
    """Whether the end of a token varies at all: `sk-xxxx...` and `key-0000...` do not."""
    return len(set(found[-20:])) >= 4 and not _PLACEHOLDER.search(found[:JUDGED].lower())


def random_key(value: bytes) -> bool:
    """Letters and digits without much repetition: what a vendor prints where no prefix helps."""
    judged = value[:JUDGED]
    mixed_classes = _DIGIT.search(judged) and _LETTER.search(judged)
    if not mixed_classes and not shuffled_cases(judged):
        return False
    return len(set(judged)) >= 6 and not_a_placeholder(value)


def two_cases(value: bytes) -> bool:
    """A random key of which upper and lower case are both expected (40 characters of base64)."""
    return random_key(value) and bool(_LOWER.search(value) and _UPPER.search(value))


def mixed(value: bytes) -> bool:
    """Letters and digits, or both cases and a symbol: more than a word."""
    cases = _LOWER.search(value) and _UPPER.search(value)
    return bool(
        (_DIGIT.search(value) and _LETTER.search(value))
        or (cases and (_SYMBOL.search(value) or shuffled_cases(value)))
    )


def shuffled_cases(value: bytes) -> bool:
    """Sixteen letters or more of both cases that are no words: chance drew no digit."""
    if len(value) < 16 or not value.isalpha() or value.isupper() or value.islower():
        return False
    return sum(map(len, _WORDS.findall(value))) <= len(value) * 0.4


def key_like(found: bytes) -> bool:
    """`sk-` also begins CSS classes and package names; keys have a long mixed run."""
    runs = re.findall(rb"\w{12,}", found)
    return any(any(c in _DIGITS for c in run) for run in runs) and not_a_placeholder(found)


def wordy(value: bytes) -> bool:
    """Whether nearly all of it is words, as in identifiers and in prose about keys."""
    letters = len(value) - len(value.translate(None, _LETTERS))
    digits = len(value) - len(value.translate(None, _DIGITS))
    if digits > 2 or sum(map(len, _WORDS.findall(value))) < 0.8 * (letters + digits):
        return False
    return len(value) - len(value.translate(None, _VOWELS)) >= 0.28 * letters


def of_all_classes(value: bytes) -> bool:
    """Both cases and at least two digits, which hashes and UUIDs never have."""
    digits = len(value) - len(value.translate(None, _DIGITS))
    return digits >= 2 and bool(_LOWER.search(value) and _UPPER.search(value))


def high_entropy(value: bytes) -> bool:
    """Whether 20 or more characters look drawn at random from both cases and digits.

    Random text has near all of log2(length) bits per character and few letters in wordlike runs;
    identifiers, paths and slugs fail one of the two. What decodes to text is text, not a secret.
    """
    core = value[:JUDGED].rstrip(b"=")
    size = len(core)
    separators = size - len(core.translate(None, b"-_/+"))
    if separators > max(2, size // 12) or not of_all_classes(core):
        return False
    if not has_bits(core, min(log2(size) - 0.75, 4.5)):
        return False
    if sum(map(len, _WORDS.findall(core))) > size / 2:
        return False
    return not _is_text(value) and not_a_placeholder(value)


def _decoded(value: bytes) -> bytes:
    """Base64 of either alphabet, padding optional; b'' when it is none."""
    value = value.translate(bytes.maketrans(b"-_", b"+/")).rstrip(b"=")
    try:
        return binascii.a2b_base64(value + b"=" * (-len(value) % 4))
    except binascii.Error:
        return b""


def _is_text(value: bytes) -> bool:
    decoded = _decoded(value)
    return bool(decoded) and all(32 <= c < 127 or c in b"\t\r\n" for c in decoded)


# --- structure -------------------------------------------------------------------------------


def is_jwt(found: bytes) -> bool:
    """Whether the first part is a JOSE header: a JSON object that names an algorithm (RFC 7515, 4).

    The header is read as text, for parsing a stranger's JSON may cost more than it tells.
    """
    header = _decoded(found[: found.find(b".")])
    return header.startswith(b"{") and (b'"alg"' in header or b'"enc"' in header)


def is_basic_pair(found: bytes) -> bool:
    """Whether base64 holds `user:password` (RFC 7617, 2)."""
    user, colon, password = _decoded(found).partition(b":")
    return bool(colon and user and password) and _is_text(found)


def is_pypi_token(found: bytes) -> bool:
    """Whether a macaroon's location is PyPI or its test site (packet 2.0: kind 1, length, text)."""
    packet = _decoded(found[len(b"pypi-") :][:64])
    return packet[:2] == b"\x02\x01" and packet[3:].startswith((b"pypi.", b"test.pypi."))


def is_encoded(found: bytes) -> bool:
    """Whether a part of it is percent-encoded, which keeps base64 of zeros out."""
    return b"%" in found and two_cases(found)


def is_discord_token(found: bytes) -> bool:
    """Whether the first part is the digits of a user id in base64."""
    user = _decoded(found[: found.find(b".")])
    return user.isdigit() and len(user) >= 17


# --- checksums -------------------------------------------------------------------------------


def base62_crc32(payload: bytes) -> bytes:
    """CRC-32 in six base62 digits, as GitHub, npm and others end their tokens."""
    rest, digits = zlib.crc32(payload), b""
    for _ in range(6):
        rest, digit = divmod(rest, 62)
        digits = _BASE62[digit : digit + 1] + digits
    return digits


def ends_in_crc32(found: bytes) -> bool:
    """`prefix_payload` + checksum of the payload; anything but a placeholder passes as well."""
    payload = found[found.rfind(b"_", 0, -6) + 1 : -6]
    return base62_crc32(payload) == found[-6:] or not_a_placeholder(found)


def is_base58check(found: bytes) -> bool:
    """Whether the last four bytes are the double SHA-256 of the others (Bitcoin keys, BIP 32)."""
    number = 0
    for char in found:
        number = number * 58 + _BASE58.find(char)
    data = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return hashlib.sha256(hashlib.sha256(data[:-4]).digest()).digest()[:4] == data[-4:]


def is_bech32(found: bytes) -> bool:
    """Whether the last six characters are the checksum of BIP 173 (age and Nostr keys)."""
    found = found.lower()
    prefix, _, data = found.rpartition(b"1")
    values = [*(c >> 5 for c in prefix), 0, *(c & 31 for c in prefix)]
    values += [_BECH32.find(char) for char in data]
    check = 1
    for value in values:
        top, check = check >> 25, (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(_BECH32_GENERATOR):
            check ^= generator if top >> bit & 1 else 0
    return check == 1
