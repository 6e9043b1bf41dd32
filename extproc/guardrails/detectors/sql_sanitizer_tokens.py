"""Tokens of SQL, as many dialects write them, out of any text.

Promises: linear; a token never reaches past STATEMENT_MAX or a NUL; every token tells whether more
text could still change it. Knows: strings ('', E'', N'', $tag$), quoted names ("", ``, []),
comments (--, #, /* */; the /*!50000 ... */ of MySQL runs and is no comment), numbers, words and
placeholders.
"""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import NamedTuple

from extproc.guardrails.detectors.pattern import one_byte_per_character

STATEMENT_MAX = 4096
"""Characters of one statement that are read."""


class Kind(Enum):
    WORD = auto()
    NAME = auto()
    STRING = auto()
    NUMBER = auto()
    PLACEHOLDER = auto()
    COMMENT = auto()
    VERSION = auto()
    """`/*!50000` and its `*/`: what MySQL runs stands between."""
    SIGN = auto()
    CLOSING = auto()
    """The quote or code fence that closes what the whole statement stands in."""
    END = auto()


class Token(NamedTuple):
    """`word`: a word in lower case, or the sign. `broken`: a blank line stands before it; `line`:
    a line break does."""

    kind: Kind
    start: int
    end: int
    word: str = ""
    line: bool = False
    broken: bool = False


_TRIPLE = 3
_SPACE_MAX, _BACKTICK = 32, 96
_SPACE = re.compile(rb"[ \t\r\n\f\v]*+")
_TOKEN = re.compile(
    rb"(?P<VERSION>/\*!\d{0,6}|\*/)"
    rb"|(?P<COMMENT>--[^\n\x00]*+|#(?=[\s!-])[^\n\x00]*+|/\*)"
    rb"|(?P<STRING>(?:[EeNnBbXx]|[Uu]&)?'(?:[^'\\\x00]++|''|\\[^\x00])*+'?)"
    rb"|(?P<DOLLAR>\$(?:[A-Za-z_]\w{0,30})?\$)"
    rb"|(?P<WORD>[A-Za-z_][\w$]*+)"
    rb"|(?P<NUMBER>\d[\w.]*+)"
    rb'|(?P<NAME>"(?:[^"\x00]++|"")*+"?|`(?:[^`\x00]++|``)*+`?|\[[\w .$-]++\]?)'
    rb"|(?P<PLACEHOLDER>\?\d*|[:@$]\w++|%s|%\(\w++\)s|\{\{?[\w .]{1,60}\}?\}|\$\{[\w.]{1,60}\}"
    rb"|<[A-Za-z]\w{0,40}>)"
)
_KINDS = dict(Kind.__members__)
_CLOSES = re.compile(rb"[ \t]*+(?:[,}\])\n\r;+\x00]|\Z)")


class Tokens:
    """A reader from one place of a text on. `quote`: the quote that the statement stands in."""

    def __init__(self, data: bytes, at: int, quote: bytes, final: bool) -> None:
        self._data = data
        self._at = at
        self._quote = quote
        self._final = final
        limit = min(len(data), at + STATEMENT_MAX)
        nul = data.find(b"\x00", at, limit)
        self._limit = limit if nul < 0 else nul
        self.waits = False
        self.comments: list[tuple[int, int]] = []

    def next(self) -> Token:
        """The next token that is no comment; comments are collected."""
        line = broken = False
        while True:
            at = self._at
            if at < self._limit and self._data[at] <= _SPACE_MAX:
                breaks = self._data.count(b"\n", at, self._space())
                if breaks:
                    line, broken = True, broken or breaks > 1
            token = self._token(line, broken)
            self._at = token.end
            if not self._final and token.end == len(self._data):
                self.waits = True
            if token.kind is Kind.COMMENT:
                self.comments.append((token.start, token.end))
                line = line or self._data[token.start : token.start + 1] != b"/"
            elif token.kind is not Kind.VERSION:
                return token

    def _space(self) -> int:
        found = _SPACE.match(self._data, self._at, self._limit)
        self._at = found.end() if found else self._at
        return self._at

    def _token(self, line: bool, broken: bool) -> Token:
        data, at, limit = self._data, self._at, self._limit
        if at >= limit:
            return Token(Kind.END, at, at, "", line, broken)
        if (self._quote and self._closes_at(at)) or (
            data[at] == _BACKTICK and data.startswith(b"```", at)
        ):
            return Token(Kind.CLOSING, at, at, "", line, broken)
        found = _TOKEN.match(data, at, limit)
        if found is None:
            return Token(Kind.SIGN, at, at + 1, chr(data[at]).lower(), line, broken)
        kind, end = self._kind(found)
        word = str(data[at:end], "ascii").lower() if end - at < 40 else ""
        return Token(kind, at, end, word, line, broken)

    def _closes_at(self, at: int) -> bool:
        quote = self._quote
        return bool(quote) and self._data.startswith(quote, at) and self._is_closing(at)

    def _is_closing(self, at: int) -> bool:
        if len(self._quote) == _TRIPLE:
            return True
        found = _CLOSES.match(self._data, at + 1)
        if found is not None and found.end() == len(self._data) and not self._final:
            self.waits = True
        return found is not None

    def _kind(self, found: re.Match[bytes]) -> tuple[Kind, int]:
        match found.lastgroup:
            case "COMMENT":
                return Kind.COMMENT, self._comment_end(found)
            case "DOLLAR":
                close = self._data.find(found[0], found.end(), self._limit)
                return Kind.STRING, self._limit if close < 0 else close + len(found[0])
            case "STRING" if found[0][:1].isalpha() and self._closes_at(found.start() + 1):
                return Kind.WORD, found.start() + 1  # 'DROP TABLE b': the name b, no string b''
            case group:
                return _KINDS[str(group)], found.end()

    def _comment_end(self, found: re.Match[bytes]) -> int:
        if not found[0].startswith(b"/"):
            return self._line_comment_end(found)
        close = self._data.find(b"*/", found.end(), self._limit)
        return self._limit if close < 0 else close + 2

    def _line_comment_end(self, found: re.Match[bytes]) -> int:
        """A comment to the end of the line ends where the statement's own quote closes."""
        at = self._data.find(self._quote, found.start(), found.end()) if self._quote else -1
        return found.end() if at < 0 or not self._is_closing(at) else at


def without_comments(statement: str) -> str:
    """A statement with a space for each comment, on one line; '' where that is not safe.

    What stands in its place may have to stand inside JSON text: so not with a quote or backslash
    that would have to be escaped there, nor with a line break inside a string.
    """
    data = one_byte_per_character(statement)
    tokens = Tokens(data, 0, b"", True)
    kept = []
    while (token := tokens.next()).kind is not Kind.END:
        kept.append((token.start, token.end))
    if not kept or token.start < len(data) or "/*!" in statement:
        return ""
    written, last = "", 0
    for start, end in kept:
        written += (" " if start > last else "") + statement[start:end]
        last = end
    return "" if any(c in '"\\' or not c.isprintable() for c in written) else written
