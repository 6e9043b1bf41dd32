"""The `prompt-leak` guardrail: canaries, and the system prompt's own words in the answer.

Promises: whole and streamed answers alike (P5); the detector is made for one call, from its system
texts, and what was learned of a prompt that comes again is kept as salted hashes (P4). A prompt of
fewer than `min_words` words, as "You are a helpful assistant.", protects nothing and cannot
trigger. Refuses, as `too_large`: more than PROTECTED_CHARS_MAX of system text.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from hashlib import blake2b

from extproc.config.prompt_leak_settings import PromptLeakSettings
from extproc.guardrails.checks.prompt_leak_canary import CANARY, Canaries
from extproc.guardrails.checks.prompt_leak_echo import (
    PROMPT_ECHO,
    Echoes,
    read_words,
    run_hashes,
)
from extproc.guardrails.detectors.pattern import settle, union
from extproc.guardrails.values import Bound, Detector, GuardrailFault, Passage, Span

PROTECTED_CHARS_MAX = 512 * 1024
_KEPT_MAX = 200_000
"""Hashes of prompts that are kept, of all calls together; about 15 MB."""
_REPLACEMENTS = {CANARY: "[CANARY]", PROMPT_ECHO: "[PROMPT_ECHO]"}


def bound(settings: PromptLeakSettings) -> Bound:
    return _PromptLeak(settings)


class _PromptLeak:
    def __init__(self, settings: PromptLeakSettings) -> None:
        self._echo = settings.echo
        self._min_words = settings.min_words
        self._roles = {"system", "tool_definition"} if settings.tool_definitions else {"system"}
        self._allowed = frozenset(
            known
            for text in settings.allow
            for known in run_hashes(read_words(text), self._min_words)
        )
        self._canaries = Canaries(settings.canaries) if settings.canaries else None
        self._kept: OrderedDict[bytes, Echoes] = OrderedDict()
        self._kept_size = 0

    def detector(self, asked: Sequence[Passage]) -> Detector | None:
        """`asked`: the request's texts. Raises GuardrailFault("too_large")."""
        echoes = None
        if self._echo:
            echoes = self._echoes([one.text for one in asked if one.role in self._roles])
        if echoes is None and self._canaries is None:
            return None
        return PromptLeakDetector(self._canaries, echoes)

    def _echoes(self, texts: list[str]) -> Echoes | None:
        if sum(map(len, texts)) > PROTECTED_CHARS_MAX:
            raise GuardrailFault("too_large")
        key = blake2b("\x00".join(texts).encode("utf-8", "surrogatepass")).digest()
        echoes = self._kept.get(key)
        if echoes is None:
            echoes = Echoes(texts, self._allowed, self._min_words)
            self._keep(key, echoes)
        else:
            self._kept.move_to_end(key)
        return echoes or None

    def _keep(self, key: bytes, echoes: Echoes) -> None:
        self._kept[key] = echoes
        self._kept_size += len(echoes) + 1
        while self._kept_size > _KEPT_MAX:
            self._kept_size -= len(self._kept.popitem(last=False)[1]) + 1


class PromptLeakDetector:
    """A `Detector` for one call's answer."""

    def __init__(self, canaries: Canaries | None, echoes: Echoes | None) -> None:
        self._parts = [part for part in (canaries, echoes) if part is not None]

    def find(self, text: str) -> list[Span]:
        return self.scan(text, 0, True)[0]

    def holdback(self, text: str) -> int:
        return len(text) - self.scan(text, 0, False)[1]

    def replacement(self, span: Span, found: str) -> str:
        return _REPLACEMENTS[span.label]

    def scan(self, text: str, start: int, final: bool) -> tuple[list[Span], int]:
        found: list[tuple[int, int, int, str]] = []
        settled = len(text)
        for rank, part in enumerate(self._parts):
            spans, upto = part.scan(text, start, final)
            found += [(span.start, rank, span.end, span.label) for span in spans]
            settled = min(settled, upto)
        return settle(union(found), settled)
