"""Words that name what follows them: `date of birth`, `Steuer-ID`, `numéro de sécurité sociale`.

A word is written as people write it. A space is also `_`, `-` or nothing (`date_of_birth`,
`dateOfBirth`); an accent may be missing; `*` at the end lets more letters follow; `~` in front
makes it a pattern of its own. Between word and value stand at most GAP_MAX characters without a
digit: more words, then signs (`"ssn": "`, `| SSN |`, `No. `), never the end of a sentence.

Text is looked at as one byte per character (see `pattern`), so that words in scripts other than
Latin cannot be told apart: they are refused.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

WORDS_MAX = 60
"""Word and gap, so that LOOKBEHIND holds them and the character in front of them."""
_GAP_MAX = 36

_BEGIN = rb"(?:\b|(?<=_)|(?<=\\[nrt]))"
_SUFFIX = rb"(?:[ _-]?(?:numbers?|num|no|nr|id))?"
_LETTERS = rb"[A-Za-z]{0,12}"
_TALK = rb"(?:[A-Za-z?_'/\"`()\t -]|\.(?![ \n]))"
_SIGNS = rb"(?:[ \t\n:=.#|>*\"'`\\(),\[\]{}?+~_-]|\\[nrt]|&nbsp;)"

_SPACE = b"[ _-]?"
_NO_BASE = {"ß": b"ss", "ø": b"o", "ł": b"l", "\u0131": b"i", "æ": b"ae", "đ": b"d", "œ": b"oe"}


@dataclass(frozen=True, slots=True)
class Words:
    """`trigger`: words, gap and first digit, for hyperscan. `exact`: words and gap."""

    trigger: bytes
    exact: bytes


def words(*names: str) -> Words:
    """Compile names. Raises ValueError for one in a script that cannot be told."""
    closed = [_spelled(name) for name in names if not name.endswith("*")]
    opened = [_spelled(name[:-1]) for name in names if name.endswith("*")]
    forms = [
        b"(?:" + b"|".join(group) + b")" + more
        for group, more in ((closed, _SUFFIX), (opened, _LETTERS))
        if group
    ]
    named = b"(?:" + b"|".join(forms) + b")"
    return Words(
        rb"(?i)(?:\b|_|\\[nrt])" + named
        + rb"(?:[^A-Za-z0-9\x00][^0-9\x00]{0,%d})?[0-9]" % (_GAP_MAX - 1),
        b"(?i:" + _BEGIN + named + b")(?![A-Za-z])"
        + _TALK + b"{0,%d}?" % _GAP_MAX + _SIGNS + b"{0,12}",
    )  # fmt: skip


def _spelled(name: str) -> bytes:
    """A name as a pattern over folded text; what is not ASCII is `?` there (see `pattern`)."""
    if name.startswith("~"):
        return name[1:].encode()
    return b"".join(map(_character, name))


def _character(char: str) -> bytes:
    if char == " ":
        return _SPACE
    if char == "'":
        return b"['?]?"
    if char.isascii():
        return re.escape(char.encode()) + (b"?" if char == "." else b"")
    base = _NO_BASE.get(char) or unicodedata.normalize("NFD", char)[0].encode("ascii", "ignore")
    if not base:
        raise ValueError(f"no word with '{char}' can be told from another")
    return b"(?:" + re.escape(base) + rb"\??|\?)"
