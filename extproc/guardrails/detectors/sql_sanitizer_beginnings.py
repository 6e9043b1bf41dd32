"""Where SQL statements begin in any text, and how sure that is.

How sure a beginning is decides which ends count. SURE: keywords in capitals. OPEN: small letters
where a statement may begin (a line, a quote, after `;`). WEAK: anywhere else, and `Delete from`
as a sentence writes it; then only a `;` or the closing quote makes it one.
"""

from __future__ import annotations

import re
from enum import IntEnum

from extproc.guardrails.detectors.sql_sanitizer_words import SAYS_SQL


class Sure(IntEnum):
    WEAK = 0
    OPEN = 1
    SURE = 2


_BEFORE = re.compile(rb"(?:([A-Za-z_]{1,16})|([\"'`]))?[ \t]{0,16}\Z")
_OPENS = b"\x00\n\r;(=:>{,[|/\"'`\\)"


def beginning(data: bytes, at: int, word: str) -> tuple[Sure, bytes]:
    """How sure a beginning is, and the quote it stands in, both from the characters before it."""
    before = _BEFORE.search(data, max(0, at - 34), at)
    left = data[before.start() - 1 : before.start()] if before and before.start() else b""
    said = before[1].lower().decode() if before and before[1] else ""
    quote = before[2] if before and before[2] and before.end(2) > at - 3 else b""
    if quote and data.endswith(quote * 3, 0, before.end(2)):  # type: ignore[union-attr]
        quote *= 3
    written = data[at : at + len(word)]
    if written.isupper():
        return Sure.SURE, quote
    opens = bool(quote) or said in SAYS_SQL or (not said and (left == b"" or left in _OPENS))
    return (Sure.OPEN if opens and written.islower() else Sure.WEAK), quote
