"""What stands around a signal and makes it weigh less: a quotation, a fence, talk about attacks.

Promises: looks at most LEFT characters back and RIGHT bytes of folded text on, never into another
text; a quotation or fence halves a weight, talk about attacks halves it, an order not to do it
quarters it. So a quoted attack can still be one at high sensitivity or in company.
"""
# ruff: noqa: RUF001

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator

LEFT = 60
RIGHT = 160

_QUOTES = "\"'“”„«»‘’`「」『』"
_OPENED = re.compile(rf"(?:^|[\s(\[:=,>|-])[bfrBFR]?[{_QUOTES}]+(?=\S|\Z)[^{_QUOTES}\n]{{0,56}}\Z")
_CLOSED = re.compile(rb"[^\"'`\n]{0,120}[\"'`]")
_QUOTED_LINE = re.compile(r"(?:^|\n)[ \t]{0,3}>[ \t][^\n]*\Z")
_NEGATED = re.compile(
    r"\b(?:never|not|don't|doesn't|won't|cannot|can't|refuse to|without|avoid|nor|no longer)"
    r"\s+(?!hesitate)(?:\w+\s+){0,2}\Z",
    re.IGNORECASE,
)

_TALK = (
    r"prompt[^a-z\x00]?injection", r"jailbreaks\b", r"jailbreak (?:techniques?|attempts?)",
    r"attack(?:s|ers?|er's)?\b", r"malicious", r"adversarial", r"red[ -]?team", r"classifier",
    r"detect(?:s|or|ion)\b", r"\bowasp\b", r"vulnerabilit", r"test[- ]?(?:cases?|suites?)",
    r"for example", r"examples? (?:of|is|are)\b", r"an example", r"phrases?\b", r"such as\b",
    r"tricked", r"\bmemes?\b", r"incident", r"asks? (?:you|it|the model) to", r"refused",
    r"declines?\b", r"must never", r"never (?:reveal|disclose)", r"robust", r"typical",
    r"angriff", r"attaques?\b", r"attacco", r"inyeccion", r"frases", r"\bregex",
    r"regular expression",
)  # fmt: skip
TALK = tuple(expression.encode() for expression in _TALK)
"""Words of people who speak about attacks, as hyperscan expressions over folded text."""


class Talk:
    """Where in a folded text those words are: `words`, their starts and ends."""

    __slots__ = ("_by_end", "_by_start", "_data")

    def __init__(self, data: bytes, words: list[tuple[int, int]]) -> None:
        self._data = data
        self._by_start = sorted(words)
        self._by_end = sorted((end, start) for start, end in words)

    def before(self, at: int) -> Iterator[int]:
        """Starts of the words in front of `at`, the nearest end first, of the same text."""
        begin = self._data.rfind(b"\x00", 0, at)
        index = bisect_right(self._by_end, (at, at))
        while index and self._by_end[index - 1][1] > begin:
            index -= 1
            yield self._by_end[index][1]

    def after(self, end: int) -> bool:
        """One follows within RIGHT bytes."""
        limit = end + RIGHT
        index = bisect_left(self._by_start, (end, 0))
        while index < len(self._by_start) and self._by_start[index][0] < limit:
            if self._by_start[index][1] <= limit:
                return self._data.find(b"\x00", end, self._by_start[index][0]) < 0
            index += 1
        return False


def before(text: str, start: int) -> str:
    """The characters before a signal, of its own text."""
    return text[max(0, start - LEFT) : start].rpartition("\x00")[2]


def after(data: bytes, end: int) -> bytes:
    return data[end : end + RIGHT].partition(b"\x00")[0]


def is_negated(left: str) -> bool:
    """`never ...`, `do not ...` directly in front."""
    return left[-1:].isspace() and bool(_NEGATED.search(left))


def is_quoted(left: str, right: bytes) -> bool:
    """In quotation marks, a code span, a quoted line or a fence, as far as can be seen."""
    if right.count(b"```") % 2 or left.count("```") % 2:
        return True
    if ">" in left and ("\n" in left or len(left) < LEFT) and _QUOTED_LINE.search(left):
        return True
    span = left.rfind("`")
    if span >= 0 and "\n" not in left[span:] and b"`" in right[:80]:
        return True
    return bool(_CLOSED.match(right) and _OPENED.search(left))
