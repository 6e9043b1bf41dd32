"""Code that runs text, starts shells, deletes trees, writes disks or opens a way in.

Promises: linear, exact for every split of a text (P5); each finding carries its kind. Definitions
(`def eval(...)`) and mentions without an argument (`eval()`) stay.
Refuses: kinds and severities nobody knows. Names what code says, not what it does: this is a
linter over text, no sandbox.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from extproc.config.code_safety_settings import CODE_KINDS, SEVERITIES, CodeSafetySettings
from extproc.config.settings_mistakes import settings_mistakes
from extproc.guardrails.detectors.code_safety_rules import RULES
from extproc.guardrails.detectors.regex_detector import ExpressionDetector
from extproc.guardrails.detectors.regex_engine import Expressions, Match
from extproc.guardrails.detectors.regex_syntax import parse

OPERATIONS = ("validate",)
"""To cut a call out of code leaves code that does something else."""

_BEFORE = re.compile(
    rb"\b(?:def|function|fn|func|sub|void|int|(?i:the|an?|this|that|our|your|its))[ \t]{1,4}\Z"
)
"""What defines a name, or talks about it, stands before it."""
_BEFORE_LEFT = 24
_NAMED = frozenset(("EVAL", "EXEC", "OS_SYSTEM", "TREE_REMOVAL"))
_IN_PROSE = re.compile(
    rb"(?i)[ \t](?:is|are|was|were|and|or|the|an?|command|will|would|can|may|on|in|to|for|with|as"
    rb"|if|does|not|deletes|removes)[.,:?!)\"']{0,2}\Z"
)
"""`rm -rf is dangerous`"""
_NAMES = re.compile(rb"[\w:.]+")


def _gravest_first(row: tuple[str, str, str]) -> int:
    """Where rows match at one place the first names the finding."""
    return -SEVERITIES.index(row[1])


_ROWS = sorted(RULES, key=_gravest_first)
_CALLS_ITSELF = {rank for rank, (_, _, text) in enumerate(_ROWS) if text.startswith(r"[\w:.]")}


def _calls_itself(found: bytes) -> bool:
    """Of `:(){ :|:& };:` all names are one."""
    return len({*_NAMES.findall(found)}) == 1


class _Judge:
    """The kind of a match, or '' where it is not wanted or only looks like one."""

    def __init__(self, settings: CodeSafetySettings) -> None:
        least = SEVERITIES.index(settings.severity)
        self._kinds = [
            kind
            if SEVERITIES.index(severity) >= least and kind not in settings.exclude_kinds
            else ""
            for kind, severity, _ in _ROWS
        ]

    def __call__(self, data: bytes, match: Match) -> str:
        kind = self._kinds[match.rank]
        found = data[match.start : match.end]
        if kind in _NAMED and _BEFORE.search(data, max(0, match.start - _BEFORE_LEFT), match.start):
            return ""
        if kind == "RECURSIVE_DELETE" and _IN_PROSE.search(found):
            return ""
        if kind == "FORK_BOMB" and match.rank in _CALLS_ITSELF and not _calls_itself(found):
            return ""
        return kind


def mistakes(config: Mapping[str, Any]) -> list[str]:
    """What is wrong with this type's `config:`; empty when nothing is."""
    return settings_mistakes(CodeSafetySettings, config)


def build(config: Mapping[str, Any]) -> ExpressionDetector:
    """The detector of a `config` without mistakes; one that was built before is used again."""
    return _built(CodeSafetySettings.model_validate(dict(config), strict=False))


@lru_cache(maxsize=16)
def _built(settings: CodeSafetySettings) -> ExpressionDetector:
    texts = {kind: f"[{kind}]" for kind in CODE_KINDS}
    return ExpressionDetector(_expressions(), _Judge(settings), texts)


@lru_cache(maxsize=1)
def _expressions() -> Expressions:
    """Of all rows, for every configuration: to build them takes about a second."""
    return Expressions(
        [
            (branch, rank)
            for rank, (_, _, text) in enumerate(_ROWS)
            for branch in parse(text.removeprefix("~"), text.startswith("~"))
        ]
    )
