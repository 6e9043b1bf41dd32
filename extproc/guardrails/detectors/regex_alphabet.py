"""Texts and expressions as one byte per character, so that byte offsets are character offsets.

Promises: each character is folded on its own, so a piece of a text reads as it does in the whole
text (P5); linear, and cheap where a text is ASCII or of one script.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterable

from extproc.guardrails.detectors.normalise import fold
from extproc.guardrails.detectors.pattern import one_byte_per_character
from extproc.guardrails.detectors.regex_tree import (
    OTHER,
    OTHER_SPACE,
    OTHER_WORD,
    WORD,
    Chars,
    PatternMistake,
    other_class,
)

_NAMED_MAX = 120
_KNOWN_MAX = 20_000
_PAGE_MAX = 128
_SPARSE, _DENSE = 32, 3
"""Where fewer bytes than one in this many are outside ASCII it pays to look each of them up."""
_NONE = "\ufffe"
_ASCII = bytes(range(128))
_ASCII_TEXT = _ASCII.decode("ascii")
_BYTES = {OTHER_WORD: 0xFD, OTHER_SPACE: 0xFE, OTHER: 0xFF}

Fold = Callable[[str], str]


def twin(char: str) -> str:
    """The ASCII twin of a typographic space, hyphen or full-width digit, else the character."""
    found = one_byte_per_character(char).decode("ascii")
    return char if found == "?" else found


def plain(char: str) -> str:
    """The character in lower case without its accent, where that is one character."""
    found = fold(char)
    return found if len(found) == 1 and "\x20" <= found < "\x7f" else char.lower()[:1]


def _fits_a_page(chars: str) -> bool:
    """Whether Python's codec has a fast table for them (cpython, `PyUnicode_BuildEncodingMap`)."""
    return len(chars) <= _PAGE_MAX and max(chars) < _NONE


class Alphabet(dict[int, str]):
    """One byte per character: ASCII as it is, a byte for each character outside ASCII that some
    expression names, three for all others by what they are. `folded` is applied to every character
    outside ASCII first, of texts and expressions alike.
    """

    def __init__(self, named: Iterable[str], folded: Fold = twin) -> None:
        super().__init__()
        self._fold = folded
        outside = sorted({folded(char) for char in named} - set(map(chr, range(128))))
        if len(outside) > _NAMED_MAX:
            raise PatternMistake(f"more than {_NAMED_MAX} characters outside ASCII are named")
        self._named = {char: 0x80 + index for index, char in enumerate(outside)}
        self.symbols = {**{chr(code): code for code in range(1, 128)}, **self._named, **_BYTES}
        self._members: dict[Chars, list[int]] = {}
        self._latin = bytes(ord(self[code]) for code in range(256))
        self.word = frozenset(code for sym, code in self.symbols.items() if Chars(WORD).has(sym))

    def __missing__(self, code: int) -> str:
        char = chr(code)
        if code >= 128:
            char = self._fold(char)
        if char > "\x7f":
            char = chr(self._named.get(char) or _BYTES[other_class(char)])
        if len(self) < _KNOWN_MAX:
            self[code] = char
        return char

    def encode(self, text: str) -> bytes:
        """The text, a byte for each character. Ways for ASCII, Latin-1, few and few different
        characters outside of it; all of them give the same.
        """
        if text.isascii():
            return text.encode("ascii")
        try:
            return text.encode("latin-1").translate(self._latin)
        except UnicodeEncodeError:
            pass
        letters = text.encode("utf-8", "surrogatepass").translate(None, _ASCII)
        page = "".join(set(letters.decode("utf-8", "surrogatepass")))
        if len(letters) * _SPARSE >= len(text) and _fits_a_page(page):
            return self._by_page(text, page)
        if len(letters) * _DENSE < len(text):
            return self._one_by_one(text)
        return text.translate(self).encode("latin-1")

    def _by_page(self, text: str, page: str) -> bytes:
        codes = codecs.charmap_build(_ASCII_TEXT + page.ljust(_PAGE_MAX, _NONE))
        folded = "".join(self[ord(char)] for char in page).encode("latin-1")
        paged, _ = codecs.charmap_encode(text, "strict", codes)
        return paged.translate(_ASCII + folded.ljust(_PAGE_MAX))

    def _one_by_one(self, text: str) -> bytes:
        data = bytearray(text, "ascii", "replace")
        at = data.find(b"?")
        while at >= 0:
            data[at] = ord(self[ord(text[at])])
            at = data.find(b"?", at + 1)
        return bytes(data)

    def members(self, chars: Chars) -> list[int]:
        """The bytes of a class, in order."""
        found = self._members.get(chars)
        if found is None:
            wanted = Chars(frozenset(map(self._folded, chars.some)), chars.but)
            found = sorted(code for symbol, code in self.symbols.items() if wanted.has(symbol))
            self._members[chars] = found
        return found

    def _folded(self, symbol: str) -> str:
        return self._fold(symbol) if len(symbol) == 1 and symbol > "\x7f" else symbol
