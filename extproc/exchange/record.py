"""The facts of one exchange, gathered on its way; the one source of its audit entry, metrics, span.

Mutable on purpose: it belongs to one exchange and one task. It never holds content or secrets
(P4): digests, counts, names.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from extproc.audit.content.values import CaptureDecision
from extproc.audit.entry import strings_only
from extproc.errors import Refusal
from extproc.exchange.basis import Basis
from extproc.exchange.trace import Trace
from extproc.guardrails.values import HookResult
from extproc.identity.principal import Principal
from extproc.limits.caps import NONE, Caps
from extproc.limits.values import CounterState
from extproc.llm.call import LlmCall
from extproc.policy.values import Decision
from extproc.routing.values import Ended, Target
from extproc.usage.usage import Usage


@dataclass(frozen=True, slots=True)
class Degraded:
    """One step of a budget that was taken instead of a refusal."""

    rule_id: str
    at_percent: float
    action: Literal["model", "max_tokens", "template"]
    from_model: str
    to_model: str | None = None
    max_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Clamped:
    """A maximum that a cap has set. `before`: what held until then; None: nobody had said."""

    rule_id: str
    before: int | None
    after: int


@dataclass(frozen=True, slots=True)
class Billed:
    """An earlier attempt that ended without an answer and may have been billed in full."""

    target: Target
    usage: Usage
    cost_nano_usd: int


@dataclass(slots=True)
class Span:
    """One stretch of a phase. `busy_ns`: of it, what was work (a stream is judged in pieces)."""

    phase: str
    began_ns: int
    ended_ns: int
    busy_ns: int


@dataclass(slots=True)
class Record:
    """One exchange. Times: `started_at_ms` is Unix time, everything else nanoseconds (monotonic).

    `outcome`: allowed | answered | refused | aborted | upstream_error | truncated | blocked.
    `usage`: of the attempt that answered. `cost_nano_usd`: of all that was billed.
    `basis`: what the decision was made of. `masked`: keys of metadata that are shown to nobody.
    `capture`: what is kept of the bodies, once decided; `content`: what the entry says of it.
    `marked_ns`: until when its time is accounted for. `provider_ns`: of it, spent waiting for a
    provider's answer. `spans`, `asked`, `finish_reasons`: kept where the exchange is traced only.
    """

    decision_id: str
    method: str
    path: str
    started_at_ms: int
    started_ns: int
    environment: str = ""
    config_digest: str = ""
    price_table_digest: str = ""
    traceparent: str = ""
    request_id: str = ""
    principal: Principal | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    masked: Collection[str] = ()
    capture: CaptureDecision | None = None
    content: dict[str, Any] = field(default_factory=dict)
    call: LlmCall | None = None
    dialect: str = ""
    operation: str = ""
    input_tokens: int = 0
    request_sha256: str = ""
    policy_digest: str = ""
    policy_engine: str = ""
    decisions: list[tuple[str, Decision]] = field(default_factory=list)
    rule_ids: list[str] = field(default_factory=list)
    reservation_id: str = ""
    counters: Sequence[CounterState] = ()
    caps: Caps = NONE
    clamped: list[Clamped] = field(default_factory=list)
    degraded: list[Degraded] = field(default_factory=list)
    unscanned_answer: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    left_out_of_answer: tuple[str, ...] = ()
    input_guard: HookResult | None = None
    output_guard: HookResult | None = None
    plan: tuple[str, ...] = ()
    dropped: Mapping[str, str] = field(default_factory=dict)
    served: Target | None = None
    attempts: int = 0
    tried: tuple[tuple[Target, Ended], ...] = ()
    refusal: Refusal | None = None
    status: int = 0
    upstream_details: str = ""
    basis: Basis = field(default_factory=Basis)
    usage: Usage | None = None
    usage_flags: list[str] = field(default_factory=list)
    billed: list[Billed] = field(default_factory=list)
    cost_nano_usd: int = 0
    response_sha256: str = ""
    stream: bool = False
    outcome: str = ""
    phases_ns: dict[str, int] = field(default_factory=dict)
    sent_ns: int = 0
    trace: Trace | None = None
    marked_ns: int = 0
    provider_ns: int = 0
    spans: list[Span] | None = None
    asked: Mapping[str, float] = field(default_factory=dict)
    finish_reasons: tuple[str, ...] = ()
    first_byte_ns: int = 0
    first_token_ns: int = 0
    last_token_ns: int = 0
    ended_ns: int = 0

    @property
    def shown_metadata(self) -> Mapping[str, str]:
        """For entries, metrics and spans: masked values are not there, whatever their type (P4)."""
        return strings_only(self.metadata, self.masked) if self.masked else self.metadata

    @property
    def digests(self) -> bool:
        """Whether the entry may hold digests of the bodies."""
        return self.capture is None or self.capture.capture != "none"

    def passed(self, phase: str, now_ns: int) -> None:
        """All the time since the last mark was this phase."""
        self.worked(phase, self.marked_ns, now_ns)
        self.marked_ns = now_ns

    def waited(self, now_ns: int) -> None:
        """All the time since the last mark was the provider's."""
        self.provider_ns += now_ns - self.marked_ns
        self.marked_ns = now_ns

    def worked(self, phase: str, began_ns: int, ended_ns: int) -> None:
        """This stretch was this phase. Stretches of one phase that follow each other are one."""
        phases, spans = self.phases_ns, self.spans
        phases[phase] = phases.get(phase, 0) + ended_ns - began_ns
        if spans is None:
            return
        if spans and spans[-1].phase == phase:
            spans[-1].ended_ns = ended_ns
            spans[-1].busy_ns += ended_ns - began_ns
        else:
            spans.append(Span(phase, began_ns, ended_ns, ended_ns - began_ns))
