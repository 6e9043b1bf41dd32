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
        run: Span | None = None
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
            if run is not None and at >= run.end:
                spans.append(run)
                run = None
            found, waits = self._at(data, at, which, final)
            if waits:
                settled = at
                break
            run = _joined(run, found)
            if run is not None and run.end - run.start >= RUN_MAX:
                spans.append(run)
                floor, run = run.end, None
        while settled < floor:
            settled = next(opening)
        if run is not None and run.end > settled:
            return spans, run.start
        return spans if run is None else [*spans, run], settled

    def _at(
        self, data: bytes, at: int, which: Sequence[int], final: bool
    ) -> tuple[Span | None, bool]:
        """What begins here, all ranks joined; or that it cannot be judged yet."""
        found: Span | None = None
        for match in self._expressions.matches(data, at, which):
            if not final and match.end + self._reach > len(data):
                return None, True
            label = self._judge(data, match)
            if label:
                found = _joined(found, Span(match.start, match.end, label))
        return found, False


def _joined(run: Span | None, more: Span | None) -> Span | None:
    if run is None or more is None:
        return run or more
    return run if more.end <= run.end else Span(run.start, more.end, run.label)
