"""The `length` guardrail: texts that are too long or too short, in characters, words and tokens.

Promises: characters and words are exact; a count of tokens is o200k_base's for a text of up to
SAMPLE_CHARS and an estimate from evenly spread samples above, so that the work has a bound.
Where there is no text of the guardrail's roles at all, nothing is too short: an answer that only
calls a tool has no text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from extproc.config.length_settings import UNITS, LengthBounds, LengthSettings
from extproc.guardrails.values import Check, Exam, Opinion, Remark

TOO_LONG, TOO_SHORT = "TOO_LONG", "TOO_SHORT"

SAMPLE_CHARS = 32 * 1024
_SAMPLES = 8

Count = Callable[[str], int]


def check(settings: LengthSettings) -> Check:
    return _LengthCheck(settings)


def _words(text: str) -> int:
    return len(text.split())


def _token_count() -> Count:
    from extproc.usage.tokens import TokenCounter  # late: a vocabulary of several MB

    raw = TokenCounter().raw

    def tokens(text: str) -> int:
        if len(text) <= SAMPLE_CHARS:
            return raw(text)
        size = SAMPLE_CHARS // _SAMPLES
        step = (len(text) - size) // (_SAMPLES - 1)
        sampled = sum(raw(text[at * step : at * step + size]) for at in range(_SAMPLES))
        return sampled * len(text) // SAMPLE_CHARS

    return tokens


class _LengthCheck:
    def __init__(self, settings: LengthSettings) -> None:
        self._each = settings.each
        self._total = settings.total
        wanted = [unit for unit in UNITS if _states(settings.each, unit)
                  or _states(settings.total, unit)]  # fmt: skip
        counts: dict[str, Count] = {"chars": len, "words": _words}
        if "tokens" in wanted:
            counts["tokens"] = _token_count()
        self._counts = {unit: counts[unit] for unit in wanted}

    def examine(self, exam: Exam) -> Opinion:
        if not exam.passages:
            return Opinion()
        texts = [passage.text for passage in exam.passages]
        counted = {unit: [*map(count, texts)] for unit, count in self._counts.items()}
        paths = [passage.path for passage in exam.passages]
        return Opinion(tuple(dict.fromkeys(self._remarks(counted, paths))))

    def _remarks(self, counted: dict[str, list[int]], paths: Sequence[str]) -> Iterator[Remark]:
        for unit, sizes in counted.items():
            if self._each is not None:
                least, most = self._each.of(unit)
                for size, path in zip(sizes, paths, strict=True):
                    yield from _judged(size, least, most, path)
            if self._total is not None:
                yield from _judged(sum(sizes), *self._total.of(unit), "")


def _judged(size: int, least: int | None, most: int | None, path: str) -> Iterator[Remark]:
    if most is not None and size > most:
        yield Remark(TOO_LONG, path)
    if least is not None and size < least:
        yield Remark(TOO_SHORT, path)


def _states(bounds: LengthBounds | None, unit: str) -> bool:
    return bounds is not None and bounds.of(unit) != (None, None)
