"""Content moderation by a lexicon: phrases with a severity, weighed by the words around them.

Promises: linear, exact for every split of a text (P5). Severity is 2, 4 or 6; words of medicine,
news, teaching, help and fiction beside a phrase lower it by two, words that ask for instructions or
tell an intent raise it by two. A finding is called after its category and severity (`VIOLENCE_6`).
Refuses: what `ContentModerationSettings` refuses. Does not understand: irony, quotation, allusion
and everything outside its lists pass; a model is needed for those.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import hyperscan

from extproc.config.content_moderation_settings import (
    CONTENT_CATEGORIES,
    ContentModerationSettings,
)
from extproc.config.settings_mistakes import settings_mistakes
from extproc.guardrails.detectors.automata import compiled
from extproc.guardrails.detectors.content_moderation_phrases import phrase_expression
from extproc.guardrails.detectors.content_moderation_words import (
    LEXICON,
    LOWERING,
    RAISING,
    TECHNICAL,
    WORDS,
)
from extproc.guardrails.detectors.regex_alphabet import plain
from extproc.guardrails.detectors.regex_detector import ExpressionDetector
from extproc.guardrails.detectors.regex_engine import Expressions, Match
from extproc.guardrails.detectors.regex_syntax import parse
from extproc.guardrails.values import LOOKBEHIND

OPERATIONS = ("validate",)
"""What is said stays said when its worst word is gone."""
CONTEXT_REACH = 80
"""Characters behind a phrase whose words weigh it; before it LOOKBEHIND are read."""

_LOWERS, _RAISES, _JARGON = 0, 1, 2
_ROWS = [
    (category, severity, phrase)
    for severity in (6, 4, 2)
    for category in CONTENT_CATEGORIES
    for phrase in LEXICON[category][severity]
]


def _name(category: str) -> str:
    return "SELF_HARM" if category == "SelfHarm" else category.upper()


def _note(kind: int, _start: int, _end: int, _flags: int, seen: Any) -> None:
    seen.add(kind)


class _Judge:
    """Weighs a phrase by its surroundings."""

    def __init__(self, settings: ContentModerationSettings) -> None:
        self._threshold = max(2, settings.severity_threshold)
        self._categories = frozenset(settings.categories or CONTENT_CATEGORIES)
        lists = (LOWERING, RAISING, TECHNICAL)
        words = [rf"\b(?:{_spaced(list_)})\b".encode() for list_ in lists]
        flags = [hyperscan.HS_FLAG_CASELESS | hyperscan.HS_FLAG_SINGLEMATCH] * len(words)
        self._context = compiled(words, flags)

    def __call__(self, data: bytes, match: Match) -> str:
        category, severity, _ = _ROWS[match.rank]
        if category not in self._categories:
            return ""
        severity = min(6, severity + self._weight(data, match, category))
        return f"{_name(category)}_{severity}" if severity >= self._threshold else ""

    def _weight(self, data: bytes, match: Match, category: str) -> int:
        left = data[max(0, match.start - LOOKBEHIND) : match.start]
        right = data[match.end : match.end + CONTEXT_REACH]
        around = left[left.rfind(b"\x00") + 1 :] + b"\n" + right.partition(b"\x00")[0]
        seen: set[int] = set()
        self._context.scan(around, _note, context=seen)
        if _JARGON in seen and category == "Violence":
            return -4
        return 2 * ((_RAISES in seen) - (_LOWERS in seen))


def _spaced(words: str) -> str:
    return words.replace(" ", r"[\W_]{1,4}")


def mistakes(config: Mapping[str, Any]) -> list[str]:
    """What is wrong with this type's `config:`; empty when nothing is."""
    return settings_mistakes(ContentModerationSettings, config)


def build(config: Mapping[str, Any]) -> ExpressionDetector:
    """The detector of a `config` without mistakes; one that was built before is used again."""
    return _built(ContentModerationSettings.model_validate(dict(config), strict=False))


@lru_cache(maxsize=16)
def _built(settings: ContentModerationSettings) -> ExpressionDetector:
    texts = {f"{_name(row[0])}_{severity}" for row in _ROWS for severity in (2, 4, 6)}
    return ExpressionDetector(
        _expressions(), _Judge(settings), {text: f"[{text}]" for text in texts}, CONTEXT_REACH
    )


@lru_cache(maxsize=1)
def _expressions() -> Expressions:
    """Of the whole lexicon, for every configuration: to build them takes some seconds."""
    ranked = [
        (branch, rank)
        for rank, (_, _, phrase) in enumerate(_ROWS)
        for branch in parse(phrase_expression(phrase, WORDS), ignore_case=True)
    ]
    return Expressions(ranked, plain)
