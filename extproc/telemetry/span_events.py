"""What was decided on the way, as events of the exchange's span. Pure.

Promises: names, labels, numbers; never the place or the text of a finding (the audit entry has the
place). At most EVENTS_MAX. Each at the end of its phase, as far as phases were kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from operator import itemgetter

from extproc.exchange.record import Record
from extproc.guardrails.values import HookResult
from extproc.telemetry import figures, names
from extproc.telemetry import span_wire as wire
from extproc.telemetry.span_time import Clock
from extproc.telemetry.span_wire import Attributes

EVENTS_MAX = 128
Said = tuple[str, str, Attributes]
"""(event, the phase that it belongs to, what it says)."""


def events(record: Record, clock: Clock) -> bytes:
    """In the order of their phases, encoded as the fields of a span."""
    ends = {one.phase: clock.at(one.ended_ns) for one in record.spans or ()}
    found = [
        (ends.get(phase, clock.end), name, said)
        for name, phase, said in islice(_all(record), EVENTS_MAX)
    ]
    found.sort(key=itemgetter(0))
    return b"".join([wire.event(name, at_ns, said) for at_ns, name, said in found])


def _all(record: Record) -> Iterator[Said]:
    refusal = record.refusal
    if refusal is not None:
        yield (
            names.EVENT_REFUSAL,
            "verdict",
            {
                names.EVENT_CODE: refusal.code.value,
                names.EVENT_RULE: refusal.rule_id or figures.NONE,
            },
        )
    yield from _limits(record)
    yield from _changes(record)
    yield from _guardrails("llm_input", "guardrails", record.input_guard)
    yield from _guardrails("llm_output", "guardrails_out", record.output_guard)


def _limits(record: Record) -> Iterator[Said]:
    for counter in record.counters:
        left: Attributes = {
            names.EVENT_RULE: counter.rule_id,
            names.EVENT_LIMIT_LEFT: counter.left,
            names.EVENT_LIMIT_OVER: counter.over,
        }
        yield names.EVENT_LIMIT, "limits", left


def _changes(record: Record) -> Iterator[Said]:
    """What budgets and caps made of the request."""
    for step in record.degraded:
        taken: Attributes = {
            names.EVENT_RULE: step.rule_id,
            names.EVENT_ACTION: step.action,
            names.EVENT_AT_PERCENT: float(step.at_percent),
            names.EVENT_FROM: step.from_model,
            names.EVENT_TO: str(step.to_model or step.max_tokens or ""),
        }
        yield names.EVENT_DEGRADED, "limits", taken
    for clamped in record.clamped:
        before = clamped.before if clamped.before is not None else figures.NONE
        cut: Attributes = {
            names.EVENT_RULE: clamped.rule_id,
            names.EVENT_FROM: str(before),
            names.EVENT_TO: str(clamped.after),
        }
        yield names.EVENT_CLAMPED, "limits", cut


def _guardrails(hook: str, phase: str, result: HookResult | None) -> Iterator[Said]:
    if result is None:
        return
    for guardrail, outcome in result.outcomes.items():
        ran: Attributes = {
            names.EVENT_GUARDRAIL_NAME: guardrail,
            names.EVENT_GUARDRAIL_HOOK: hook,
            names.EVENT_GUARDRAIL_OUTCOME: outcome,
        }
        if guardrail in result.faults:
            ran[names.EVENT_GUARDRAIL_FAULT] = result.faults[guardrail]
        yield names.EVENT_GUARDRAIL, phase, ran
    for found in result.findings:
        yield (
            names.EVENT_FINDING,
            phase,
            {
                names.EVENT_GUARDRAIL_NAME: found.guardrail,
                names.EVENT_GUARDRAIL_HOOK: hook,
                names.EVENT_FINDING_LABEL: found.label,
                names.EVENT_FINDING_COUNT: found.count,
            },
        )
