"""A mistake in a configuration: where it stands and what to do about it, in one plain sentence.

Promises: `str(mistake)` is `file:line: message` (P7). Refuses: values. A message may quote names
and closed choices, never what stands where a secret could stand (P4).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

CANDIDATES_MAX = 200


@dataclass(frozen=True, slots=True)
class Mistake:
    """`file` as the operator named it; `line` counts from 1."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?` for the nearest known word, or '' when none is near.

    Only words of similar length are compared, at most CANDIDATES_MAX of them: difflib is quadratic
    and a configuration may hold thousands of names and as many mistakes.
    """
    near = [k for k in known if abs(len(k) - len(word)) <= 4]
    if len(near) > CANDIDATES_MAX:
        near = [k for k in near if k[:2] == word[:2]][:CANDIDATES_MAX]
    found = difflib.get_close_matches(word, near, n=1, cutoff=0.7)
    return f"; did you mean '{found[0]}'?" if found else ""


def one_of(words: Iterable[str]) -> str:
    """`a, b or c`."""
    *head, last = words
    return f"{', '.join(head)} or {last}" if head else last
