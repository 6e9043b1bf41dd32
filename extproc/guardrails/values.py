"""Values of the guardrail engine: what a detector finds, what a hook decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

Strategy = Literal["audit", "enforce", "strict"]
Outcome = Literal["pass", "mutate", "audit", "block", "error"]
Hook = Literal["llm_input", "llm_output", "mcp_tool_pre_invoke", "mcp_tool_post_invoke"]

LOOKBEHIND = 64
"""Characters of left context that a detector may read before the start of a finding."""


@dataclass(frozen=True, slots=True)
class Span:
    """A finding: text[start:end] (character offsets) is of this `label` (e.g. `EMAIL`)."""

    start: int
    end: int
    label: str


class Detector(Protocol):
    """Finds things in text. Pure, linear in the text, safe on any input."""

    def find(self, text: str) -> list[Span]:
        """Non-overlapping spans in order."""
        ...

    def holdback(self, text: str) -> int:
        """How many trailing characters might still begin or extend a finding if text followed.

        For every split `a + b`: findings of `a` that end at or before `len(a) - holdback(a)` are
        findings of `a + b`, and no finding of `a + b` starts before that point unless it is one of
        those.
        """
        ...

    def scan(self, text: str, start: int, final: bool) -> tuple[list[Span], int]:
        """Both at once, for text that arrives in pieces: the findings that are settled, and where.

        `text[:start]` (at most LOOKBEHIND characters are needed) is context that was settled
        before; no finding begins in it. `final`: nothing follows, so everything is settled.
        Equal to `find` and `holdback` for `start` 0.
        """
        ...

    def replacement(self, span: Span, found: str) -> str:
        """What a mutate puts in place of `found`."""
        ...


@dataclass(frozen=True, slots=True)
class Finding:
    """For the audit entry: what was found where, never the text itself (P4)."""

    guardrail: str
    label: str
    path: str
    count: int


@dataclass(frozen=True, slots=True)
class HookResult:
    """What one hook decided over one body or stream.

    `blocked_by`: selector of the guardrail that refused, '' when none did. `failed`: a strict
    guardrail could not run (-> guardrail_unavailable). `outcomes`: selector -> outcome, for
    `x-tfy-guardrails-applied` and the entry. `changed`: a mutate replaced text.
    `scanned_texts` / `scanned_chars`: coverage; what was not scanned is never called passed (P3).
    """

    blocked_by: str = ""
    failed: bool = False
    message: str = ""
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    findings: Sequence[Finding] = ()
    changed: bool = False
    scanned_texts: int = 0
    scanned_chars: int = 0
