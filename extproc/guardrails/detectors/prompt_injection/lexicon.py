"""Every phrase and disguise in hyperscan databases: where in a text something may be said.

Promises: one pass over ordinary text, for rare words without which most phrases cannot be said
(`gate`); the phrases are looked for around these, runs of code and talk about attacks behind a sign
of theirs. Compiled once per process, on first use.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import hyperscan

from extproc.guardrails.detectors.automata import compiled
from extproc.guardrails.detectors.prompt_injection.blends import (
    APART,
    BLEND_MAX,
    BLENDS,
    KINDS,
    RARE_KINDS,
    Blend,
    Word,
    blends,
    can_blend,
    words,
)
from extproc.guardrails.detectors.prompt_injection.context import TALK
from extproc.guardrails.detectors.prompt_injection.disguise import DISGUISES, GATES, SPELLINGS
from extproc.guardrails.detectors.prompt_injection.english import ENGLISH
from extproc.guardrails.detectors.prompt_injection.gate import expression, is_rare, needed
from extproc.guardrails.detectors.prompt_injection.indirect import INDIRECT
from extproc.guardrails.detectors.prompt_injection.languages import OTHER_LANGUAGES
from extproc.guardrails.detectors.prompt_injection.phrase import (
    HEAD_MAX,
    HEAD_SEPARATOR,
    PHRASE_MAX,
    Rule,
    compile_phrases,
    expand,
    folded,
)

_CASELESS = hyperscan.HS_FLAG_CASELESS
_ONCE = hyperscan.HS_FLAG_SINGLEMATCH
_WITH_START = hyperscan.HS_FLAG_SOM_LEFTMOST
_GATE, _WORD, _BLEND_WORD = -1, -2, -3
_TAIL = HEAD_MAX + 20  # a head that has only begun, the escape of its last letter included

_APART = rb"\x00|\n[ \t]{0,4}[-*|#>0-9\n]"  # texts, paragraphs, items, rows of a table

_Pattern = tuple[int, bytes, int]
"""What kind a match is of, what matches, and hyperscan flags."""


def _collect(pattern: int, start: int, end: int, _flags: int, hits: Any) -> None:
    hits.append((pattern, start, end))


class _Matcher:
    def __init__(self, patterns: Sequence[_Pattern]) -> None:
        self.kinds, expressions, flags = zip(*patterns, strict=True)
        self._database = compiled(expressions, flags)

    def matches(self, data: bytes) -> list[tuple[int, int, int]]:
        """Pattern, start (0 unless asked for) and end, in order of the ends."""
        hits: list[tuple[int, int, int]] = []
        if data:
            self._database.scan(data, _collect, context=hits)
        return hits

    def ends(self, data: bytes) -> dict[int, list[int]]:
        """Kind -> where matches of it end, in order."""
        found: dict[int, list[int]] = {}
        for pattern, _, end in self.matches(data):
            found.setdefault(self.kinds[pattern], []).append(end)
        return found


class Lexicon:
    """`rules` by kind; kinds from `spellings` and `disguises` on are those, in their order.

    `keys`: what a kind counts as; rules of a family share the last one's number.
    Not for use by two threads at once (hyperscan scratch space).
    """

    def __init__(self) -> None:
        self.rules = compile_phrases((*ENGLISH, *OTHER_LANGUAGES, *INDIRECT))
        self.spellings = len(self.rules)
        self.disguises = self.spellings + len(SPELLINGS)
        self.unseen = self.disguises + len(DISGUISES)
        self.blends = self.unseen + 1
        self.keys = self._keys()
        spelt, runs = self._strange()
        self._first = _Matcher([*self._open(), *spelt, *self._words()])
        self._phrases = _Matcher([p for rule in self._gated() for p in self._patterns(rule)])
        self._runs = _Matcher(runs)
        heads = {(rule.head_expression, _flags(rule)) for rule in self.rules}
        self._heads = _Matcher([(0, *head) for head in sorted(heads)] + [*spelt, *_words(0)])
        self._kinds = _Matcher([*_words(_ONCE)])
        self._blendable = _Matcher([*_words(_WITH_START), (APART, _APART, _WITH_START)])
        self._talk = _Matcher([(0, word, _CASELESS | _WITH_START) for word in TALK])

    def _keys(self) -> list[int]:
        families = {rule.phrase.family: kind for kind, rule in enumerate(self.rules)}
        keys = [
            families[rule.phrase.family] if rule.phrase.family else kind
            for kind, rule in enumerate(self.rules)
        ]
        keys += range(len(keys), self.blends)
        for kind, blend in enumerate(BLENDS, self.blends):
            keys.append(families.setdefault(blend.phrase.family or str(kind), kind))
        return keys

    def _gated(self) -> list[int]:
        return [kind for kind, rule in enumerate(self.rules) if is_rare(rule.words)]

    def _patterns(self, kind: int) -> list[_Pattern]:
        rule = self.rules[kind]
        return [(kind, expression, _flags(rule)) for expression in rule.expressions]

    def _open(self) -> list[_Pattern]:
        """Phrases of everyday words."""
        open_ = set(range(len(self.rules))) - set(self._gated())
        return [pattern for kind in sorted(open_) for pattern in self._patterns(kind)]

    def _words(self) -> list[_Pattern]:
        """What leads to phrases of rare words, and to runs of code."""
        phrases = {word for kind in self._gated() for word in self.rules[kind].words}
        blends = {word for kind in RARE_KINDS for word in blend_words(kind)}
        leads = ((_WORD, phrases), (_BLEND_WORD, blends))
        gates = [(_GATE, gate, _ONCE) for gate in GATES]
        return gates + [
            (lead, expression(word), _CASELESS) for lead, of in leads for word in _shortest(of)
        ]

    def _strange(self) -> tuple[list[_Pattern], list[_Pattern]]:
        """Patterns of words spelt in a strange way, and of runs of code."""
        disguises = list(enumerate(DISGUISES, self.disguises))
        spelt: list[_Pattern] = [
            (kind, spelling.expression, _CASELESS)
            for kind, spelling in enumerate(SPELLINGS, self.spellings)
        ]
        spelt += [
            (kind, shape.expression, _CASELESS) for kind, shape in disguises if shape.spelling
        ]
        return spelt, [
            (kind, shape.expression, 0) for kind, shape in disguises if not shape.spelling
        ]

    def ends(self, data: bytes) -> dict[int, list[int]]:
        """Kind -> where matches of it end, in order."""
        found = self._first.ends(data)
        if found.pop(_GATE, None):
            found.update(self._runs.ends(data))
        for begin, end in _around(found.pop(_WORD, ()), PHRASE_MAX):
            for kind, ends in self._phrases.ends(data[begin:end]).items():
                found.setdefault(kind, []).extend(at + begin for at in ends)
        return found

    def blends_in(
        self, data: bytes, ends: Mapping[int, Sequence[int]]
    ) -> Iterator[tuple[int, Blend, int, int]]:
        """Kind, blend, start and end of those around the rare words."""
        for begin, end in _around(ends.get(_BLEND_WORD, ()), BLEND_MAX):
            part = data[begin:end]
            if not can_blend(self._kinds.ends(part)):
                continue
            found: list[Word] = [
                (start, last, self._blendable.kinds[pattern])
                for pattern, start, last in self._blendable.matches(part)
            ]
            for number, start, last in blends(sorted(found)):
                yield self.blends + number, BLENDS[number], start + begin, last + begin

    def rules_in(self, ends: Mapping[int, Sequence[int]]) -> Iterator[tuple[int, Rule]]:
        """Those of the kinds that are phrases."""
        return ((kind, self.rules[kind]) for kind in ends if 0 <= kind < len(self.rules))

    def talk(self, data: bytes) -> list[tuple[int, int]]:
        """Start and end of the words of people who speak about attacks."""
        return [(start, end) for _, start, end in self._talk.matches(data)]

    def head(self, data: bytes) -> int:
        """No phrase that could still be completed begins before this byte, in any spelling."""
        begin = data.rfind(b"\x00") + 1
        base = max(begin, len(data) - PHRASE_MAX - HEAD_MAX)
        last = data[base:]
        first = len(data) - _TAIL
        for said in (last, *(last.translate(spelling.table) for spelling in SPELLINGS)):
            for _, _, end in self._heads.matches(said):
                if len(last) - end < PHRASE_MAX:
                    first = min(first, base + end - HEAD_MAX)
                    break  # ends come in order
        return max(begin, first)


def blend_words(kind: int) -> frozenset[str]:
    """One of these stands in every word of a kind."""
    found = [needed(f"(?:{folded(pattern)})") for pattern, _ in words(kind)]
    return frozenset().union(*found) if all(found) else frozenset()


def _words(flags: int) -> Iterator[_Pattern]:
    for kind in KINDS:
        for pattern, edges in words(kind):
            edge = rb"\b" if edges else b""
            said = expand(pattern, edges, separator=HEAD_SEPARATOR)
            yield kind, edge + b"(?:" + said + b")" + edge, _CASELESS | flags


def _shortest(words: Iterable[str]) -> list[str]:
    """Those that have no other one of them in them."""
    return sorted(w for w in words if not any(other in w and other != w for other in words))


def _around(words: Sequence[int], reach: int) -> Iterator[tuple[int, int]]:
    """Stretches that hold all that has one of the words in it and is no longer than `reach`.

    `words`: where they end. One byte more in front tells whether a word begins there.
    """
    begin = end = 0
    for at in words:
        if at - reach - 1 > end:
            if end:
                yield begin, end
            begin = max(0, at - reach - 1)
        end = at + reach
    if end:
        yield begin, end


def _flags(rule: Rule) -> int:
    return 0 if rule.phrase.cased else _CASELESS


@lru_cache(1)
def lexicon() -> Lexicon:
    """The one lexicon of this process; compiling it takes three to five seconds."""
    return Lexicon()
