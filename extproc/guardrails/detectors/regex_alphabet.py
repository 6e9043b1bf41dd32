"""Texts and expressions as one byte per character, so that byte offsets are character offsets.

Promises: each character is folded on its own, so a piece of a text reads as it does in the whole
text (P5); linear, and cheap where a text is ASCII or of one script.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache

from extproc.guardrails.detectors.normalise import fold
from extproc.guardrails.detectors.pattern import one_byte_per_character
from extproc.guardrails.detectors.regex_glyphs import LETTERS_ONLY, forget, glyphs
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
_BYTES = {OTHER_WORD: 0xFD, OTHER_SPACE: 0xFE, OTHER: 0xFF}
_BYTES_OF_LETTERS = bytes((_BYTES[OTHER_WORD],))


Fold = Callable[[str], str]


def twin(char: str) -> str:
    """The ASCII twin of a typographic space, hyphen or full-width digit, else the character."""
    found = one_byte_per_character(char).decode("ascii")
    return char if found == "?" else found


def plain(char: str) -> str:
    """The character in lower case without its accent, where that is one character."""
    found = fold(char)
    return found if len(found) == 1 and "\x20" <= found < "\x7f" else char.lower()[:1]


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
        self._pages: dict[int, bytes] = {}
        self._named_pages = {ord(char) >> 8 for char in outside}
        self._latin = bytes(ord(self[code]) for code in range(256))
        self.word = frozenset(code for sym, code in self.symbols.items() if Chars(WORD).has(sym))

    def __missing__(self, code: int) -> str:
        char = self._written(code)
        if len(self) < _KNOWN_MAX:
            self[code] = char
        return char

    def _written(self, code: int) -> str:
        char = chr(code)
        if code >= 128:
            char = self._fold(char)
        if char > "\x7f":
            char = chr(self._named.get(char) or _BYTES[other_class(char)])
        return char

    def encode(self, text: str) -> bytes:
        """The text, a byte for each character. Ways for ASCII, Latin-1 and everything else; all
        of them give the same.
        """
        if text.isascii():
            forget()
            return text.encode("ascii")
        try:
            latin = text.encode("latin-1")
        except UnicodeEncodeError:
            return glyphs(text).write(self)
        forget()
        return latin.translate(self._latin)

    def page(self, number: int) -> bytes:
        """The bytes of the 256 characters from `number << 8` on; one if all of them are equal."""
        found = self._pages.get(number)
        if found is None:
            found = self._pages[number] = self._made(number)
        return found

    def _made(self, number: int) -> bytes:
        if number in LETTERS_ONLY and number not in self._named_pages:
            return _BYTES_OF_LETTERS
        first = number << 8
        written = bytes(ord(self._written(code)) for code in range(first, first + 256))
        return written[:1] if written.count(written[:1]) == 256 else written

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


@lru_cache(maxsize=64)
def shared_alphabet(named: frozenset[str], folded: Fold) -> Alphabet:
    """Equal alphabets are one, so that a text is written once for all that read it."""
    return Alphabet(named, folded)
