"""The detector: one hyperscan pass finds where phrases end, exact reading decides where they begin.

Promises: signals depend on at most LOOKBEHIND characters in front of them and REACH bytes of folded
text behind; a disguise is read at most twice (base64 of base64). See `weigh` for findings.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence

from extproc.guardrails.detectors.normalise import View, letters_disguised
from extproc.guardrails.detectors.prompt_injection import context
from extproc.guardrails.detectors.prompt_injection.blends import Blend
from extproc.guardrails.detectors.prompt_injection.disguise import (
    DISGUISES,
    SPELLINGS,
    Disguise,
    tail,
    unseen,
    unseen_tail,
)
from extproc.guardrails.detectors.prompt_injection.lexicon import Lexicon, lexicon
from extproc.guardrails.detectors.prompt_injection.phrase import OBFUSCATION, PHRASE_MAX, Rule
from extproc.guardrails.detectors.prompt_injection.weigh import Signal, total, weigh
from extproc.guardrails.values import Span

REACH = PHRASE_MAX + context.RIGHT
HOLDBACK_MAX = 22_000
"""Only for words stuffed with invisible characters; for plain text about WINDOW + REACH."""

_LAYERS_MAX = 2
_DISGUISED_WEIGHT = 16
_DECODED_MIN = 16
_UNSEEN_WEIGHT = 16
_HIDDEN_TEXT_WEIGHT = 28
_BLOB_SPAN_MAX = 4096
_TALK_NEAR_MAX = 8


class InjectionDetector:
    """A `Detector` that finds stretches of text in which the signals weigh `threshold` or more."""

    def __init__(self, threshold: int) -> None:
        self._threshold = threshold
        self._lexicon = lexicon()

    def find(self, text: str) -> list[Span]:
        return self.scan(text, 0, True)[0]

    def holdback(self, text: str) -> int:
        return len(text) - self.scan(text, 0, False)[1]

    def replacement(self, span: Span, found: str) -> str:
        return "[PROMPT_INJECTION]"

    def scan(self, text: str, start: int, final: bool) -> tuple[list[Span], int]:
        view = View(text)
        reading = _Reading(self._lexicon, text, view, 0)
        signals = [signal for signal in reading.signals() if signal.start >= start]
        known = len(text) if final else reading.known()
        if not signals:
            return [], max(start, known)
        signals = sorted(signal for signal in signals if signal.start < known)
        ends = [at for at, char in enumerate(text) if char == "\x00"] if "\x00" in text else []
        ends.append(len(text) if final else len(text) + REACH * 64)
        spans, settled = weigh(signals, self._threshold, ends, known)
        return spans, max(start, settled)


class _Reading:
    """One text under the lexicon. `layer`: how many disguises it has been taken out of."""

    def __init__(self, lexicon: Lexicon, text: str, view: View, layer: int) -> None:
        self._lexicon = lexicon
        self._text = text
        self._view = view
        self._data = view.data
        self._layer = layer
        self._talk: context.Talk | None = None
        self._asked = 0
        self._early = len(view.data)
        """The first signal (byte) whose surroundings have not arrived yet."""

    def signals(self) -> Iterator[Signal]:
        ends = self._lexicon.ends(self._data)
        said: set[tuple[int, int]] = set()
        for kind, rule in self._lexicon.rules_in(ends):
            for at, end in _places(rule, self._data, ends[kind]):
                said.add((kind, at))
                yield self._signal(kind, rule, at, end)
        for kind, blend, at, end in self._lexicon.blends_in(self._data, ends):
            yield self._signal(kind, blend, at, end)
        if self._layer < _LAYERS_MAX:
            yield from self._respelt(ends, said)
            yield from self._disguised(ends)
        for start, end, hidden in unseen(self._text) if self._view.invisible else ():
            yield self._unseen(start, end, hidden)

    def known(self) -> int:
        """The first character from which on signals may be missing or still change."""
        byte = min(self._lexicon.head(self._data), self._early, self._run())
        return min(self._view.start(byte), unseen_tail(self._text))

    def _run(self) -> int:
        """An unfinished run of code; one stretched by invisible characters is given up."""
        begin = tail(self._data)
        if len(self._text) - self._view.start(begin) > _BLOB_SPAN_MAX:
            return len(self._data)
        return begin

    def _signal(
        self, kind: int, rule: Rule | Blend, at: int, end: int, respelt: bool = False
    ) -> Signal:
        data, phrase = self._data, rule.phrase
        at += data[at : at + 1] == b"\x00"
        self._wait(at)
        start, stop = self._view.start(at), self._view.end(end)
        left, right = context.before(self._text, start), context.after(data, end)
        weight = phrase.weight >> context.is_quoted(left, right) + self._is_talk(start, at, end)
        if (rule.spared and rule.spared.match(data, end)) or (
            phrase.negatable and context.is_negated(left)
        ):
            weight >>= 2
        labels: tuple[str, ...] = (phrase.label,)
        if respelt or (not self._view.plain and self._is_stuffed(phrase.words, at, end)):
            weight, labels = weight + _DISGUISED_WEIGHT, (phrase.label, OBFUSCATION)
        return Signal(start, stop, self._lexicon.keys[kind], weight, labels)

    def _is_talk(self, start: int, at: int, end: int) -> bool:
        """Somebody speaks about attacks, close by."""
        talk = self._talk_near(at, end)
        near = start - context.LEFT
        for word in talk.before(at):
            if (place := self._view.start(word)) >= near:
                return True
            if place < near - context.LEFT:
                break
        return talk.after(end)

    def _talk_near(self, at: int, end: int) -> context.Talk:
        """Around the first signals; in all of it once there are many, and in disguised text, where
        bytes are no measure of distance."""
        self._asked += 1
        if self._view.plain and self._asked <= _TALK_NEAR_MAX:
            begin = max(0, at - 2 * context.LEFT)
            part = self._data[begin : end + context.RIGHT + context.LEFT]
            found = self._lexicon.talk(part)
            return context.Talk(self._data, [(begin + s, begin + e) for s, e in found])
        if self._talk is None:
            self._talk = context.Talk(self._data, self._lexicon.talk(self._data))
        return self._talk

    def _wait(self, at: int) -> None:
        data = self._data
        if len(data) - at < REACH and data.find(b"\x00", at) < 0:
            self._early = min(self._early, at)

    def _is_stuffed(self, words: bool, at: int, end: int) -> bool:
        """Escapes, look-alikes or invisible characters make up the words."""
        said = self._text[self._view.start(at) : self._view.end(end)]
        if said.isascii():
            return len(said) * 2 > (end - at) * 3
        return words and letters_disguised(said) > 0

    def _respelt(
        self, ends: Mapping[int, Sequence[int]], said: set[tuple[int, int]]
    ) -> Iterator[Signal]:
        """Letters for letters: signals that only show in that spelling, around one of its keys."""
        for number, spelling in enumerate(SPELLINGS, self._lexicon.spellings):
            keys = spelling.keys(self._data, ends.get(number, ()))
            data = self._data.translate(spelling.table) if keys else b""
            seen = self._lexicon.ends(data)
            for kind, rule in self._lexicon.rules_in(seen):
                for at, end in _around(keys, _places(rule, data, seen[kind])):
                    if (kind, at) not in said:
                        yield self._signal(kind, rule, at, end, respelt=True)

    def _disguised(self, ends: Mapping[int, Sequence[int]]) -> Iterator[Signal]:
        for kind, disguise in enumerate(DISGUISES, self._lexicon.disguises):
            for at in _begins(disguise, self._data, ends.get(kind, ())):
                reading = disguise.read(self._data, at)
                if reading is None:
                    continue
                start, stop = self._view.start(at), self._view.end(reading[0])
                if stop - start <= _BLOB_SPAN_MAX:
                    inner = self._inner(reading[1], disguise.spelling)
                    if (weight := total(inner)) >= _DECODED_MIN:
                        yield Signal(start, stop, kind, weight + _DISGUISED_WEIGHT, _labels(inner))

    def _unseen(self, start: int, end: int, said: str) -> Signal:
        weight = _HIDDEN_TEXT_WEIGHT if len(said) >= 8 else _UNSEEN_WEIGHT
        inner = self._inner(said) if said and self._layer < _LAYERS_MAX else []
        return Signal(start, end, self._lexicon.unseen, weight + total(inner), _labels(inner))

    def _inner(self, said: str, innermost: bool = False) -> list[Signal]:
        layer = _LAYERS_MAX if innermost else self._layer + 1
        return list(_Reading(self._lexicon, said, View(said), layer).signals())


def _labels(inner: list[Signal]) -> tuple[str, ...]:
    return (*(label for signal in inner if signal.weight for label in signal.labels), OBFUSCATION)


def _places(rule: Rule, data: bytes, ends: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Start and end of the rule's phrases, given where some of them end."""
    done = -1
    for end in ends:
        at = max(done + 1, end - PHRASE_MAX)
        while (head := rule.heads.search(data, at, end)) is not None:
            done = head.start()
            at = done + 1
            found = rule.exact.match(data, done, done + PHRASE_MAX)
            if found is not None:
                yield done, found.end()


def _around(
    keys: list[tuple[int, int]], places: Iterator[tuple[int, int]]
) -> Iterator[tuple[int, int]]:
    """Those places that have a key in them."""
    for at, end in places:
        key = bisect_left(keys, (at, 0))
        if key < len(keys) and keys[key][1] <= end:
            yield at, end


def _begins(disguise: Disguise, data: bytes, ends: Sequence[int]) -> Iterator[int]:
    """Where a disguise begins, given where its beginning ends; each place once."""
    done = -1
    for end in ends:
        at = max(done + 1, end - disguise.width)
        while (found := disguise.begin.search(data, at, end)) is not None:
            done = found.start()
            at = done + 1
            yield done
