"""Text as a reader would take it: one spelling for the many ways to disguise the same letters.

Promises: `View.data` is UTF-8 with compatibility forms, accents and look-alike letters of other
scripts folded to plain ones, invisible characters gone, character escapes (`%20`, `&#105;`,
`\\u0069`, `\\x69`) read, two layers deep. Every byte of it knows its characters in the text. Each
character is folded on its own, so a piece of a text folds as it does in the whole text (P5); only a
run of INVISIBLE_RUN invisible characters is special: it separates words.
Refuses: to remember more than a bounded number of folded characters.
"""
# ruff: noqa: RUF001

from __future__ import annotations

import codecs
import re
from bisect import bisect_right
from collections.abc import Callable, Mapping
from functools import lru_cache
from itertools import accumulate
from unicodedata import category, normalize

GONE = "\x01"
"""What an invisible character folds to, before all of them are taken out."""
INVISIBLE_RUN = 32
ESCAPE_LAYERS = 2

_FOLDS_MAX = 20_000
_REPLACED_MAX = 24
_PAGE = 128
_NEAR_END = 512
_ASCII = bytes(range(128))
_GONE_RUN = re.compile(f"{GONE}{{{INVISIBLE_RUN}}}")
_CONTROLS = bytes(code for code in (*range(1, 9), 11, 12, *range(14, 32), 127))
_CONTINUING = bytes(range(0x80, 0xC0))
_UNDEFINED = "\ufffe"
_FILLERS = "\u115f\u1160\u3164\uffa0\u034f\u180e"

# Unicode Technical Standard 39 (confusables), the part that looks like a-z in common fonts.
_LOOK_ALIKES = {
    "a": "аɑαΑᴀꓮ", "b": "вьβΒʙᏏꓐ", "c": "сϲᴄⅽꓚ", "d": "ԁɗᴅꓓ", "e": "еєεΕəɛᴇℯꓰ", "f": "ꜰƒꓝ",
    "g": "ɡɢցꓖ", "h": "нһΗհʜꓧ", "i": "іιΙıɩɪℹӏ", "j": "јϳᴊꓙ", "k": "кκΚᴋꓗ", "l": "ʟӀꓡ",
    "m": "мΜᴍꓟ", "n": "ηΝոɴꓠ", "o": "оοΟօᴏσꓳ", "p": "рρΡᴘꓑ", "q": "ԛϙ", "r": "гʀꓣ", "s": "ѕꜱꓢ",
    "t": "тτΤᴛꓔ", "u": "υսᴜʋꓴ", "v": "νѵᴠꓦ", "w": "ѡωԝᴡꓪ", "x": "хχΧꓫ", "y": "уγΥүʏꓬ", "z": "Ζᴢꓜ",
}  # fmt: skip
_LETTERS = {look: letter for letter, looks in _LOOK_ALIKES.items() for look in looks} | {
    "ø": "o", "ł": "l", "đ": "d", "ħ": "h", "ŧ": "t", "æ": "ae", "œ": "oe", "þ": "th", "ð": "d",
}  # fmt: skip
_SQUARED = {
    chr(first + offset): chr(ord("a") + offset)
    for first in (0x1F150, 0x1F170, 0x1F1E6)
    for offset in range(26)
}
_MARKS = {
    **dict.fromkeys("“”„‟«»‹›「」『』〝〞", '"'), **dict.fromkeys("‘’‚‛`´", "'"),
    **dict.fromkeys("‐‑‒–—―−", "-"), **dict.fromkeys("。｡", "."), **dict.fromkeys("、，", ","),
    "।": ".", "？": "?", "؟": "?", "¿": " ", "¡": " ",
}  # fmt: skip


def is_invisible(char: str) -> bool:
    """Takes no room: zero-width, bidirectional, variation and tag characters, combining marks."""
    return category(char) in ("Cf", "Mn", "Me", "Cs") or char in _FILLERS


@lru_cache(_FOLDS_MAX)
def fold(char: str) -> str:
    """One character, folded: lower-case and plain, or GONE."""
    if char.isascii():
        return GONE if ord(char) in _CONTROLS else char
    known = _LETTERS.get(char) or _SQUARED.get(char) or _MARKS.get(char)
    if known is not None:
        return known
    if is_invisible(char):
        return GONE
    if "\uac00" <= char <= "\ud7a3":  # a Hangul syllable stays whole
        return char
    plain = normalize("NFKD", normalize("NFKD", char).casefold())
    return "".join(map(_part, plain)) or GONE


def _part(char: str) -> str:
    if is_invisible(char):
        return ""
    known = _LETTERS.get(char) or _MARKS.get(char)
    if known is not None:
        return known
    if char.isascii():
        return char if char != "\x00" else " "
    return char if category(char)[0] in "LMN" else " "


_PLAIN = "".join(fold(chr(code)) for code in range(128))
_folds: dict[int, str | int] = {code: ord(char) for code, char in enumerate(_PLAIN)}
"""What `str.translate` reads; remembers the first characters it meets."""


def _table(folds: Mapping[str, str]) -> dict[int, str | int]:
    """Folds of ASCII and of `folds`; single characters as numbers, which translate faster."""
    numbers = {ord(c): ord(folded) if len(folded) == 1 else folded for c, folded in folds.items()}
    if len(_folds) + len(numbers) > _FOLDS_MAX:
        return _folds | numbers
    _folds.update(numbers)
    return _folds


_H = "[0-9A-Fa-f]"
_ESCAPES = (
    rf"%(?:[0-7]{_H}|[CcDd]{_H}%[89ABab]{_H}|[Ee]{_H}(?:%[89ABab]{_H}){{2}}"
    rf"|[Ff][0-4](?:%[89ABab]{_H}){{3}})",
    rf"&(?:#[0-9]{{1,6}}|#[Xx]{_H}{{1,5}}|amp|lt|gt|quot|apos|nbsp);",
    rf"\\(?:u{_H}{{4}}|x{_H}{{2}})",
)
_ESCAPE = re.compile("|".join(_ESCAPES))
_SIGNS = tuple(zip("%&\\", map(re.compile, _ESCAPES), strict=True))
"""By their first letters: looking for one letter is cheap."""
_NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'", "nbsp": " "}


def _read_escape(found: str) -> str:
    if found[0] == "%":
        char = bytes.fromhex(found.replace("%", "")).decode("utf-8", "replace")[0]
    elif found[0] == "\\":
        char = chr(int(found[2:], 16))
    elif found[1] != "#":
        char = _NAMED[found[1:-1]]
    else:
        code = int(found[3:-1], 16) if found[2] in "xX" else int(found[2:-1])
        char = chr(code) if code < 0x110000 else " "
    return " " if char == "\x00" else char


class _Escapes:
    """One layer of escapes, read; `place` and `end` lead back."""

    def __init__(self, text: str) -> None:
        parts: list[str] = []
        self._outs: list[int] = []
        self._ins: list[tuple[int, int]] = []
        done = size = 0
        for found in _ESCAPE.finditer(text):
            start, end = found.span()
            size += start - done
            parts += (text[done:start], _read_escape(found[0]))
            self._outs.append(size)
            self._ins.append((start, end))
            done, size = end, size + 1
        parts.append(text[done:])
        self.text = "".join(parts)

    def span(self, at: int) -> tuple[int, int]:
        """Where the character `at` came from."""
        index = bisect_right(self._outs, at) - 1
        if index < 0:
            return at, at + 1
        if at == self._outs[index]:
            return self._ins[index]
        start = self._ins[index][1] + at - self._outs[index] - 1
        return start, start + 1


def _holds_escapes(text: str) -> bool:
    return any(first in text and sign.search(text) for first, sign in _SIGNS)


class View:
    """`data`: the text, folded. `plain`: every byte of it is the character at its own offset."""

    __slots__ = ("_layers", "_single", "_starts", "_text", "data", "invisible", "plain")

    def __init__(self, text: str) -> None:
        self._layers: list[_Escapes] = []
        self._starts: list[int] | None = None
        while len(self._layers) < ESCAPE_LAYERS and _holds_escapes(text):
            self._layers.append(_Escapes(text))
            text = self._layers[-1].text
        self._text = text
        self.data = b""
        self.invisible = False
        self._single = self.plain = text.isascii()
        if self.plain:
            self.data = text.encode("ascii")
            self.plain = len(self.data.translate(None, _CONTROLS)) == len(self.data)
        if not self.plain:
            self._fold()
        self.plain &= not self._layers

    def _fold(self) -> None:
        raw = self._text.encode("utf-8", "surrogatepass")
        foreign = set(raw.translate(None, _ASCII).decode("utf-8", "surrogatepass"))
        folds = {char: fold(char) for char in foreign}
        controls = len(raw.translate(None, _CONTROLS)) != len(raw)
        self.invisible = controls or GONE in folds.values()
        self._single = not self.invisible and all(len(folded) == 1 for folded in folds.values())
        folded = None if controls else _replaced(self._text, folds)
        folded = _recoded(self._text, folds) if folded is None else folded
        folded = self._text.translate(_table(folds)) if folded is None else folded
        self.data = _compact(folded).encode("utf-8", "replace")

    def start(self, at: int) -> int:
        """The first character behind the byte `at`; the text's length behind the last byte."""
        return at if self.plain else self._span(at)[0]

    def end(self, at: int) -> int:
        """Behind the last character of `data[:at]`."""
        if self.plain or at <= 0:
            return at
        return self._span(at - 1)[1]

    def _span(self, at: int) -> tuple[int, int]:
        if not self._text.isascii() or len(self.data) != len(self._text):
            at = self._character(at)
        start, end = at, at + 1
        for layer in reversed(self._layers):
            start, end = layer.span(start)[0], layer.span(end - 1)[1]
        return start, end

    def _character(self, at: int) -> int:
        """Which character the byte `at` comes from."""
        if self._single:
            return len(self.data[: at + 1].translate(None, _CONTINUING)) - (at < len(self.data))
        if not self.invisible and len(self.data) - at <= _NEAR_END:
            return self._from_end(at)
        if self._starts is None:
            self._starts = _byte_starts(self._text)
        return max(0, bisect_right(self._starts, at) - 1)

    def _from_end(self, at: int) -> int:
        place, index = len(self.data), len(self._text)
        while place > at:
            index -= 1
            place -= len(fold(self._text[index]).encode())
        return index


def _replaced(text: str, folds: Mapping[str, str]) -> str | None:
    """Few foreign characters, replaced one by one; None if that is not possible."""
    changed = {char: folded for char, folded in folds.items() if char != folded}
    made = set("".join(changed.values()))
    if len(changed) > _REPLACED_MAX or not made.isdisjoint(changed):
        return None
    for char, folded in changed.items():
        text = text.replace(char, folded)
    return text


def _recoded(text: str, folds: Mapping[str, str]) -> str | None:
    """One alphabet: as bytes of a made-up code page and back; None if that is not possible."""
    if len(folds) > _PAGE or any(len(folded) != 1 for folded in folds.values()):
        return None
    rest = _UNDEFINED * (_PAGE - len(folds))
    page = codecs.charmap_build(_ASCII.decode() + "".join(folds) + rest)
    raw = codecs.charmap_encode(text, "strict", page)[0]
    return codecs.charmap_decode(raw, "strict", _PLAIN + "".join(folds.values()) + rest)[0]


def _compact(folded: str) -> str:
    if GONE not in folded:
        return folded
    return _GONE_RUN.sub(" ", folded).replace(GONE, "")


def _byte_starts(text: str) -> list[int]:
    """The byte at which each character of `text` begins once folded, and the end."""
    widths: list[int] = []
    gone = 0  # invisible characters in a row
    for char in text:
        folded = fold(char)
        if folded == GONE:
            gone += 1
            widths.append(0)
            if gone == INVISIBLE_RUN:
                widths[-gone] = 1
                gone = 0
            continue
        gone = 0
        widths.append(len(folded.encode("utf-8", "replace")))
    return list(accumulate(widths, initial=0))


def normalise(text: str) -> View:
    """Fold a text. Linear; texts of plain ASCII cost almost nothing."""
    return View(text)


def letters_disguised(text: str) -> int:
    """How many letters of `text` are no Latin letters but fold to one, or hide among them."""
    hidden: Callable[[str], bool] = lambda char: (  # noqa: E731
        not char.isascii()
        and ((is_invisible(char) and category(char) != "Mn") or _is_look_alike(char))
    )
    return sum(map(hidden, text))


_EUROPEAN = ("æ", "œ", "ø", "ł", "đ", "ħ", "ŧ", "þ", "ð", "ss", "ı")


def _is_look_alike(char: str) -> bool:
    folded = fold(char)
    if not folded.isascii() or not folded.isalpha():
        return False
    return normalize("NFD", char)[0].casefold() != folded and char.casefold() not in _EUROPEAN
