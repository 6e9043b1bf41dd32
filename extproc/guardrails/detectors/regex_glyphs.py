"""A text outside Latin-1, taken apart once for all alphabets that it is written in.

Promises: linear in the text; the last text alone is kept, up to KEPT_CHARS_MAX, until another one
is read (P4). Few characters outside ASCII are kept as places; else the text is kept as the bytes of
its code points, so that a page of 256 characters is written by one `bytes.translate`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

KEPT_CHARS_MAX = 1 << 18
PAGES_MAX = 40
"""Pages of a text beside LETTERS_ONLY; with more it is cheaper to look at each character."""
LETTERS_ONLY = frozenset(
    (*range(0x34, 0x4D), *range(0x4E, 0x9F), *range(0xAC, 0xD7), *range(0x200, 0x2A6))
)
"""Pages of ideographs and Hangul (Unicode, Blocks.txt): letters that fold to themselves."""

_SPARSE = 32
_EVERY = bytes(range(256))


class Written(Protocol):
    """What characters become."""

    def __getitem__(self, code: int, /) -> str:
        """One character below U+0100 for a code point."""
        ...

    def page(self, number: int) -> bytes:
        """What the 256 characters from `number << 8` on become; one byte if all the same."""
        ...


class Glyphs:
    """One text. `write` gives a byte for each of its characters."""

    __slots__ = ("_done", "_places", "_planes", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._done: dict[int, tuple[Written, bytes]] = {}
        base = text.encode("ascii", "replace")
        sparse = base.count(b"?") * _SPARSE < len(text)
        self._places = _Places(text, base) if sparse else None
        self._planes = [] if sparse else list(_planes(text))

    def write(self, written: Written) -> bytes:
        known = self._done.get(id(written))
        if known is None:
            known = self._done[id(written)] = written, self._write(written)
        return known[1]

    def _write(self, written: Written) -> bytes:
        if self._places is not None:
            return self._places.write(written)
        total = 0
        for plane in self._planes:
            part = plane.write(written)
            if part is None:
                return self.text.translate(written).encode("latin-1")
            total |= part
        return total.to_bytes(len(self.text), "little")


class _Places:
    """A text of ASCII but for some places."""

    __slots__ = ("_base", "_found")

    def __init__(self, text: str, base: bytes) -> None:
        self._base = base
        self._found: list[tuple[int, int]] = []
        at = base.find(b"?")
        while at >= 0:
            if text[at] != "?":
                self._found.append((at, ord(text[at])))
            at = base.find(b"?", at + 1)

    def write(self, written: Written) -> bytes:
        data = bytearray(self._base)
        for at, code in self._found:
            data[at] = ord(written[code])
        return bytes(data)


class _Plane:
    """The characters of one plane; `within`: ones for their bytes, None for the whole text."""

    __slots__ = ("_high", "_low", "_masks", "_pages", "_within")

    def __init__(self, number: int, low: bytes, high: bytes, within: int | None) -> None:
        self._pages = [number << 8 | page for page in _different(high)]
        self._low = low
        self._high = high
        self._within = within
        self._masks: dict[int, int] = {}

    def write(self, written: Written) -> int | None:
        """As one long number, zero for other planes; None if that takes too many pages."""
        if len(self._pages) > PAGES_MAX + len(LETTERS_ONLY.intersection(self._pages)):
            return None
        flat, mixed = bytearray(256), []
        for number in self._pages:
            table = written.page(number)
            if len(table) == 1:
                flat[number & 0xFF] = table[0]
            else:
                mixed.append((number & 0xFF, table))
        total = self._only(self._high.translate(flat)) if any(flat) else 0
        for page, table in mixed:
            total |= _number(self._low.translate(table)) & self._mask(page)
        return total

    def _mask(self, page: int) -> int:
        found = self._masks.get(page)
        if found is None:
            table = bytes(page) + b"\xff" + bytes(255 - page)
            found = self._masks[page] = self._only(self._high.translate(table))
        return found

    def _only(self, data: bytes) -> int:
        return _number(data) if self._within is None else _number(data) & self._within


def _planes(text: str) -> Iterator[_Plane]:
    wide = text.encode("utf-16-le", "surrogatepass")
    if len(wide) == 2 * len(text):
        yield _Plane(0, wide[::2], wide[1::2], None)
        return
    wide = text.encode("utf-32-le", "surrogatepass")
    low, high, plane = wide[::4], wide[1::4], wide[2::4]
    for number in _different(plane):
        table = bytes(number) + b"\xff" + bytes(255 - number)
        within = _number(plane.translate(table))
        own = (_number(high) & within).to_bytes(len(high), "little")
        yield _Plane(number, low, own, within)


def _different(data: bytes) -> bytes:
    """The bytes that occur, each once."""
    return _EVERY.translate(None, _EVERY.translate(None, data))


def _number(data: bytes) -> int:
    return int.from_bytes(data, "little")


class _Last:
    """The text that was read last."""

    __slots__ = ("glyphs",)

    def __init__(self) -> None:
        self.glyphs: Glyphs | None = None


_last = _Last()


def glyphs(text: str) -> Glyphs:
    """The text taken apart; the same object is taken apart once."""
    found = _last.glyphs
    if found is None or found.text is not text:
        _last.glyphs = None
        found = Glyphs(text)
        if len(text) <= KEPT_CHARS_MAX:
            _last.glyphs = found
    return found


def forget() -> None:
    """Another text is read, which need not be taken apart."""
    _last.glyphs = None
