"""Words that name what follows them: `date of birth`, `Steuer-ID`, `ИНН`, `身份证号`.

A word is written as people write it. A space is also `_`, `-` or nothing (`date_of_birth`,
`dateOfBirth`), and a capital may begin it inside a name (`customerSsn`); an accent may be missing;
`*` at the end lets more letters follow; `~` in front makes it a pattern of its own. Between word
and value stand at most GAP_MAX characters without a digit: more words, then signs (`"ssn": "`,
`| SSN |`, `No. `), never the end of a sentence.

Text is looked at as one byte per character (see `pii_fold`). A word of a script that folding does
not know is refused: it could not be told from others.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from extproc.guardrails.detectors.pii_fold import fold

WORDS_MAX = 60
"""Word and gap, so that LOOKBEHIND holds them and the character in front of them."""
_GAP_MAX = 36

_BEGIN = rb"(?:\b|(?<=_)|(?<=\\[nrt]))"
_SUFFIX = rb"(?:[ _-]?(?:numbers?|num\.?|no\.?|nr\.?|id))?"
_LETTERS = rb"[A-Za-z]{0,12}"
_OTHER = rb"\x80-\xff"
_OTHERS = rb"[\x80-\xff]{0,12}"
_TALK = rb"(?:[A-Za-z?_'/\"`()\t" + _OTHER + rb" -]|\.(?![ \n]))"
_SIGNS = rb"(?:[ \t\n:=.#|>*\"'`\\(),\[\]{}?+~_-]|\\[nrt]|&nbsp;)"

_SPACE = b"[ _-]?"
_NO_BASE = {"ß": b"ss", "ø": b"o", "ł": b"l", "\u0131": b"i", "æ": b"ae", "đ": b"d", "œ": b"oe"}
_SIGMA = "σς"
_JOINED = re.compile("[\u0e00-\u0e7f\u3000-\u9fff\uac00-\ud7a3]")
"""Scripts without a space between words, or with endings stuck to them."""
_ATTACHED = re.compile("[\u0590-\u06ff]")
"""Hebrew and Arabic: `the`, `in`, `for` are letters in front of a word."""


@dataclass(frozen=True, slots=True)
class Words:
    """`triggers`: words, gap and first digit, for hyperscan. `exact`: words and gap."""

    triggers: tuple[bytes, ...]
    exact: bytes


def words(*names: str) -> Words:
    """Compile names. Raises ValueError for one in a script that cannot be told."""
    latin = [name for name in names if name.isascii() or _is_latin(name)]
    other = [name for name in names if name not in latin]
    triggers, exact = [], []
    if latin:
        named, inner = _latin(latin)
        gap = rb"(?:[^A-Za-z0-9\x00][^0-9\x00]{0,%d})?[0-9]" % (_GAP_MAX - 1)
        triggers += [rb"(?i)(?:\b|_|\\[nrt])" + named + gap]
        exact += [b"(?i:" + _BEGIN + named + b")(?![A-Za-z])"]
        if inner:
            triggers += [rb"[a-z]" + inner + gap]
            exact += [rb"(?<=[a-z])" + inner + b"(?![a-z])"]
    if other:
        triggers.append(_any(map(_spelled_whole, other)) + rb"[^0-9\x00]{0,%d}[0-9]" % _GAP_MAX)
        exact.append(_any(map(_bounded, other)))
    return Words(tuple(triggers), _any(exact) + _TALK + b"{0,%d}?" % _GAP_MAX + _SIGNS + b"{0,12}")


def _any(forms: Iterable[bytes]) -> bytes:
    return b"(?:" + b"|".join(forms) + b")"


def _latin(names: list[str]) -> tuple[bytes, bytes]:
    """Names by themselves, and inside a name that is written `likeThis`."""
    begins = [name for name in names if name[0].isascii() and name[0].isalpha()]
    inner = [name[0].upper().encode() + b"(?i:" + _more(name, name[1:]) + b")" for name in begins]
    return _any(_more(name, name) for name in names), _any(inner) if inner else b""


def _more(name: str, part: str) -> bytes:
    """`part` of a name and what may follow its end."""
    if name.endswith("*"):
        return spelled(part[:-1]) + _LETTERS + _SUFFIX
    return spelled(part) + _SUFFIX


def _bounded(name: str) -> bytes:
    """A name of another script: not inside a word where words have bounds."""
    word = _spelled_whole(name)
    if _JOINED.search(name):
        return word
    begin = b"" if _ATTACHED.search(name) else b"(?<![" + _OTHER + b"])"
    return begin + word + (b"" if name.endswith("*") else b"(?![" + _OTHER + b"])")


def _spelled_whole(name: str) -> bytes:
    return spelled(name[:-1]) + _OTHERS if name.endswith("*") else spelled(name)


def spelled(name: str) -> bytes:
    """A name as a pattern over folded text; a Latin letter with an accent is `?` there."""
    if name.startswith("~"):
        return name[1:].encode()
    word = b"".join(map(_character, name))
    if not name.isascii() and not re.search(rb"[A-Za-z\x80-\xff]", word):
        raise ValueError(f"'{name}' cannot be told from other words")
    return word


def _character(char: str) -> bytes:
    if char == " ":
        return _SPACE
    if char == "'":
        return b"['?_]?"
    if char.isascii():
        return re.escape(char.encode()) + (b"?" if char == "." else b"")
    if not _is_latin(char):
        return _letter(char)
    base = _NO_BASE.get(char) or unicodedata.normalize("NFD", char)[0].encode("ascii", "ignore")
    return b"(?:" + re.escape(base) + rb"\??|\?)" if base else rb"\?"


def _letter(char: str) -> bytes:
    """Every way of writing a letter: capital or not, with its accent or without."""
    plain = unicodedata.normalize("NFD", char)[0]
    forms = {char, plain, *(_SIGMA if plain in _SIGMA else "")}
    folded = {fold(form) for one in forms for form in (one, one.upper(), one.lower())}
    known = {one for one in folded if len(one) == 1 and one != b"?"} or {b"?"}
    return b"[" + b"".join(map(re.escape, sorted(known))) + b"]"


def _is_latin(name: str) -> bool:
    return all(char < "\u0370" or "\u1e00" <= char < "\u1f00" or char in "°º№" for char in name)
