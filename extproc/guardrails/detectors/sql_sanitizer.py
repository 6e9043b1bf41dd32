"""The `sql-sanitizer` guardrail: statements that destroy, open up or hit every row, in any text.

Promises: linear; the same for every split of a text (P5); a statement is found whole. A mutate
puts a comment in its place, so that what is left stays SQL; where only its comments are unwelcome
it stays without them. Comments are looked for inside statements only.
Refuses: settings that switch everything off. Does not run SQL: what is put together at run time
(`EXEC(0x44524F50...)`, string concatenation) is not seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import hyperscan

from extproc.config.settings_mistakes import settings_mistakes
from extproc.config.sql_sanitizer_settings import SqlSanitizerSettings
from extproc.guardrails.detectors.automata import compiled
from extproc.guardrails.detectors.pattern import one_byte_per_character
from extproc.guardrails.detectors.sql_sanitizer_beginnings import ends_without_comment
from extproc.guardrails.detectors.sql_sanitizer_statements import Statement, read_statement
from extproc.guardrails.detectors.sql_sanitizer_tokens import STATEMENT_MAX, without_comments
from extproc.guardrails.detectors.sql_sanitizer_words import STATEMENT_WORDS
from extproc.guardrails.values import Span

OPERATIONS = ("validate", "mutate")
HOLDBACK_MAX = STATEMENT_MAX + 1
COMMENT, UNPARAMETERIZED = "SQL_COMMENT", "SQL_UNPARAMETERIZED"

_ROWS = ("delete", "update")
_READ_TO_THE_END = frozenset(("select", "insert"))
"""Statements that nothing but the end of SQL ends."""
_COMMENT_SIGNS = (b"--", b"#", b"/*")
_WORD_MAX = max(map(len, STATEMENT_WORDS))


def _blocks(settings: SqlSanitizerSettings, word: str) -> bool:
    switch = f"block_{word}_without_where" if word in _ROWS else f"block_{word}"
    return bool(getattr(settings, switch, False))


def _note(word: int, _start: int, end: int, _flags: int, found: Any) -> None:
    found.append((end - len(STATEMENT_WORDS[word]), word))


class SqlDetector:
    """A `Detector`. Not for use by two threads at once (hyperscan scratch space)."""

    def __init__(self, settings: SqlSanitizerSettings) -> None:
        self._settings = settings
        self._blocked = frozenset(word for word in STATEMENT_WORDS if _blocks(settings, word))
        words = [rf"(?:\b|/\*!\d{{1,6}}){word}\b".encode() for word in STATEMENT_WORDS]
        self._database = compiled(words, [hyperscan.HS_FLAG_CASELESS] * len(words))

    def find(self, text: str) -> list[Span]:
        return self.scan(text, 0, True)[0]

    def holdback(self, text: str) -> int:
        return len(text) - self.scan(text, 0, False)[1]

    def replacement(self, span: Span, found: str) -> str:
        stripped = without_comments(found) if span.label == COMMENT else ""
        return stripped or f"/* {span.label} blocked */"

    def scan(self, text: str, start: int, final: bool) -> tuple[list[Span], int]:
        data = one_byte_per_character(text)
        candidates: list[tuple[int, int]] = []
        if data:
            self._database.scan(data, _note, context=candidates)
        spans: list[Span] = []
        settled = len(data) if final else _unfinished_word(data)
        floor = start
        signs = _Signs(data)
        for at, word in sorted(candidates):
            if at < floor or at >= settled:
                continue
            if final and not self._can_matter(STATEMENT_WORDS[word], signs, at):
                continue
            statement, waits = read_statement(data, at, STATEMENT_WORDS[word], final)
            if waits and not final:
                return spans, at
            if statement is not None and (label := self._label(statement)):
                spans.append(Span(at, statement.end, label))
                floor = statement.end
        return spans, max(floor, settled)

    def _can_matter(self, word: str, signs: _Signs, at: int) -> bool:
        """Whether a statement of this word could be a finding; most queries are not worth reading.

        While text may follow a comment may too, so this is asked of complete texts only.
        """
        if word in self._blocked or self._settings.require_parameterization:
            return True
        if not self._settings.strip_comments or not signs.near(at):
            return False
        return word not in _READ_TO_THE_END or not ends_without_comment(signs.data, at, word)

    def _label(self, statement: Statement) -> str:
        kind = statement.kind
        if kind in self._blocked and kind not in _ROWS:
            return f"SQL_{kind.upper()}"
        if kind in self._blocked and not statement.where:
            return f"SQL_{kind.upper()}_WITHOUT_WHERE"
        if self._settings.require_parameterization and statement.literals:
            return UNPARAMETERIZED
        return COMMENT if self._settings.strip_comments and statement.comments else ""


class _Signs:
    """Where comments may begin, asked from left to right."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._next = dict.fromkeys(_COMMENT_SIGNS, -1)

    def near(self, at: int) -> bool:
        """Whether one may begin within what is read of a statement."""
        for sign, place in self._next.items():
            if place < at:
                found = self.data.find(sign, at)
                place = found if found >= 0 else len(self.data) + STATEMENT_MAX
                self._next[sign] = place
            if place < at + STATEMENT_MAX:
                return True
        return False


def _unfinished_word(data: bytes) -> int:
    """Start of the last word where it may become a statement's keyword."""
    at = len(data)
    while at and len(data) - at < _WORD_MAX and data[at - 1 : at].isalpha():
        at -= 1
    word = data[at:].decode("ascii").lower()
    begins = bool(word) and any(keyword.startswith(word) for keyword in STATEMENT_WORDS)
    return at if begins else len(data)


def mistakes(config: Mapping[str, Any]) -> list[str]:
    """What is wrong with this type's `config:`; empty when nothing is."""
    return settings_mistakes(SqlSanitizerSettings, config)


def build(config: Mapping[str, Any]) -> SqlDetector:
    """The detector of a `config` without mistakes; one that was built before is used again."""
    return _built(SqlSanitizerSettings.model_validate(dict(config), strict=False))


@lru_cache(maxsize=16)
def _built(settings: SqlSanitizerSettings) -> SqlDetector:
    return SqlDetector(settings)
