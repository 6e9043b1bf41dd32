"""Text in disguise: base64, base32, hex, rot13, reversed, leetspeak, spaced-out letters.

Promises: a disguise is noticed by its beginning and read forward from there, at most BLOB_MAX bytes
(runs of code) or SPELLING_MAX bytes (words spelt in a strange way); what does not decode to text is
not one.
Nothing here decides: what comes out is judged like any text, with a bonus for having been hidden.
Hidden characters (Unicode tags, variation selectors) are read from the text itself, not the folded.
"""

from __future__ import annotations

import re
from base64 import b32decode, b64decode
from binascii import Error
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

BLOB_MAX = 2048
SPELLING_MAX = 192
_BLOB_MIN = 24
_SPACED_MAX = 512

Reading = tuple[int, str]
"""Where the disguise ends, and what it says."""


@dataclass(frozen=True, slots=True)
class Disguise:
    """`read(data, at)` begins at a match of `begin`, which is at most `width` bytes long.

    `spelling`: letter for letter, so nothing is disguised in it a second time.
    """

    expression: bytes
    begin: re.Pattern[bytes]
    width: int
    read: Callable[[bytes, int], Reading | None]
    spelling: bool = False


def _is_text(raw: bytes) -> str | None:
    """Decoded bytes that are words: mostly letters and spaces, UTF-8 or UTF-16."""
    if len(raw) > 8 and raw.count(0) * 3 > len(raw):
        raw = raw.replace(b"\x00", b"")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:  # cut in the middle of a character
        if error.start < len(raw) - 3:
            return None
        text = raw[: error.start].decode("utf-8")
    said = sum(char.isalpha() or char in " \n.,:;'\"!?-=+/" for char in text[:256])
    return text if text and said * 10 >= len(text[:256]) * 8 else None


# --- runs of code ----------------------------------------------------------------------------

_CODE = rb"[A-Za-z0-9+/_-]"
_CODE_BEGIN = re.compile(rb"(?<![A-Za-z0-9+/_-])" + _CODE + b"{%d}" % _BLOB_MIN)
_CODE_RUN = re.compile(_CODE + b"{%d,%d}+={0,6}" % (_BLOB_MIN, BLOB_MAX))
_HEX = re.compile(rb"(?:0x)?((?:[0-9A-Fa-f]{2})+)\Z")
_BASE32 = re.compile(rb"[A-Z2-7]+={0,6}\Z")


def _code(data: bytes, at: int) -> Reading | None:
    found = _CODE_RUN.match(data, at)
    text = None if found is None else _decoded(found[0])
    return None if found is None or text is None else (found.end(), text)


def _decoded(run: bytes) -> str | None:
    hexadecimal = _HEX.match(run)
    if hexadecimal:
        return _is_text(bytes.fromhex(hexadecimal[1].decode()))
    if run.islower():  # base64 of words has capitals; names and paths are most of what comes here
        return None
    run = run.rstrip(b"=")
    if _BASE32.match(run) and (text := _base32(run)) is not None:
        return text
    try:
        return _is_text(b64decode(run[: len(run) - (len(run) % 4 == 1)] + b"==", b"-_", False))
    except (Error, ValueError):
        return None


def _base32(run: bytes) -> str | None:
    try:
        return _is_text(b32decode(run + b"=" * (-len(run) % 8)))
    except (Error, ValueError):
        return None


# --- pairs of hex digits and spaced-out letters ----------------------------------------------

_PAIR = rb"(?:[0-9A-Fa-f]{2}[ :,-]{1,2})"
_PAIRS_BEGIN = re.compile(
    rb"(?<![0-9A-Za-z])(?<![^0-9A-Za-z][0-9A-Fa-f]{2}[ :,-])"
    rb"(?<![^0-9A-Za-z][0-9A-Fa-f]{2}[ :,-]{2})" + _PAIR + b"{10}"
)
_PAIRS_RUN = re.compile(b"(?>" + _PAIR + rb"{10,170})(?:[0-9A-Fa-f]{2}\b)?")

_GAP = rb"[ .\-_*|/]{1,3}"
_SPACED_BEGIN = re.compile(
    rb"(?<![A-Za-z0-9])(?<![^A-Za-z0-9][A-Za-z][ .\-_*|/])"
    rb"(?<![^A-Za-z0-9][A-Za-z][ .\-_*|/]{2})(?<![^A-Za-z0-9][A-Za-z][ .\-_*|/]{3})"
    rb"(?:[A-Za-z]" + _GAP + rb"){6}[A-Za-z](?![A-Za-z0-9])"
)
_SPACED_RUN = re.compile(rb"([A-Za-z](?![A-Za-z0-9]))((?:" + _GAP + rb"[A-Za-z](?![A-Za-z0-9]))*)")


def _pairs(data: bytes, at: int) -> Reading | None:
    found = _PAIRS_RUN.match(data, at, at + _SPACED_MAX)
    if found is None:
        return None
    text = _is_text(bytes.fromhex(re.sub(rb"[^0-9A-Fa-f]", b"", found[0]).decode()))
    return None if text is None else (found.end(), text)


def _spaced(data: bytes, at: int) -> Reading | None:
    """The usual gap joins letters, any other one parts words."""
    found = _SPACED_RUN.match(data, at, at + _SPACED_MAX)
    if found is None:
        return None
    run = found[0].decode()
    gaps = re.findall(r"[^A-Za-z]+", run)
    usual = Counter(gaps).most_common(1)[0][0] if gaps else " "
    joined = re.sub(r"[^A-Za-z]+", lambda gap: "" if gap[0] == usual else " ", run)
    return found.end(), joined


# --- words spelt in a strange way ------------------------------------------------------------

_KEYS = (
    "ignore", "disregard", "forget", "previous", "instructions", "override", "bypass", "jailbreak",
    "reveal", "prompt", "guidelines", "restrictions", "pretend",
)  # fmt: skip
KEY_MAX = max(map(len, _KEYS))
_ROT13 = str.maketrans(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
    "NOPQRSTUVWXYZABCDEFGHIJKLMnopqrstuvwxyzabcdefghijklm",
)
_ROT13_BYTES = bytes(chr(code).translate(_ROT13).encode("latin-1")[0] for code in range(256))
_LEET = bytes.maketrans(b"013457@$!|", b"oieastasii")
_LEET_OF = {"o": "[o0]", "i": "[i1!|]", "e": "[e3]", "a": "[a4@]", "s": "[s5$]", "t": "[t7]"}


def _stretch(data: bytes, at: int) -> bytes:
    """What follows, to the end of its text."""
    return data[at : at + SPELLING_MAX].partition(b"\x00")[0]


_REVERSED = [word[::-1].encode() for word in _KEYS]


def _reversed(data: bytes, at: int) -> Reading | None:
    """At least two of the words; one may be anything."""
    said = _stretch(data, at)
    lower = said.lower()
    if sum(word in lower for word in _REVERSED) < 2:
        return None
    return at + len(said), said[::-1].decode("latin-1")


def _any_of(words: Iterable[str]) -> bytes:
    return "(?:{})".format("|".join(words)).encode()


def _leet_pattern(word: str) -> str:
    return "".join(_LEET_OF.get(letter, letter) for letter in word)


@dataclass(frozen=True, slots=True)
class Spelling:
    """Letters for letters: the text is read through `table` where one of the keys is in it.

    A signal in that reading counts when such a key is in it; so it depends on nothing else.
    """

    expression: bytes
    key: re.Pattern[bytes]
    plain: bool
    table: bytes

    def keys(self, data: bytes, ends: Sequence[int]) -> list[tuple[int, int]]:
        """The keys that end at `ends`, in order; words of nothing but letters if `plain`."""
        spans: list[tuple[int, int]] = []
        for end in ends:
            found = self.key.search(data, max(0, end - KEY_MAX), end)
            if found is not None and found.end() == end and found[0].isalpha() == self.plain:
                spans.append(found.span())
        return spans


def _spelling(words: Sequence[str], plain: bool, table: bytes) -> Spelling:
    any_of = _any_of(words)
    key = re.compile(rb"(?<![A-Za-z0-9])" + any_of, re.IGNORECASE)
    return Spelling(any_of, key, plain, table)


SPELLINGS = (
    _spelling([word.translate(_ROT13) for word in _KEYS], True, _ROT13_BYTES),
    _spelling([_leet_pattern(word) for word in _KEYS], False, _LEET),
)

_BACKWARDS = _any_of([word[::-1] for word in _KEYS])
DISGUISES = (
    Disguise(
        rb"(?:\A|[^A-Za-z0-9+/_-])" + _CODE + b"{%d}" % _BLOB_MIN, _CODE_BEGIN, _BLOB_MIN, _code
    ),
    Disguise(rb"\b" + _PAIR + b"{10}", _PAIRS_BEGIN, 40, _pairs),
    Disguise(rb"\b(?:[A-Za-z]" + _GAP + rb"){6}[A-Za-z]\b", _SPACED_BEGIN, 25, _spaced),
    Disguise(
        rb"\b" + _BACKWARDS,
        re.compile(rb"(?<![A-Za-z0-9])" + _BACKWARDS, re.IGNORECASE),
        KEY_MAX,
        _reversed,
        spelling=True,
    ),
)

GATES = (
    _CODE + b"{%d}" % _BLOB_MIN,
    rb"\b(?:(?:[A-Za-z]" + _GAP + rb"){6}[A-Za-z]\b|" + _PAIR + b"{10})",
)
"""Cheap to look for; where none of them is, no disguise but a spelling is either."""

# --- unfinished runs at the end of the text --------------------------------------------------

_TAILS = (
    re.compile(rb"=*[A-Za-z0-9+/_-]*"),
    re.compile(rb"[ :,0-9A-Fa-f-]*"),
    re.compile(rb"[A-Za-z]?(?:[ .\-_*|/]{1,3}[A-Za-z](?![A-Za-z0-9]))*[ .\-_*|/]{0,3}"),
)
_TAIL_MAX = (BLOB_MAX + 8, _SPACED_MAX, _SPACED_MAX)


def tail(data: bytes) -> int:
    """Where the run begins that ends the text and may go on; `len(data)` when none does."""
    longest = 0
    end = data[: -BLOB_MAX - 16 : -1]
    for pattern, most in zip(_TAILS, _TAIL_MAX, strict=True):
        size = pattern.match(end).end()  # type: ignore[union-attr]
        if size <= most:
            longest = max(longest, size)
    return len(data) - longest


# --- characters that nobody sees -------------------------------------------------------------

_KINDS = (
    ("\U000e0020-\U000e007e", 4),
    ("\ufe00-\ufe0f\U000e0100-\U000e01ef", 8),
    ("\u200b-\u200f\u2060-\u2064\ufeff\u00ad", 16),
)
_UNSEEN = re.compile(
    "|".join(f"(?<![{kind}])[{kind}]{{{least},{BLOB_MAX}}}" for kind, least in _KINDS)
)
_UNSEEN_TAIL = re.compile(
    "[\U000e0020-\U000e007e\ufe00-\ufe0f\U000e0100-\U000e01ef"
    "\u200b-\u200f\u2060-\u2064\ufeff\u00ad]*"
)
_FLAG = "\U0001f3f4"


def unseen(text: str) -> list[tuple[int, int, str]]:
    """Start, end and meaning of every run of characters that nobody sees."""
    if text.isascii():
        return []
    return [
        (found.start(), found.end(), _seen(found[0]))
        for found in _UNSEEN.finditer(text)
        if not text.endswith(_FLAG, 0, found.start())
    ]


def _seen(run: str) -> str:
    if "\U000e0020" <= run[0] <= "\U000e007e":
        return "".join(chr(ord(char) - 0xE0000) for char in run)
    if ("\u200b" <= run[0] <= "\ufeff" and not "\ufe00" <= run[0] <= "\ufe0f") or run[0] == "\xad":
        return ""
    codes = (ord(char) for char in run)
    raw = bytes(code - 0xFE00 if code < 0xFE10 else code - 0xE0100 + 16 for code in codes)
    return _is_text(raw) or ""


def unseen_tail(text: str) -> int:
    """Where such a run begins that ends the text and may go on."""
    if text[-1:].isascii():
        return len(text)
    size = _UNSEEN_TAIL.match(text[: -BLOB_MAX - 2 : -1]).end()  # type: ignore[union-attr]
    return len(text) - size if size <= BLOB_MAX else len(text)
