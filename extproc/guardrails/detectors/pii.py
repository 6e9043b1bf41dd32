"""Personal data: contacts, national and tax numbers, money, health, papers, places, networks.

The kinds are rows of a table (`pii_kinds.kinds`). Promises: a number counts only in the shapes
people write it in, and when its own arithmetic tells it from others or a word right before it
names it, so that order numbers, timestamps, UUIDs and hashes stay. Nothing longer than HOLDBACK_MAX
characters is held back from a stream.
Refuses: what `PiiSettings` refuses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import hyperscan

from extproc.config.pii_settings import PiiSettings, written
from extproc.config.settings_mistakes import settings_mistakes
from extproc.guardrails.detectors.automata import compiled
from extproc.guardrails.detectors.pattern import PatternDetector, Rule, _collect, settle
from extproc.guardrails.detectors.pii_contact import EMAIL_MAX
from extproc.guardrails.detectors.pii_fold import fold
from extproc.guardrails.detectors.pii_kinds import kinds
from extproc.guardrails.detectors.pii_shape import TAIL_MAX, Kind
from extproc.guardrails.detectors.pii_words import WORDS_MAX
from extproc.guardrails.values import Span

HOLDBACK_MAX = EMAIL_MAX
"""An e-mail address is the longest thing looked for."""

_WORD_REVERSED = re.compile(rb"[A-Za-z0-9._%+'@-]*")
_NUMBER_REVERSED = re.compile(  # back to where a number may begin: not inside a word
    rb"[0-9 ().+/-]*[0-9(+](?:(?![A-Za-z0-9_])|(?=[nrt]\\))"
)
_NUMBER_MAX = 28
_WORD_BEGINS = rb"(?:(?<![A-Za-z0-9_])|(?<=\\[nrt]))"  # of every tail; looked for once


def _tails(chosen: Sequence[Kind]) -> Callable[[bytes], int]:
    """What finds the start of the last word or number: it may begin an unseen trigger."""
    begun = _begun(kind.tail for kind in chosen if kind.tail and not kind.named)
    behind = [(_begun([kind.tail]), kind.named) for kind in chosen if kind.named]

    def tail(data: bytes) -> int:
        length = len(data)
        last = data[: -132 - 1 : -1]
        word = length - _WORD_REVERSED.match(last).end()  # type: ignore[union-attr]
        sign = data.find(b"@", max(word, length - 66))
        held = max(word, sign - 64 if sign >= 0 else length - 65)
        number = _NUMBER_REVERSED.match(last, 0, _NUMBER_MAX)
        if number is not None:
            held = min(held, length - number.end())
        first = max(0, length - TAIL_MAX)
        found = begun.search(data, first)
        held = min(held, found.start()) if found else held
        for part, named in behind:
            found = part.search(data, first)
            if found and named.search(data, max(0, found.start() - WORDS_MAX), found.start()):
                held = min(held, found.start())
        return held

    return tail


def _begun(tails: Iterable[bytes]) -> re.Pattern[bytes]:
    """One of the tails at the end of a text; none at all is never found."""
    either = b"|".join(sorted(set(tails))) or rb"(?!)"
    return re.compile(_WORD_BEGINS + b"(?:" + either + rb")\Z")


def _of_ascii(rules: Sequence[Rule], whole: hyperscan.Database) -> hyperscan.Database:
    """The triggers that ASCII text can have, under their numbers; most text is ASCII."""
    triggers = [trigger.expression for rule in rules for trigger in rule.triggers]
    chosen = [number for number, one in enumerate(triggers) if one.isascii()]
    if len(chosen) == len(triggers):
        return whole
    return compiled([triggers[number] for number in chosen], ids=chosen)


class PiiDetector(PatternDetector):
    """A pattern detector that knows values and domains it may not report."""

    def __init__(self, settings: PiiSettings) -> None:
        chosen = [
            kind
            for kind in kinds(settings.private_addresses)
            if settings.wants(kind.label, kind.locale)
        ]
        texts = {kind.label: f"[{kind.label}]" for kind in chosen}
        rules = [kind.rule for kind in chosen]
        super().__init__(rules, _tails(chosen), texts)
        self._wide, self._database = self._database, _of_ascii(rules, self._database)
        self._allowed = settings.allowed

    def scan(self, text: str, start: int, final: bool) -> tuple[list[Span], int]:
        whole = super().scan if text.isascii() else self._scan_other
        spans, settled = whole(text, start, final)
        if self._allowed and spans:
            spans = [span for span in spans if not self._is_allowed(text[span.start : span.end])]
        return spans, settled

    def _scan_other(self, text: str, start: int, final: bool) -> tuple[list[Span], int]:
        """As `scan` of every pattern detector, over text that is folded finer."""
        data = fold(text)
        hits: list[int] = []
        self._wide.scan(data, _collect, context=hits)
        candidates = self._candidates(hits)
        spans = self._spans(data, candidates, start)
        if final:
            return spans, len(data)
        return settle(spans, max(start, self._undecided(data, candidates)))

    def _is_allowed(self, value: str) -> bool:
        domain = value.rpartition("@")[2].lower()
        return written(value) in self._allowed or f"@{domain}" in self._allowed


def mistakes(config: Mapping[str, Any]) -> list[str]:
    """What is wrong with this type's `config:`; empty when nothing is. Quotes no value (P4)."""
    return settings_mistakes(PiiSettings, config)


def build(config: Mapping[str, Any]) -> PiiDetector:
    """The detector of a `config` without mistakes; one that was built before is used again."""
    return _built(PiiSettings.model_validate(dict(config), strict=False))


@lru_cache(maxsize=16)
def _built(settings: PiiSettings) -> PiiDetector:
    return PiiDetector(settings)
