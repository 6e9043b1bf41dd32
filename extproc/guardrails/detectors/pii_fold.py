"""Text as one byte per character, with the letters of other scripts told apart.

ASCII, typographic twins and Latin letters with accents are as in `pattern`; a letter of a script in
`_SCRIPTS` becomes a byte from 0x80 on. There are 128 of those, so letters share them: a word of
three letters is mistaken for one of another spelling once in two million. A full stop of other
scripts becomes NUL, over which no name reaches. Promises: a character's byte depends on that
character alone, so that a text folds the same in pieces (P5); time is linear.
"""

from __future__ import annotations

import re
import unicodedata

from extproc.guardrails.detectors.pattern import one_byte_per_character

_SCRIPTS = (  # high bytes of code points, Unicode 15.1 blocks
    (0x04, 0x05),  # Cyrillic
    (0x05, 0x07),  # Hebrew, Arabic
    (0x09, 0x0A),  # Devanagari
    (0x0E, 0x0F),  # Thai
    (0x4E, 0xA0),  # Han
    (0xAC, 0xD8),  # Hangul
)
_UPPER_PART = (b"\x03", b"\x30")
"""Blocks with letters from 0x70 on alone: Greek behind accents, Katakana behind signs."""

_MASK = bytes(
    0xFF if any(first <= high < end for first, end in _SCRIPTS) else 0 for high in range(256)
)
_UPPER_MASK = bytes(0xFF if bytes([high]) in _UPPER_PART else 0 for high in range(256))
_IS_UPPER = bytes(0xFF if low >= 0x70 else 0 for low in range(256))
_KEY = bytes(high * 37 & 0x7F for high in range(256))
_LOW = bytes(low & 0x7F | 0x80 for low in range(256))

_STOPS = ("\u3002", "\u0964")  # ideographic full stop, danda
_DIGITS = re.compile("[\u0660-\u0669\u06f0-\u06f9\u0966-\u096f\u0e50-\u0e59]")
_WITH_DIGITS = (b"\x06", b"\x09", b"\x0e")


def fold(text: str) -> bytes:
    """One byte for each character."""
    if text.isascii() or not _maybe_other(text):
        return one_byte_per_character(text)
    for stop in _STOPS:
        text = text.replace(stop, "\0")
    low, high = _planes(text)
    mask = _mask(low, high)
    if not mask:
        return one_byte_per_character(text)
    if any(block in high for block in _WITH_DIGITS) and _DIGITS.search(text):
        return fold(_DIGITS.sub(lambda found: str(unicodedata.digit(found[0])), text))
    code = _number(low.translate(_LOW)) ^ _number(high.translate(_KEY))
    under = _number(one_byte_per_character(text))
    return (under ^ ((under ^ code) & mask)).to_bytes(len(text), "little")


def _maybe_other(text: str) -> bool:
    """False for text of Latin letters, the quick way."""
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        return True
    return False


def _planes(text: str) -> tuple[bytes, bytes]:
    """Of every code point the lowest byte and the next."""
    wide, width = text.encode("utf-16-le", "surrogatepass"), 2
    if len(wide) > 2 * len(text):
        wide, width = text.encode("utf-32-le", "surrogatepass"), 4
    return wide[::width], wide[1::width]


def _mask(low: bytes, high: bytes) -> int:
    """Ones for the letters that are told apart; all bytes as one long number."""
    whole = high.translate(_MASK)
    mask = _number(whole) if b"\xff" in whole else 0
    if any(block in high for block in _UPPER_PART):
        mask |= _number(high.translate(_UPPER_MASK)) & _number(low.translate(_IS_UPPER))
    return mask


def _number(data: bytes) -> int:
    return int.from_bytes(data, "little")
