"""Record -> one OpenTelemetry span.

Promises: the ids that the provider was given as `traceparent`, a child of the caller's span if
there was one; names and numbers only, no text of a request or an answer, no key (P4).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from extproc import __version__
from extproc.exchange.record import Record
from extproc.exchange.trace import child_of
from extproc.guardrails.values import HookResult
from extproc.telemetry import figures, names

SCOPE = InstrumentationScope("extproc", __version__)
NAME_CHARS_MAX = 256
Attributes = dict[str, Any]
_PARENTLESS_FLAGS = TraceFlags(TraceFlags.SAMPLED)


def span_of(record: Record, resource: Resource) -> ReadableSpan:
    """One SERVER span named `{operation} {model}`. Its times are Unix nanoseconds."""
    started_ns = record.started_at_ms * 1_000_000
    ended_ns = started_ns + max(0, record.ended_ns - record.started_ns)
    context, parent = _contexts(record)
    return ReadableSpan(
        name=f"{record.operation or 'unknown'} {_asked(record) or figures.model(record)}",
        context=context,
        parent=parent,
        resource=resource,
        attributes=_attributes(record),
        events=list(_events(record, ended_ns)),
        kind=SpanKind.SERVER,
        status=_status(record),
        start_time=started_ns,
        end_time=ended_ns,
        instrumentation_scope=SCOPE,
    )


def _contexts(record: Record) -> tuple[SpanContext, SpanContext | None]:
    """Ours, and the caller's when it sent a well-formed one (then its sampling decision holds)."""
    outgoing, trace_id, span_id = child_of(record.traceparent, record.decision_id)
    trace, flags = int(trace_id, 16), TraceFlags(int(outgoing[-2:], 16))
    if trace_id == record.decision_id.replace("-", ""):
        return SpanContext(trace, int(span_id, 16), False, _PARENTLESS_FLAGS), None
    caller = int(record.traceparent.split("-")[2], 16)
    return (
        SpanContext(trace, int(span_id, 16), False, flags),
        SpanContext(trace, caller, True, flags),
    )


def _asked(record: Record) -> str:
    return _encodable(record.call.model[:NAME_CHARS_MAX]) if record.call is not None else ""


def _encodable(text: str) -> str:
    """A caller's JSON may name half a surrogate pair: one such span would spoil its batch."""
    return text.encode("utf-8", "replace").decode()


def _attributes(record: Record) -> Attributes:
    attributes: Attributes = {
        names.OPERATION_NAME: record.operation or "unknown",
        names.DECISION_ID: record.decision_id,
        names.OUTCOME: record.outcome,
        names.HTTP_STATUS: record.status,
        names.TEAM: _encodable(figures.team(record)),
        names.REQUEST_STREAM: record.stream,
    }
    optional = {
        names.REQUEST_MODEL: _asked(record),
        names.ENVIRONMENT: record.environment,
        names.ERROR_TYPE: figures.error_type(record),
        names.RULE_IDS: tuple(record.rule_ids),
    }
    attributes |= {name: value for name, value in optional.items() if value}
    return attributes | _served(record) | _usage(record)


def _served(record: Record) -> Attributes:
    served = record.served
    if served is None:
        return {}
    return {
        names.PROVIDER_NAME: served.account.provider,
        names.RESPONSE_MODEL: served.model.id,
        names.TARGET: served.name,
        names.ATTEMPTS: record.attempts,
    }


def _usage(record: Record) -> Attributes:
    usage = record.usage
    if usage is None:
        return {}
    return {
        names.USAGE_INPUT_TOKENS: usage.total_input_tokens,
        names.USAGE_OUTPUT_TOKENS: usage.total_output_tokens,
        names.USAGE_CACHE_READ_TOKENS: usage.cached_input_tokens,
        names.USAGE_CACHE_CREATION_TOKENS: (usage.cache_write_tokens + usage.cache_write_1h_tokens),
        names.COST_NANO_USD: record.cost_nano_usd,
    }


def _events(record: Record, at_ns: int) -> Iterator[Event]:
    refusal = record.refusal
    if refusal is not None:
        why = {
            names.EVENT_CODE: refusal.code.value,
            names.EVENT_RULE: refusal.rule_id or figures.NONE,
        }
        yield Event(names.EVENT_REFUSAL, why, at_ns)
    yield from _guardrails("llm_input", record.input_guard, at_ns)
    yield from _guardrails("llm_output", record.output_guard, at_ns)
    for counter in record.counters:
        limit: Attributes = {
            names.EVENT_RULE: counter.rule_id,
            names.EVENT_LIMIT_LEFT: counter.left,
            names.EVENT_LIMIT_OVER: counter.over,
        }
        yield Event(names.EVENT_LIMIT, limit, at_ns)


def _guardrails(hook: str, result: HookResult | None, at_ns: int) -> Iterator[Event]:
    for guardrail, outcome in result.outcomes.items() if result is not None else ():
        ran = {
            names.EVENT_GUARDRAIL_NAME: guardrail,
            names.EVENT_GUARDRAIL_HOOK: hook,
            names.EVENT_GUARDRAIL_OUTCOME: outcome,
        }
        yield Event(names.EVENT_GUARDRAIL, ran, at_ns)


def _status(record: Record) -> Status:
    """A refusal is the gateway doing its work; an error is a 5xx or an answer that broke off."""
    broken = record.status >= 500 or record.outcome in ("upstream_error", "truncated")
    return Status(StatusCode.ERROR if broken else StatusCode.UNSET)
