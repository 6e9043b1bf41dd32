"""The `metadata` guardrail: a call's effective metadata against what its settings ask for.

Promises: looks at no text; a key that must be there and is empty of meaning for the settings is
named in the finding's path (it stands in the settings), a key nobody listed is not (the caller
wrote it, P4).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from extproc.config.metadata_guard_settings import MetadataGuardSettings, MetadataValueRule
from extproc.guardrails.checks.whole_value import compile_whole
from extproc.guardrails.values import Check, Exam, Opinion, Remark

METADATA_MISSING = "METADATA_MISSING"
METADATA_VALUE = "METADATA_VALUE"
METADATA_UNKNOWN = "METADATA_UNKNOWN"

Fits = Callable[[str], bool]


def check(settings: MetadataGuardSettings) -> Check:
    return _MetadataCheck(settings)


class _MetadataCheck:
    def __init__(self, settings: MetadataGuardSettings) -> None:
        self._open = settings.allow_unknown_keys
        self._required = tuple(key for key, rule in settings.keys.items() if rule.required)
        self._fits: dict[str, Fits] = {
            key: _anything if rule.value is None else _fits(rule.value)
            for key, rule in settings.keys.items()
        }

    def examine(self, exam: Exam) -> Opinion:
        return Opinion(tuple(self._remarks(exam.scene.metadata)))

    def _remarks(self, metadata: Mapping[str, str]) -> Iterator[Remark]:
        for key in self._required:
            if key not in metadata:
                yield Remark(METADATA_MISSING, f"metadata.{key}")
        for key, fits in self._fits.items():
            if key in metadata and not fits(metadata[key]):
                yield Remark(METADATA_VALUE, f"metadata.{key}")
        if not self._open and any(key not in self._fits for key in metadata):
            yield Remark(METADATA_UNKNOWN, "metadata")


def _fits(rule: MetadataValueRule) -> Fits:
    if rule.regex is not None:
        return compile_whole(rule.regex)
    return frozenset(rule.allowed_values or ()).__contains__


def _anything(_value: str) -> bool:
    return True
