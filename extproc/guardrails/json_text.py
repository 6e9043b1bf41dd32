"""Text that is itself JSON (tool arguments): read through its escapes, never broken.

Promises: a detector sees `\\n` and `\\u0040` as the characters they stand for; a replacement never
cuts an escape in two, never eats a quote, and stands in quotes where no string is open (a bare card
number). Works on any prefix, so streamed arguments behave like whole ones (P5).
Refuses (None): a finding that cannot be replaced without touching the structure.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from dataclasses import dataclass

_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_UNFINISHED = re.compile(r"u[0-9a-fA-F]{0,3}\Z")
_BARE = re.compile(r'[^\s"{}\[\]:,]+')
_CHARS = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}


@dataclass(frozen=True, slots=True)
class View:
    """`text`: the raw text with escapes resolved. `raw_end`: how much of the raw text it covers."""

    text: str
    raw_end: int
    points: tuple[tuple[int, int], ...] = ((0, 0),)

    def raw(self, offset: int) -> int:
        """Offset in the raw text of a character offset in `text`."""
        if len(self.points) == 1:
            return offset
        at, raw_at = self.points[bisect_right(self.points, (offset, 1 << 62)) - 1]
        return raw_at + offset - at


def read(raw: str, final: bool = True) -> View:
    """Resolve the escapes; leave an unfinished one at the end out unless `final`."""
    if "\\" not in raw:
        return View(raw, len(raw))
    parts: list[str] = []
    points = [(0, 0)]
    position = length = 0
    for escape in _ESCAPE.finditer(raw):
        if not final and escape[2] == "u" and _UNFINISHED.match(raw, escape.end() - 1):
            return _view(parts, raw[position : escape.start()], points, escape.start())
        parts += (raw[position : escape.start()], _character(escape))
        length += escape.start() - position + 1
        position = escape.end()
        points.append((length, position))
    end = len(raw) - 1 if not final and raw.endswith("\\", position) else len(raw)
    return _view(parts, raw[position:end], points, end)


def _view(parts: list[str], rest: str, points: list[tuple[int, int]], end: int) -> View:
    return View("".join((*parts, rest)), end, tuple(points))


def _character(escape: re.Match[str]) -> str:
    if escape[1] is None:
        return _CHARS.get(escape[2], escape[2])
    code = int(escape[1], 16)
    return "\ufffd" if 0xD800 <= code < 0xE000 else chr(code)


class Place:
    """Where in a JSON text a reader stands: inside a string or not, and after which character."""

    __slots__ = ("_in_string", "_last")

    def __init__(self) -> None:
        self._in_string = False
        self._last = ""

    def advance(self, raw: str) -> None:
        """Go over `raw`, which must not end inside an escape."""
        if raw:
            self._in_string ^= _ESCAPE.sub("", raw).count('"') % 2 == 1
            self._last = raw[-1]

    def fit(self, found: str, after: str, replacement: str) -> str | None:
        """The replacement for `found`, which begins here and is followed by `after`."""
        if self._in_string:
            return None if '"' in _ESCAPE.sub("", found) else _inside_string(replacement)
        alone = self._last in ("", *" \t\r\n:,[") and after in ("", *" \t\r\n,]}")
        return f'"{_inside_string(replacement)}"' if alone and _BARE.fullmatch(found) else None


def _inside_string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]
