"""Personal data: contacts, national and tax numbers, money, health, papers, places, networks.

The kinds are rows of a table (`pii_kinds.kinds`). Promises: a number counts only in the shapes
people write it in, and when its own arithmetic tells it from others or a word right before it
names it, so that order numbers, timestamps, UUIDs and hashes stay. Nothing longer than HOLDBACK_MAX
characters is held back from a stream.
Refuses: what `PiiSettings` refuses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from extproc.config.pii_settings import PiiSettings, written
from extproc.config.settings_mistakes import settings_mistakes
from extproc.guardrails.detectors.pattern import PatternDetector
from extproc.guardrails.detectors.pii_contact import EMAIL_MAX
from extproc.guardrails.detectors.pii_kinds import kinds
from extproc.guardrails.detectors.pii_shape import TAIL_MAX, Kind
from extproc.guardrails.values import Span

HOLDBACK_MAX = EMAIL_MAX
"""An e-mail address is the longest thing looked for."""

_WORD_REVERSED = re.compile(rb"[A-Za-z0-9._%+'@-]*")
_NUMBER_REVERSED = re.compile(  # back to where a number may begin: not inside a word
    rb"[0-9 ().+/-]*[0-9(+](?:(?![A-Za-z0-9_])|(?=[nrt]\\))"
)
_NUMBER_MAX = 28
_WORD_BEGINS = rb"(?<![A-Za-z0-9_])"  # as every tail begins; said once, it is looked for once


def _tails(chosen: Sequence[Kind]) -> Callable[[bytes], int]:
    """What finds the start of the last word or number: it may begin an unseen trigger."""
    tails = sorted({kind.tail for kind in chosen if kind.tail})
    begun = re.compile(_WORD_BEGINS + b"(?:" + b"|".join(tails) + rb")\Z") if tails else None

    def tail(data: bytes) -> int:
        length = len(data)
        last = data[: -132 - 1 : -1]
        word = length - _WORD_REVERSED.match(last).end()  # type: ignore[union-attr]
        sign = data.find(b"@", max(word, length - 66))
        held = max(word, sign - 64 if sign >= 0 else length - 65)
        number = _NUMBER_REVERSED.match(last, 0, _NUMBER_MAX)
        if number is not None:
            held = min(held, length - number.end())
        found = begun.search(data, max(0, length - TAIL_MAX)) if begun else None
        return min(held, found.start()) if found else held

    return tail


class PiiDetector(PatternDetector):
    """A pattern detector that knows values and domains it may not report."""

    def __init__(self, settings: PiiSettings) -> None:
        chosen = [
            kind
            for kind in kinds(settings.private_addresses)
            if settings.wants(kind.label, kind.locale)
        ]
        texts = {kind.label: f"[{kind.label}]" for kind in chosen}
        super().__init__([kind.rule for kind in chosen], _tails(chosen), texts)
        self._allowed = settings.allowed

    def scan(self, text: str, start: int, final: bool) -> tuple[list[Span], int]:
        spans, settled = super().scan(text, start, final)
        if self._allowed and spans:
            spans = [span for span in spans if not self._is_allowed(text[span.start : span.end])]
        return spans, settled

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
