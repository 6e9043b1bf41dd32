"""The `regex` guardrail: presets by name and patterns of the operator's own, on automata.

Promises: linear in the text, whatever the pattern; findings are the longest matches, overlapping
ones joined; the same for every split (P5). A preset that another detector knows better (cards,
e-mail, keys) is that detector's finding under the preset's name.
Refuses: what `RegexSettings` refuses, and patterns that hyperscan cannot run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from extproc.config.regex_settings import CustomPattern, RegexSettings
from extproc.config.settings_mistakes import settings_mistakes
from extproc.guardrails.detectors import pii, secrets
from extproc.guardrails.detectors.pattern import settle, union
from extproc.guardrails.detectors.regex_cost import CROSSINGS_MAX, crossings
from extproc.guardrails.detectors.regex_detector import ExpressionDetector
from extproc.guardrails.detectors.regex_engine import Expressions, Match
from extproc.guardrails.detectors.regex_presets import PRESETS, REACH
from extproc.guardrails.detectors.regex_syntax import parse
from extproc.guardrails.detectors.regex_tree import Branch, PatternMistake
from extproc.guardrails.values import Detector, Span

OPERATIONS = ("validate", "mutate")

Names = Callable[[str, str], str]
"""The preset's label for a finding (label, text) of another detector, '' for none."""

_PII = {"us_ssn": "US_SSN", "email": "EMAIL", "us_phone": "PHONE", "credit_card": "CARD",
        "visa": "CARD", "mastercard": "CARD", "amex": "CARD", "discover": "CARD"}  # fmt: skip
_SECRETS = {"aws_access_key": "AWS_ACCESS_KEY_ID", "aws_secret_key": "AWS_SECRET_KEY",
            "github_token": "GITHUB_TOKEN", "slack_token": "SLACK_TOKEN",
            "generic_api_key": "TOKEN"}  # fmt: skip
_NETWORKS = {"visa": ("4",), "amex": ("34", "37"), "discover": ("6011", "64", "65"),
             "mastercard": (*map(str, range(51, 56)), *map(str, range(2221, 2721)))}  # fmt: skip


def _pii_name(presets: Sequence[str]) -> Names:
    def name(label: str, text: str) -> str:
        digits = "".join(char for char in text if char.isdecimal())
        for preset in presets:
            if _PII[preset] != label:
                continue
            if preset == "us_phone" and not _is_us_phone(digits):
                continue
            if digits.startswith(_NETWORKS.get(preset, "")):
                return preset.upper()
        return ""

    return name


def _is_us_phone(digits: str) -> bool:
    return len(digits) == 10 or (len(digits) == 11 and digits[0] == "1")


def _secret_name(presets: Sequence[str]) -> Names:
    names = {_SECRETS[preset]: preset.upper() for preset in presets}
    return lambda label, _text: names.get(label, "")


class RegexDetector:
    """Several detectors as one; `others` are lent by other guardrail types."""

    def __init__(
        self,
        own: Sequence[Detector],
        others: Sequence[tuple[Detector, Names]],
        texts: Mapping[str, str],
    ) -> None:
        self._own = own
        self._others = others
        self._texts = texts

    def find(self, text: str) -> list[Span]:
        return self.scan(text, 0, True)[0]

    def holdback(self, text: str) -> int:
        return len(text) - self.scan(text, 0, False)[1]

    def replacement(self, span: Span, found: str) -> str:
        return self._texts[span.label]

    def scan(self, text: str, start: int, final: bool) -> tuple[list[Span], int]:
        found: list[tuple[int, int, int, str]] = []
        settled = len(text)
        for rank, detector in enumerate(self._own):
            spans, upto = detector.scan(text, start, final)
            found += [(span.start, rank, span.end, span.label) for span in spans]
            settled = min(settled, upto)
        for rank, (detector, name) in enumerate(self._others, len(self._own)):
            spans, upto = detector.scan(text, start, final)
            for span in spans:
                if label := name(span.label, text[span.start : span.end]):
                    found.append((span.start, rank, span.end, label))
            settled = min(settled, upto)
        return settle(union(found), settled)


def _custom(settings: RegexSettings) -> list[Detector]:
    patterns = settings.custom_patterns
    if not patterns:
        return []
    labels = settings.labels
    ranked = [(branch, rank) for rank, one in enumerate(patterns) for branch in _branches(one)]
    return [ExpressionDetector(Expressions(ranked), lambda _data, match: labels[match.rank], {})]


def _branches(one: CustomPattern) -> tuple[Branch, ...]:
    return parse(one.pattern, one.ignore_case)


def _presets(settings: RegexSettings) -> list[Detector]:
    names = [name for name in settings.presets if name in PRESETS]
    if not names:
        return []
    presets = [PRESETS[name] for name in names]
    labels = [name.upper() for name in names]

    def judge(data: bytes, match: Match) -> str:
        fits = presets[match.rank].accept(data, match.start, match.end)
        return labels[match.rank] if fits else ""

    ranked = [
        (branch, rank)
        for rank, one in enumerate(presets)
        for branch in parse(one.expression, one.ignore_case)
    ]
    return [ExpressionDetector(Expressions(ranked), judge, {}, REACH)]


def _lent(settings: RegexSettings) -> list[tuple[Detector, Names]]:
    lent: list[tuple[Detector, Names]] = []
    if names := [name for name in settings.presets if name in _PII]:
        categories = sorted({_PII[name] for name in names})
        lent.append((pii.build({"categories": categories}), _pii_name(names)))
    if names := [name for name in settings.presets if name in _SECRETS]:
        kinds = sorted({_SECRETS[name] for name in names})
        lent.append((secrets.build({"kinds": kinds}), _secret_name(names)))
    return lent


def mistakes(config: Mapping[str, Any]) -> list[str]:
    """What is wrong with this type's `config:`; empty when nothing is."""
    found = settings_mistakes(RegexSettings, config)
    if found:
        return found
    for number, one in enumerate(_settings(config).custom_patterns):
        try:
            _tried(_branches(one))
        except PatternMistake as mistake:
            found.append(f"'custom_patterns.{number}.pattern': {mistake}")
    return found


def _tried(branches: Sequence[Branch]) -> None:
    """Raises PatternMistake where an expression cannot be run, or costs too much."""
    expressions = Expressions([(branch, 0) for branch in branches])
    worst = sum(crossings(branch, expressions.alphabet) for branch in branches)
    if worst > CROSSINGS_MAX:
        raise PatternMistake(
            f"would be slow on texts made for it: up to {worst:.0f} ends for each character (at"
            f" most {CROSSINGS_MAX}); lower its bounds, or end repeats by a character that is not"
            " in them, as in '[^;]{1,200};'"
        )


def _settings(config: Mapping[str, Any]) -> RegexSettings:
    return RegexSettings.model_validate(dict(config), strict=False)


def build(config: Mapping[str, Any]) -> RegexDetector:
    """The detector of a `config` without mistakes; one that was built before is used again."""
    return _built(_settings(config))


@lru_cache(maxsize=16)
def _built(settings: RegexSettings) -> RegexDetector:
    texts = {name.upper(): f"[{name.upper()}]" for name in settings.presets}
    for label, one in zip(settings.labels, settings.custom_patterns, strict=True):
        texts[label] = one.redaction_text
    return RegexDetector([*_custom(settings), *_presets(settings)], _lent(settings), texts)
