"""The `language` guardrail: texts in other languages than the allowed ones.

Promises: code, addresses, names of things and texts too short to tell raise no alarm; neither do
languages that a short text cannot tell from an allowed one (Indonesian and Malay, Czech and
Slovak). Not judged: what the detector itself calls unreliable. Made of CLD2, Chromium's own: 6 MB
of memory, 20 ms for a megabyte.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from extproc.config.language_settings import LanguageSettings
from extproc.guardrails.checks.prose import letters, prose
from extproc.guardrails.values import Check, Exam, Opinion, Remark

OTHER_LANGUAGE = "OTHER_LANGUAGE"

_CODES = {"iw": "he", "jw": "jv", "zh-Hant": "zh", "sr-ME": "sr", "nb": "no", "fil": "tl"}
"""CLD2's older or longer codes."""
_CLOSE = (
    frozenset(("id", "ms")),
    frozenset(("bs", "hr", "sr")),
    frozenset(("da", "nn", "no")),
    frozenset(("cs", "sk")),
    frozenset(("gl", "pt")),
    frozenset(("rw", "rn")),
    frozenset(("xh", "zu", "ss", "nr")),
)
_UNKNOWN = "un"


def check(settings: LanguageSettings) -> Check:
    return _LanguageCheck(settings)


class _LanguageCheck:
    def __init__(self, settings: LanguageSettings) -> None:
        import pycld2  # late: loaded where a guardrail asks for it

        self._detect: Any = pycld2.detect
        allowed = frozenset(settings.allowed)
        self._allowed = allowed.union(*(group for group in _CLOSE if group & allowed))
        self._letters_min = settings.min_letters
        self._share = settings.share

    def examine(self, exam: Exam) -> Opinion:
        return Opinion(tuple(self._remarks(exam)))

    def _remarks(self, exam: Exam) -> Iterator[Remark]:
        for passage in exam.passages:
            share = self._other(passage.text)
            if share >= self._share:
                yield Remark(OTHER_LANGUAGE, passage.path, round(share, 2))

    def _other(self, text: str) -> float:
        """Which share of a text is in languages that are not allowed; 0 where that is unsure."""
        if len(text) * 3 < self._letters_min:
            return 0.0
        plain = prose(text)
        if letters(plain) < self._letters_min:
            return 0.0
        sure, _size, found = self._detect(plain, isPlainText=True)
        if not sure:
            return 0.0
        other: int = sum(
            percent for _name, code, percent, _score in found if not self._allows(str(code))
        )
        return other / 100

    def _allows(self, code: str) -> bool:
        return code == _UNKNOWN or _CODES.get(code, code) in self._allowed
