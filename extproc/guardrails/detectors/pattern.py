"""Pattern detectors: one multi-pattern pass finds candidates, exact rules decide on each of them.

Promises: linear in the text, whatever the text (hyperscan is automata only; each rule reads a
bounded stretch around a candidate); offsets are characters; a settled finding stays one (P5).
Every candidate's characters are covered: candidates that overlap become one finding.

Text is looked at as one byte per character: ASCII as it is, typographic spaces, hyphens and
full-width digits as their ASCII twins, everything else as `?`. So byte offsets are character
offsets and no UTF-8 arithmetic is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from extproc.guardrails.detectors.automata import compiled
from extproc.guardrails.values import Span

_TWINS = (
    *((space, " ") for space in "\u00a0\u2007\u2009\u202f\u3000"),
    *((hyphen, "-") for hyphen in "\u2010\u2011\u2012\u2013\u2014\u2212\uff0d"),
    *((chr(0xFF10 + digit), str(digit)) for digit in range(10)),
    ("\uff20", "@"),
    ("\uff0b", "+"),
)


def one_byte_per_character(text: str) -> bytes:
    """Fold text to ASCII bytes of the same length; what has no ASCII twin becomes `?`."""
    if text.isascii():
        return text.encode("ascii")
    for char, twin in _TWINS:
        if char in text:
            text = text.replace(char, twin)
    return text.encode("ascii", "replace")


@dataclass(frozen=True, slots=True)
class Trigger:
    """A hyperscan expression. The candidate lies at `end of match - width`."""

    expression: bytes
    width: int


@dataclass(frozen=True, slots=True)
class Rule:
    """What a trigger's candidate must be to count.

    `read(data, at)`: the finding's start and end, or None. `unsettled(data, at)`: where a finding
    of this candidate would start if more text could still make, unmake or lengthen it, else None.
    Neither reads further back than LOOKBEHIND before the start it returns. `alone`: not read where
    another rule has found something already.
    """

    label: str
    triggers: tuple[Trigger, ...]
    read: Callable[[bytes, int], tuple[int, int] | None]
    unsettled: Callable[[bytes, int], int | None]
    alone: bool = False


_BITS = 16
_MASK = (1 << _BITS) - 1
"""Two numbers in one: many of them are sorted and kept far more cheaply than pairs."""


def _collect(trigger: int, _start: int, end: int, _flags: int, hits: Any) -> None:
    hits.append(end << _BITS | trigger)


class PatternDetector:
    """A `Detector` made of rules. Earlier rules win the label of a shared finding.

    `tail(data)`: start of the trailing characters that may begin a trigger not yet complete.
    Not for use by two threads at once (hyperscan scratch space).
    """

    def __init__(
        self, rules: Sequence[Rule], tail: Callable[[bytes], int], texts: Mapping[str, str]
    ) -> None:
        self._rules = tuple(rules)
        self._ranks = [rank for rank, rule in enumerate(rules) for _ in rule.triggers]
        triggers = [trigger for rule in rules for trigger in rule.triggers]
        self._places = [(t.width << _BITS) + number for number, t in enumerate(triggers)]
        self._tail = tail
        self._texts = texts
        self._database = compiled([trigger.expression for trigger in triggers])

    def find(self, text: str) -> list[Span]:
        return self.scan(text, 0, True)[0]

    def holdback(self, text: str) -> int:
        return len(text) - self.scan(text, 0, False)[1]

    def replacement(self, span: Span, found: str) -> str:
        return self._texts[span.label]

    def scan(self, text: str, start: int, final: bool) -> tuple[list[Span], int]:
        data = one_byte_per_character(text)
        hits: list[int] = []
        if data:
            self._database.scan(data, _collect, context=hits)
        candidates = self._candidates(hits) if hits else []
        spans = self._spans(data, candidates, start) if candidates else []
        if final:
            return spans, len(data)
        settled = max(start, self._undecided(data, candidates))
        return settle(spans, settled)

    def _candidates(self, hits: list[int]) -> list[int]:
        """Places and the ranks of the rules that are to read there, in order."""
        places, ranks = self._places, self._ranks
        return sorted([hit - places[hit & _MASK] | ranks[hit & _MASK] for hit in hits])

    def _spans(self, data: bytes, candidates: list[int], start: int) -> list[Span]:
        """Read every candidate but those inside an earlier finding of the same rule.

        That skip keeps `token=1token=1token=1...` linear, and depends on settled text only.
        """
        found = []
        reached: dict[int, int] = {}
        before = covered = -1
        for candidate in candidates:
            at, rank = candidate >> _BITS, candidate & _MASK
            if candidate == before or at < reached.get(rank, 0):
                continue
            before, rule = candidate, self._rules[rank]
            if rule.alone and at < covered:
                continue
            span = rule.read(data, at)
            if span is not None and span[0] >= start:
                found.append((span[0], rank, span[1], rule.label))
                reached[rank] = span[1]
                covered = max(covered, span[1])
        return union(found)

    def _undecided(self, data: bytes, candidates: list[int]) -> int:
        undecided = self._tail(data)
        for candidate in candidates:
            held = self._rules[candidate & _MASK].unsettled(data, candidate >> _BITS)
            if held is not None and held < undecided:
                undecided = held
        return undecided


def union(found: list[tuple[int, int, int, str]]) -> list[Span]:
    """Merge overlapping (start, rank, end, label); the leftmost, then lowest rank, names it."""
    merged: list[Span] = []
    for start, _rank, end, label in sorted(found):
        if merged and start < merged[-1].end:
            last = merged[-1]
            merged[-1] = Span(last.start, max(last.end, end), last.label)
        else:
            merged.append(Span(start, end, label))
    return merged


def settle(spans: list[Span], settled: int) -> tuple[list[Span], int]:
    """Drop what is not settled; no finding may cross the settled point, so it moves back."""
    while spans and spans[-1].end > settled:
        settled = min(settled, spans.pop().start)
    return spans, settled
