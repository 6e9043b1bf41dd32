"""Values of the guardrail engine: what a detector finds, what a hook decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from extproc.config.guardrail_model import Hook as Hook
from extproc.llm.call import Role

Strategy = Literal["audit", "enforce", "strict"]
Outcome = Literal["pass", "mutate", "audit", "block", "error", "pending"]

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
class Passage:
    """One text as a hook sees it: of a body, or all of one channel of a stream."""

    path: str
    role: Role
    text: str
    json_text: bool = False


@dataclass(frozen=True, slots=True)
class Scene:
    """Whose call it is. `server`, `tool` and `arguments`: of a tool call (MCP), else empty.

    `internal`: the gateway's own call on behalf of a guardrail; it must not ask itself again.
    """

    decision_id: str = ""
    principal: Mapping[str, str] = field(default_factory=dict)
    """`type`, `name`, `team`, `key`, as in a policy's input."""
    subjects: frozenset[str] = frozenset()
    metadata: Mapping[str, str] = field(default_factory=dict)
    environment: str = ""
    operation: str = "chat"
    dialect: str = "openai"
    models: tuple[str, ...] = ()
    traceparent: str = ""
    server: str = ""
    tool: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    internal: bool = False


@dataclass(frozen=True, slots=True)
class Exam:
    """What a check or a service is shown: one hook's texts, after every local redaction.

    `passages`: the texts looked at, in order. `asked`: the request's texts, at the output hook.
    `request`: the request's body. `answer`: a whole answer's body; None at the input hook and for a
    stream. `unscanned`: parts of the request that nobody can read. Nothing in it may be changed.
    """

    hook: Hook
    scene: Scene
    passages: tuple[Passage, ...]
    asked: tuple[Passage, ...] = ()
    request: Mapping[str, Any] = field(default_factory=dict)
    answer: Mapping[str, Any] | None = None
    unscanned: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Remark:
    """One reason to object. `label`: upper case, from a closed set, never content (P4).

    `score`: 0 to 1 where the judge gives one. `path`: of the passage, '' for the whole.
    """

    label: str
    path: str = ""
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Opinion:
    """What a check or a service says. Nothing in `remarks` and `spans`: it has no objection.

    `spans`: (index of the passage, place in it) where it knows the place; a mutating guardrail
    has them redacted. `texts`: index of a passage -> the text to put in its place; only heeded of a
    mutating guardrail. `message`: for the caller alone, at most 500 characters are shown.
    """

    remarks: tuple[Remark, ...] = ()
    spans: tuple[tuple[int, Span], ...] = ()
    texts: Mapping[int, str] = field(default_factory=dict)
    message: str = ""

    @property
    def objects(self) -> bool:
        return bool(self.remarks or self.spans)


Fault = Literal[
    "timeout", "unreachable", "circuit_open", "bad_answer", "unauthorized", "rate_limited",
    "too_large", "budget", "defect",
]  # fmt: skip
"""Why a guardrail could not judge; a closed set, for the entry and the metric."""


class GuardrailFault(Exception):
    """Raised by a check or a service that could not judge."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault)
        self.fault = fault


class Check(Protocol):
    """Judges all texts of a hook at once, in this process. Pure and fast, or it is a service."""

    def examine(self, exam: Exam) -> Opinion:
        """Raises GuardrailFault where it cannot judge."""
        ...


class Service(Protocol):
    """Asks somebody. The engine keeps its time limit and its circuit breaker.

    `endpoint`: whom it asks; guardrails of one endpoint share a breaker.
    """

    endpoint: str

    async def ask(self, exam: Exam) -> Opinion:
        """Raises GuardrailFault where it cannot judge."""
        ...


class Bound(Protocol):
    """A detector that needs this call's own texts: it is made anew for each."""

    def detector(self, asked: Sequence[Passage]) -> Detector | None:
        """`asked`: the request's texts. None when there is nothing to look for."""
        ...


@dataclass(frozen=True, slots=True)
class Finding:
    """For the audit entry: what was found where, never the text itself (P4)."""

    guardrail: str
    label: str
    path: str
    count: int
    score: float | None = None


@dataclass(frozen=True, slots=True)
class HookResult:
    """What one hook decided over one body or stream.

    `blocked_by`: selector of the guardrail that refused, '' when none did. `failed`: a strict
    guardrail could not run (-> guardrail_unavailable). `outcomes`: selector -> outcome, for
    `x-tfy-guardrails-applied` and the entry. `faults`: selector -> why it could not judge.
    `changed`: a mutate replaced text. `scanned_texts` / `scanned_chars`: coverage; what was not
    scanned is never called passed (P3).
    """

    blocked_by: str = ""
    failed: bool = False
    message: str = ""
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    faults: dict[str, Fault] = field(default_factory=dict)
    findings: Sequence[Finding] = ()
    changed: bool = False
    scanned_texts: int = 0
    scanned_chars: int = 0
