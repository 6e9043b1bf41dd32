"""Topics by their words: what must not be talked about, and what only may be.

Promises: linear, exact for every split of a text (P5). A denied topic with `threshold` n is found
where n different keywords of it begin within TOPIC_WINDOW characters. With `allow`, a text of
`allow_min_chars` or more must name an allowed topic within its first OFF_TOPIC_READ characters.
Refuses: what `TopicsSettings` refuses. Sees words, not meaning: who avoids the words is not found.
A finding lies inside of no other: keywords inside a finding of another topic do not count.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from extproc.config.settings_mistakes import settings_mistakes
from extproc.config.topics_settings import OFF_TOPIC, Topic, TopicsSettings
from extproc.guardrails.detectors.regex_alphabet import plain
from extproc.guardrails.detectors.regex_engine import Expressions, Match
from extproc.guardrails.detectors.regex_syntax import parse
from extproc.guardrails.detectors.regex_tree import PatternMistake
from extproc.guardrails.detectors.topics_words import keyword_expression
from extproc.guardrails.values import Span

OPERATIONS = ("validate",)
"""To cut the words of a topic out leaves its talk."""
TOPIC_WINDOW = 500
OFF_TOPIC_READ = 2000

_WAIT = -1
"""In place of an offset: text to come decides."""


class TopicsDetector:
    """A `Detector`. Not for use by two threads at once (hyperscan scratch space)."""

    def __init__(self, settings: TopicsSettings) -> None:
        self._topics = (*settings.deny, *settings.allow)
        self._denied = len(settings.deny)
        self._min_chars = settings.allow_min_chars
        self._topic_of: list[int] = []
        ranked = []
        for index, topic in enumerate(self._topics):
            for keyword in dict.fromkeys(map(str.casefold, topic.keywords)):
                expression = keyword_expression(_as_written(topic, keyword))
                ranked += [(branch, len(self._topic_of)) for branch in parse(expression, True)]
                self._topic_of.append(index)
        self._expressions = Expressions(ranked, plain)
        reads = OFF_TOPIC_READ if settings.allow else 0
        self.holdback_max = max(reads, TOPIC_WINDOW) + 2 * self._expressions.longest + 1

    def find(self, text: str) -> list[Span]:
        return self.scan(text, 0, True)[0]

    def holdback(self, text: str) -> int:
        return len(text) - self.scan(text, 0, False)[1]

    def replacement(self, span: Span, found: str) -> str:
        return f"[{span.label}]"

    def scan(self, text: str, start: int, final: bool) -> tuple[list[Span], int]:
        data = self._expressions.alphabet.encode(text)
        starts = self._expressions.starts(data, start)
        openings = [] if final else self._expressions.openings(data, start)
        matches = [
            match for at, which in starts for match in self._expressions.matches(data, at, which)
        ]
        return _Reading(self, data, matches, openings, final).run(start)

    # --- what a reading asks ---------------------------------------------------------------

    @property
    def allows(self) -> bool:
        return self._denied < len(self._topics)

    @property
    def min_chars(self) -> int:
        return self._min_chars

    def topic(self, match: Match) -> int:
        return self._topic_of[match.rank]

    def is_denied(self, topic: int) -> bool:
        return topic < self._denied

    def __getitem__(self, topic: int) -> Topic:
        return self._topics[topic]


def _as_written(topic: Topic, folded: str) -> str:
    """The first spelling of a keyword: capitals tell an acronym, which has no endings."""
    return next(keyword for keyword in topic.keywords if keyword.casefold() == folded)


class _Reading:
    """One scan: goes over text beginnings and keywords from left to right; a finding ends what was
    counted before it, so that a reader who begins behind it sees the same."""

    def __init__(
        self,
        detector: TopicsDetector,
        data: bytes,
        matches: Sequence[Match],
        openings: list[int],
        final: bool,
    ) -> None:
        self._detector = detector
        self._data = data
        self._matches = matches
        self._starts = [match.start for match in matches]
        self._openings = iter([*openings, len(data)])
        self._final = final
        self._limit = next(self._openings)

    def run(self, start: int) -> tuple[list[Span], int]:
        spans: list[Span] = []
        floor = start
        reached = self._reached()
        for at, index in self._events(start):
            if at < floor:
                continue
            self._pass(floor)
            if at >= self._limit:
                break
            label, end = self._judged(at, index, reached)
            if end == _WAIT:
                return spans, at
            if label and end > at:
                spans.append(Span(at, end, label))
                floor = end
        self._pass(floor)
        return spans, self._limit

    def _pass(self, floor: int) -> None:
        while self._limit < floor:
            self._limit = next(self._openings)

    def _events(self, start: int) -> Iterator[tuple[int, int]]:
        """Places in order, with the index of the keyword or -1 for where a text begins."""
        keywords = [(match.start, index) for index, match in enumerate(self._matches)]
        begins = self._begins(start) if self._detector.allows else ()
        yield from sorted([*((at, -1) for at in begins), *keywords])

    def _begins(self, start: int) -> Iterator[int]:
        data = self._data
        if start < len(data) and (start == 0 or data[start - 1] == 0):
            yield start
        at = data.find(b"\x00", start)
        while 0 <= at < len(data) - 1:
            yield at + 1
            at = data.find(b"\x00", at + 1)

    def _judged(self, at: int, index: int, reached: Sequence[Match | None]) -> tuple[str, int]:
        if index < 0:
            return OFF_TOPIC, self._off_topic(at)
        topic = self._detector.topic(self._matches[index])
        if not self._detector.is_denied(topic):
            return "", 0
        last = reached[index]
        if last is not None and (self._final or last.start < self._limit):
            return self._detector[topic].name, last.end
        decided = self._final or at + TOPIC_WINDOW <= self._limit
        return "", 0 if decided else _WAIT

    def _reached(self) -> list[Match | None]:
        """For each keyword: the last of the `threshold` different ones from there, if near enough.

        From right to left with the topic's nearest keywords in front.
        """
        found: list[Match | None] = []
        nearest: dict[int, list[Match]] = {}
        behind = len(self._data)
        for match in reversed(self._matches):
            if self._data.find(b"\x00", match.start, behind) >= 0:
                nearest.clear()  # what stands behind belongs to another text
            behind = match.start
            topic = self._detector.topic(match)
            wanted = self._detector[topic].threshold
            others = [m for m in nearest.get(topic, ()) if m.rank != match.rank]
            nearest[topic] = near = [match, *others][:wanted]
            full = len(near) == wanted and near[-1].start < match.start + TOPIC_WINDOW
            end = max(m.end for m in near)
            found.append(Match(near[-1].start, end, match.rank) if full else None)
        return found[::-1]

    def _off_topic(self, at: int) -> int:
        """Where the unallowed beginning of a text ends; `at` for none."""
        begin, until = at, at + OFF_TOPIC_READ
        nul = self._data.find(b"\x00", begin, until)
        complete = self._final or nul >= 0
        end = nul if nul >= 0 else min(until, len(self._data))
        if self._is_allowed(begin, end):
            return begin
        if not complete and self._limit < until:
            return _WAIT
        return end if end - begin >= self._detector.min_chars else begin

    def _is_allowed(self, begin: int, end: int) -> bool:
        seen: dict[int, set[int]] = {}
        stop = end if self._final else min(end, self._limit)
        for match in self._matches[bisect_left(self._starts, begin) :]:
            if match.start >= stop:
                return False
            topic = self._detector.topic(match)
            if self._detector.is_denied(topic) or match.end > end:
                continue
            ranks = seen.setdefault(topic, set())
            ranks.add(match.rank)
            if len(ranks) >= self._detector[topic].threshold:
                return True
        return False


def mistakes(config: Mapping[str, Any]) -> list[str]:
    """What is wrong with this type's `config:`; empty when nothing is."""
    found = settings_mistakes(TopicsSettings, config)
    if not found:
        try:
            build(config)
        except PatternMistake as mistake:
            found.append(f"'keywords': {mistake}")
    return found


def build(config: Mapping[str, Any]) -> TopicsDetector:
    """The detector of a `config` without mistakes; one that was built before is used again."""
    return _built(TopicsSettings.model_validate(dict(config), strict=False))


@lru_cache(maxsize=16)
def _built(settings: TopicsSettings) -> TopicsDetector:
    return TopicsDetector(settings)
