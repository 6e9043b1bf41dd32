"""Echoes: runs of words that an answer shares with the texts it must not repeat.

Promises: any run of at least `min_words` words that stands in a protected text is found, whatever
its case, white space and punctuation; exact for any split of the answer (P5); linear in both. A
long echo is told in pieces of `min_words`, so that no stream waits for its end. What is kept of a
protected text is salted hashes (P4).
Runs that say nothing (numbers, one word again and again) and those of `allow` are no echoes.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from itertools import pairwise

from extproc.guardrails.values import Span

PROMPT_ECHO = "PROMPT_ECHO"
WORD_MAX = 64
"""Longer words stand in no run, so that they need not be waited for."""
_NARROW = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff"
)
_TOKEN = re.compile(rf"\x00|[{_NARROW}]|[^\W_{_NARROW}]+")
_LETTER = re.compile(rf"[^\W_{_NARROW}]")
_IS_NARROW = re.compile(rf"[{_NARROW}]")
_FIRST_NARROW = "\u0e00"
_BREAK = "\x00"

Place = tuple[int, int]
"""Where a word begins and ends."""


def read_words(text: str, start: int = 0) -> list[str]:
    """All words from `start` on, folded; a NUL or a word over WORD_MAX is a break.

    A word that began before `start` is a break as well: no run begins inside of it.
    """
    found = _TOKEN.findall(text, start)
    if not found:
        return []
    if max(map(len, found)) > WORD_MAX:
        found = [_BREAK if len(word) > WORD_MAX else word for word in found]
    if start and _goes_on(text, start):
        found[0] = _BREAK
    return [*map(str.casefold, found)]


def _places(text: str, start: int) -> list[Place]:
    """Of the same words; apart, for most texts are done with without."""
    return [found.span() for found in _TOKEN.finditer(text, start)]


def _goes_on(text: str, at: int) -> bool:
    return bool(_LETTER.match(text, at - 1) and _LETTER.match(text, at))


def _weight(word: str) -> int:
    """In half words, of which a character of a script without spaces is one."""
    return 1 if word[0] >= _FIRST_NARROW and _IS_NARROW.match(word) else 2


class Echoes:
    """What a protected text consists of, as hashes; compares answers with it. Immutable."""

    def __init__(self, texts: Iterable[str], allowed: Collection[int], min_words: int) -> None:
        self._enough = 2 * min_words
        self._runs: set[int] = set()
        self._pairs: set[int] = set()
        self._words: set[int] = set()
        self._word_max = 0
        for text in texts:
            self._learn(read_words(text))
        self._runs -= set(allowed)

    def __bool__(self) -> bool:
        """Whether there is anything that could come back."""
        return bool(self._runs)

    def __len__(self) -> int:
        return len(self._words) + len(self._pairs) + len(self._runs)

    def _learn(self, words: list[str]) -> None:
        self._runs.update(run_hashes(words, self._enough // 2))
        self._pairs.update(hash(pair) for pair in pairwise(words) if _BREAK not in pair)
        known = set(words) - {_BREAK}
        self._words.update(map(hash, known))
        self._word_max = max(self._word_max, *map(len, known), 0)

    def scan(self, text: str, start: int, final: bool) -> tuple[list[Span], int]:
        """As `Detector.scan`."""
        words = read_words(text, start)
        grows = not final and bool(words) and _LETTER.match(text, len(text) - 1) is not None
        linked = [*map(self._pairs.__contains__, map(hash, pairwise(words)))]
        if grows:  # the last word may become another one
            del linked[-1:]
        hopeful = b"\1" * (self._enough // 2 - 1) in bytes(linked)
        if final and not hopeful:
            return [], len(text)
        places = _places(text, start)
        spans: list[Span] = []
        floor = 0
        for begin, end in _stretches(linked) if hopeful else ():
            floor = self._echoes(words, places, (begin, end), spans) or floor
        if final:
            return spans, len(text)
        return spans, self._open(words, places, linked, (floor, len(text)), grows)

    def _echoes(
        self, words: list[str], places: list[Place], within: tuple[int, int], spans: list[Span]
    ) -> int:
        """Add what is found in a stretch of words; the index after the last of it, or 0."""
        at, end = within
        upto, weight, reached = at, 0, 0
        while True:
            while weight < self._enough and upto < end:
                weight += _weight(words[upto])
                upto += 1
            if weight < self._enough:
                return reached
            if hash(tuple(words[at:upto])) in self._runs:
                spans.append(Span(places[at][0], places[upto - 1][1], PROMPT_ECHO))
                at = reached = upto
                weight = 0
            else:
                weight -= _weight(words[at])
                at += 1

    def _open(
        self, words: list[str], places: list[Place], linked: list[bool],
        within: tuple[int, int], grows: bool,
    ) -> int:  # fmt: skip
        """Where the earliest run begins that text to come could complete."""
        floor, opening = within
        last = len(words) - 1
        if grows:
            if words[last] == _BREAK or len(words[last]) > self._word_max:
                return opening
            opening = places[last][0]
            last -= 1
        if last < floor or hash(words[last]) not in self._words:
            return opening
        weight = _weight(words[last])
        while weight < self._enough:
            opening = places[last][0]
            if last == floor or not linked[last - 1]:
                return opening
            last -= 1
            weight += _weight(words[last])
        return opening


def _stretches(linked: list[bool]) -> Iterator[tuple[int, int]]:
    """Where words hang together, pair by pair: index of the first and after the last of them."""
    begin = None
    for at, link in enumerate(linked):
        if link and begin is None:
            begin = at
        elif not link and begin is not None:
            yield begin, at + 1
            begin = None
    if begin is not None:
        yield begin, len(linked) + 1


def run_hashes(words: list[str], min_words: int) -> Iterator[int]:
    """A hash of each shortest run of at least `min_words` that says something."""
    enough = 2 * min_words
    upto = weight = 0
    for at, word in enumerate(words):
        if upto <= at:
            upto, weight = at, 0
        while weight < enough and upto < len(words) and words[upto] != _BREAK:
            weight += _weight(words[upto])
            upto += 1
        if weight >= enough and _says_something(run := tuple(words[at:upto])):
            yield hash(run)
        if word != _BREAK:
            weight -= _weight(word)


def _says_something(run: tuple[str, ...]) -> bool:
    different = {word for word in run if not word.isdecimal()}
    return 2 * len(different) > len(run)
