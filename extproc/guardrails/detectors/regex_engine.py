"""Many bounded expressions over one text: where each begins, how long it is, what is still open.

Promises: linear in the text; exact for every split of it. Automata are made of the same trees: one
over the text finds ends (mostly there are none); one, backwards from the ends, every place where
something begins; one for each expression its longest end from such a place. From the text's end
backwards their beginnings tell from where on text to come could finish one.
No expression reads over a NUL, which is what texts are joined with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import hyperscan

from extproc.guardrails.detectors import automata
from extproc.guardrails.detectors.regex_alphabet import Alphabet, Fold, shared_alphabet, twin
from extproc.guardrails.detectors.regex_automata import (
    anywhere,
    backwards,
    ends,
    opening,
)
from extproc.guardrails.detectors.regex_tree import (
    Branch,
    Chars,
    Check,
    Edge,
    Look,
    PatternMistake,
    nodes,
    width,
)

_REPORTS_MAX = 16
"""More than these many ends in a text, and it is read backwards whole instead of around them."""

Test = Callable[[int, int], bool]


class Match(NamedTuple):
    start: int
    end: int
    rank: int


def _test(check: Check, alphabet: Alphabet) -> Test:
    """A check as a function of the bytes left and right of a place; 0 is the edge of a text."""
    word = alphabet.word
    match check:
        case Edge(inside):
            return lambda left, right: ((left in word) != (right in word)) != inside
        case Look(chars, behind):
            codes = frozenset(alphabet.members(chars)) | ({0} if chars.but else set())
            if behind:
                return lambda left, _right: left in codes
            return lambda _left, right: right in codes


def _holds(tests: tuple[Test, ...], data: bytes, at: int) -> bool:
    if not tests:
        return True
    left = data[at - 1] if at else 0
    right = data[at] if at < len(data) else 0
    return all(test(left, right) for test in tests)


class _Expression:
    """One branch: its rank, checks and width, and the automaton of its ends."""

    __slots__ = ("_ends", "_extra", "after", "before", "rank", "width")

    def __init__(self, branch: Branch, rank: int, alphabet: Alphabet) -> None:
        self.rank = rank
        self.width = width(branch.core)[1]
        self.before = tuple(_test(check, alphabet) for check in branch.before)
        self.after = tuple(_test(check, alphabet) for check in branch.after)
        written = ends(branch, alphabet)
        self._ends = compiled([expression for expression, _ in written])
        self._extra = [extra for _, extra in written]

    def end(self, data: bytes, at: int) -> int:
        """The longest end of a match at this place; 0 for none."""
        found: list[tuple[int, int]] = []
        stop = at + self.width + 1
        if at and stop <= len(data):
            window = data[at - 1 : stop]
        else:
            window = (data[at - 1 : at] or b"\x00") + data[at:stop] + b"\x00"
        self._ends.scan(window, _on_report, context=found)
        if not self.after:
            return max((at + end - 1 - self._extra[i] for end, i in found), default=0)
        places = (at + end - 1 for end, _ in found)
        return max((end for end in places if _holds(self.after, data, end)), default=0)


class Expressions:
    """Compiled branches. Not for use by two threads at once (hyperscan scratch space).

    `ranked`: (branch, rank); the rank comes back with a match. Raises PatternMistake when hyperscan
    cannot run one. `longest`: the most characters any of them matches.
    """

    def __init__(self, ranked: Sequence[tuple[Branch, int]], folded: Fold = twin) -> None:
        branches = [branch for branch, _ in ranked]
        alphabet = self.alphabet = shared_alphabet(frozenset(_named(branches)), folded)
        self._table = [_Expression(branch, rank, alphabet) for branch, rank in ranked]
        self.longest = max(one.width for one in self._table)
        self._anywhere = compiled([anywhere(branch, alphabet) for branch in branches])
        self._starts = compiled([backwards(branch, alphabet) for branch in branches])
        self._open = compiled([opening(branch, alphabet) for branch in branches])

    def starts(self, data: bytes, start: int) -> list[tuple[int, list[int]]]:
        """Places from `start` on where something may begin, in order, and which expressions."""
        found: list[tuple[int, int]] = []
        try:
            if data:
                self._anywhere.scan(data, _on_few_reports, context=found)
        except hyperscan.ScanTerminated:
            return self._before(data, 0, len(data), start)
        if not found:
            return []
        windows = sorted((end - self._table[index].width - 1, end + 1) for end, index in found)
        places: list[tuple[int, list[int]]] = []
        low, high = windows[0]
        for begin, end in windows:
            if begin > high:
                places += self._before(data, low, high, start)
                low, high = begin, end
            high = max(high, end)
        return places + self._before(data, low, high, start)

    def _before(self, data: bytes, low: int, high: int, start: int) -> list[tuple[int, list[int]]]:
        """Where something begins whose end is in this part of the text, by reading it backwards."""
        found: list[tuple[int, int]] = []
        self._starts.scan(data[max(0, low) : high][::-1], _on_report, context=found)
        return self._places(data, min(high, len(data)), found, start)

    def matches(self, data: bytes, at: int, which: Sequence[int]) -> list[Match]:
        """The longest match at this place of every rank that has one, by rank."""
        if len(which) == 1:
            one = self._table[which[0]]
            end = one.end(data, at)
            return [Match(at, end, one.rank)] if end > at else []
        found: dict[int, int] = {}
        for index in which:
            one = self._table[index]
            end = one.end(data, at)
            if end > found.get(one.rank, at):
                found[one.rank] = end
        return [Match(at, found[rank], rank) for rank in sorted(found)]

    def openings(self, data: bytes, start: int) -> list[int]:
        """Places from `start` on that text to come could still make or change a match of."""
        found: list[tuple[int, int]] = []
        tail = data[: -self.longest - 2 : -1]
        if tail:
            self._open.scan(tail, _on_report, context=found)
        return [at for at, _ in self._places(data, len(data), found, start)]

    def _places(
        self, data: bytes, high: int, found: list[tuple[int, int]], start: int
    ) -> list[tuple[int, list[int]]]:
        """What a scan from `high` backwards reported as places whose checks hold, in order."""
        places: dict[int, list[int]] = {}
        for end, index in found:
            at = high - end
            if at >= start and _holds(self._table[index].before, data, at):
                places.setdefault(at, []).append(index)
        return sorted(places.items())


def _on_report(rank: int, _start: int, end: int, _flags: int, found: Any) -> None:
    found.append((end, rank))


def _on_few_reports(rank: int, _start: int, end: int, _flags: int, found: Any) -> bool:
    found.append((end, rank))
    return len(found) > _REPORTS_MAX


def _named(branches: Iterable[Branch]) -> set[str]:
    found: set[str] = set()
    for branch in branches:
        for node in (*nodes(branch.core), *branch.before, *branch.after):
            chars = node.chars if isinstance(node, Look) else node
            if isinstance(chars, Chars):
                found |= {c for c in chars.some if len(c) == 1 and c > "\x7f"}
    return found


def compiled(expressions: list[bytes]) -> hyperscan.Database:
    """An automaton that reports every end of a match that is not empty."""
    size = len(expressions)
    flags = [hyperscan.HS_FLAG_ALLOWEMPTY] * size
    ext = [(hyperscan.HS_EXT_FLAG_MIN_OFFSET, 1, 0, 0, 0, 0)] * size
    try:
        return automata.compiled(expressions, flags, ext)
    except hyperscan.HyperscanError as error:
        reason = str(error).split(" at index")[0].rstrip(". ")
        raise PatternMistake(f"hyperscan cannot run it ({reason}); bound it tighter") from error
