"""Where SQL statements begin in any text, and how sure that is.

How sure a beginning is decides which ends count. SURE: keywords in capitals. OPEN: small letters
where a statement may begin (a line, a quote, after `;`). WEAK: anywhere else, and `Delete from`
as a sentence writes it; then only a `;` or the closing quote makes it one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import IntEnum

from extproc.guardrails.detectors.sql_sanitizer_words import SAYS_SQL


class Sure(IntEnum):
    WEAK = 0
    OPEN = 1
    SURE = 2


_BEFORE = re.compile(rb"(?:([A-Za-z_]{1,16})|([\"'`]))?[ \t]{0,16}\Z")
_OPENS = b"\x00\n\r;(=:>{,[|/\"'`\\)"


def _before(data: bytes, at: int) -> tuple[str, bytes, int]:
    """The word or else the quote in front of a place, and where it, or what follows it, begins."""
    last = data[at - 1 : at]
    if last in (b'"', b"'", b"`"):
        return "", last, at - 1
    if not (last.isalnum() or last in (b"_", b" ", b"\t")):
        return "", b"", at
    found = _BEFORE.search(data, max(0, at - 34), at)
    if found is None:
        return "", b"", 0
    near = found[2] and found.end(2) > at - 3
    said = found[1].lower().decode() if found[1] else ""
    return said, found[2] if near else b"", found.start()


def beginning(data: bytes, at: int, word: str) -> tuple[Sure, bytes]:
    """How sure a beginning is, and the quote it stands in, both from the characters before it."""
    said, quote, begin = _before(data, at)
    left = data[begin - 1 : begin] if begin else b""
    if quote and data.endswith(quote * 3, 0, begin + 1):
        quote *= 3
    written = data[at : at + len(word)]
    if written.isupper():
        return Sure.SURE, quote
    opens = bool(quote) or said in SAYS_SQL or (not said and (left == b"" or left in _OPENS))
    return (Sure.OPEN if opens and written.islower() else Sure.WEAK), quote


_LOOKED_AT = 512
# `(?>(?:...)*)`, not `(?:...)*+`: before Python 3.11.5 that passes over `--` (CPython gh-106052).
_NO_COMMENT = rb"(?>(?:[^\"'`$#;\x00/-]++|'[^'\\\x00%s]*+'|%s-(?!-)|/(?!\*))*)"
_STRINGS = rb"\"[^\"\\\x00]*+\"|"
_PLAIN_ENDS: Mapping[bytes, re.Pattern[bytes]] = {
    b"": re.compile(_NO_COMMENT % (b"", _STRINGS) + rb"[;\x00]"),
    b'"': re.compile(_NO_COMMENT % (b'"', b"") + rb"(?:[;\x00]|\"[ \t]*+[,}\])\n\r;+\x00])"),
    b'"""': re.compile(_NO_COMMENT % (b'"', b"") + rb'(?:[;\x00]|""")'),
}
"""By the quote that a statement stands in: simple SQL up to where any reader of it stops."""


def ends_without_comment(data: bytes, at: int, word: str) -> bool:
    """Whether a complete statement surely has no comment; a quick look at SQL that is simple."""
    ends = _PLAIN_ENDS.get(beginning(data, at, word)[1])
    window = data[at : at + _LOOKED_AT] + b";" * (at + _LOOKED_AT >= len(data))
    return ends is not None and ends.match(window) is not None
