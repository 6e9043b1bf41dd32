"""A `Detector` made of bounded expressions, with a judge for each of their matches.

Promises: matches that overlap become one finding and all of their characters are covered, up to
RUN_MAX, where a run without end is cut; findings are the same for any split of a text (P5).
What is held back is only what text to come could still make or change a finding of.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from extproc.guardrails.detectors.regex_engine import Expressions, Match
from extproc.guardrails.values import Span

RUN_MAX = 2048

_WAIT = -1
"""In place of an end: text to come decides."""

Judge = Callable[[bytes, Match], str]
"""The label of a match, or '' when it is none. May read LOOKBEHIND characters to the left of the
match and `reach` to the right of it."""


class ExpressionDetector:
    """Where matches begin together the one of the lowest rank names the finding.

    `texts`: what a mutate puts in place of each label.
    """

    def __init__(
        self,
        expressions: Expressions,
        judge: Judge,
        texts: Mapping[str, str],
        reach: int = 0,
    ) -> None:
        self._expressions = expressions
        self._judge = judge
        self._texts = texts
        self._reach = reach
        self.holdback_max = RUN_MAX + 2 * self._expressions.longest + reach + 1

    def find(self, text: str) -> list[Span]:
        return self.scan(text, 0, True)[0]

    def holdback(self, text: str) -> int:
        return len(text) - self.scan(text, 0, False)[1]

    def replacement(self, span: Span, found: str) -> str:
        return self._texts[span.label]

    def scan(self, text: str, start: int, final: bool) -> tuple[list[Span], int]:
        data = self._expressions.alphabet.encode(text)
        starts = self._expressions.starts(data, start)
        openings = [] if final else self._expressions.openings(data, start)
        return self._runs(data, start, starts, openings, final)

    def _runs(
        self,
        data: bytes,
        floor: int,
        starts: list[tuple[int, list[int]]],
        openings: list[int],
        final: bool,
    ) -> tuple[list[Span], int]:
        """Findings in order, up to the first opening; a cut run takes the openings it covers."""
        spans: list[Span] = []
        begin = end = -1
        label = ""  # of the run data[begin:end], '' while there is none
        openings.append(len(data))
        opening = iter(openings)
        settled = next(opening)
        for at, which in starts:
            if at < floor:
                continue
            while settled < floor:
                settled = next(opening)
            if at >= settled:
                break
            if label and at >= end:
                spans.append(Span(begin, end, label))
                label = ""
            found, name = self._at(data, at, which, final)
            if found == _WAIT:
                settled = at
                break
            if not name:
                continue
            if not label:
                begin, end, label = at, found, name
            end = max(end, found)
            if end - begin >= RUN_MAX:
                spans.append(Span(begin, end, label))
                floor, label = end, ""
        while settled < floor:
            settled = next(opening)
        if label and end > settled:
            return spans, begin
        return [*spans, Span(begin, end, label)] if label else spans, settled

    def _at(self, data: bytes, at: int, which: Sequence[int], final: bool) -> tuple[int, str]:
        """The end of what begins here, all ranks joined, and its label; _WAIT: not yet known."""
        end, label = at, ""
        for match in self._expressions.matches(data, at, which):
            if not final and match.end + self._reach > len(data):
                return _WAIT, ""
            if match.end > end or not label:
                name = self._judge(data, match)
                if name:
                    end, label = max(end, match.end), label or name
        return end, label
