"""Credentials: provider keys, tokens, private keys, passwords beside their names, our own keys.

The kinds are rows of a table (`secrets_kinds.KINDS`). Promises: a credential is found whole, over
line breaks (PEM) and JSON escapes; only its value is replaced, never the name beside it. Nothing
longer than HOLDBACK_MAX characters is held back from a stream, and only behind something that
began like a credential. A value whose SHA-256 is in `allow` is never reported.
Refuses: what `SecretsSettings` refuses.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from typing import Any

from pydantic import ValidationError

from extproc.config.secrets_settings import SecretsSettings
from extproc.guardrails.detectors.pattern import PatternDetector
from extproc.guardrails.detectors.secrets_keys import HOLDBACK_MAX, PEM_TAIL
from extproc.guardrails.detectors.secrets_kinds import KINDS
from extproc.guardrails.detectors.secrets_shape import TRIGGER_MAX
from extproc.guardrails.values import Span

__all__ = ["HOLDBACK_MAX", "SecretsDetector", "build", "mistakes"]

_WORD_REVERSED = re.compile(rb"[A-Za-z0-9_./+=:~$!|@-]*")
"""What tokens are made of up to the end of their triggers, from the end of a text backwards."""


def _tail(data: bytes) -> int:
    """Start of the last word (at most TRIGGER_MAX long), or of a PEM marker not yet complete."""
    held = len(data) - _WORD_REVERSED.match(data[: -TRIGGER_MAX - 1 : -1]).end()  # type: ignore[union-attr]
    marker = data.find(b"-----", max(0, len(data) - 64))
    if marker >= 0 and (found := PEM_TAIL.search(data, marker)):
        held = min(held, found.start())
    return held


class SecretsDetector(PatternDetector):
    """A pattern detector that knows values it may not report, by their SHA-256."""

    def __init__(self, settings: SecretsSettings) -> None:
        labels = settings.labels
        rules = [kind.rule for kind in KINDS if kind.label in labels]
        super().__init__(rules, _tail, dict.fromkeys(labels, settings.redaction_text))
        self._allowed = frozenset(settings.allow)

    def scan(self, text: str, start: int, final: bool) -> tuple[list[Span], int]:
        spans, settled = super().scan(text, start, final)
        if self._allowed and spans:
            spans = [span for span in spans if not self._is_allowed(text[span.start : span.end])]
        return spans, settled

    def _is_allowed(self, value: str) -> bool:
        return sha256(value.encode("utf-8", "surrogatepass")).hexdigest() in self._allowed


def mistakes(config: Mapping[str, Any]) -> list[str]:
    """What is wrong with this type's `config:`; empty when nothing is. Quotes no value (P4)."""
    try:
        SecretsSettings.model_validate(dict(config), strict=False)
    except ValidationError as error:
        return [
            f"'{'.'.join(map(str, one['loc']))}': {one['msg']}"
            for one in error.errors(include_url=False, include_context=False, include_input=False)
        ]
    return []


def build(config: Mapping[str, Any]) -> SecretsDetector:
    """The detector of a `config` without mistakes; one that was built before is used again."""
    return _built(SecretsSettings.model_validate(dict(config), strict=False))


@lru_cache(maxsize=16)
def _built(settings: SecretsSettings) -> SecretsDetector:
    return SecretsDetector(settings)
