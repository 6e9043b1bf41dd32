"""Record -> OpenTelemetry spans: the exchange's own, and below it its phases and attempts.

Promises: the ids that providers were given as `traceparent`, a child of the caller's span if there
was one; children lie inside their parent; names and numbers only, no text of a request or an
answer, no key (P4). Source: OpenTelemetry semantic conventions for generative AI.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from extproc.exchange.record import Record
from extproc.exchange.trace import Trace, begin
from extproc.telemetry import figures, names
from extproc.telemetry import span_wire as wire
from extproc.telemetry.attempt_spans import attempts
from extproc.telemetry.span_events import events
from extproc.telemetry.span_time import Clock
from extproc.telemetry.span_wire import Attributes, Kind

NAME_CHARS_MAX = 200
PHASE_NUMBER = 256
"""Children's numbers (`Trace.child_id`) from which on they are phases; attempts are below."""


def spans_of(record: Record, conversation_key: str = "") -> list[bytes]:
    """One SERVER span named `{operation} {model}`, an INTERNAL one for each stretch of a phase and
    a CLIENT one for each attempt, each as an encoded `Span`. Their times are Unix nanoseconds.

    `conversation_key`: the metadata key that becomes `gen_ai.conversation.id`, '' for none.
    """
    trace = record.trace or begin(record.traceparent, record.decision_id)
    clock, model = Clock(record), _asked(record) or figures.model(record)
    family = wire.family(trace.trace_id, trace.flags)
    server = (
        wire.head(f"{record.operation or 'unknown'} {model[:NAME_CHARS_MAX]}", Kind.SERVER),
        family,
        wire.ids(trace.span_id, trace.parent_id, trace.state),
        wire.times(clock.at(record.started_ns), clock.end),
        wire.attributes(_attributes(record, conversation_key)),
        events(record, clock),
        wire.status(_broken(record)),
    )
    return [
        b"".join(server),
        *_phases(record, trace, clock, family),
        *attempts(record, trace, clock, family),
    ]


def _phases(record: Record, trace: Trace, clock: Clock, family: bytes) -> Iterator[bytes]:
    for number, one in enumerate(record.spans or (), PHASE_NUMBER):
        parts = [
            _phase(one.phase),
            family,
            wire.ids(trace.child_id(number), trace.span_id),
            wire.times(clock.at(one.began_ns), clock.at(one.ended_ns)),
        ]
        if one.busy_ns != one.ended_ns - one.began_ns:
            parts.append(wire.attributes({names.PHASE_BUSY_S: one.busy_ns / 1e9}))
        yield b"".join(parts)


@lru_cache(maxsize=64)
def _phase(name: str) -> bytes:
    return wire.head(name, Kind.INTERNAL) + wire.attributes({names.PHASE: name})


def _asked(record: Record) -> str:
    return record.call.model if record.call is not None else ""


def _attributes(record: Record, conversation_key: str) -> Attributes:
    found: Attributes = {
        names.OPERATION_NAME: record.operation or "unknown",
        names.DECISION_ID: record.decision_id,
        names.OUTCOME: record.outcome,
        names.HTTP_STATUS: record.status,
        names.TEAM: figures.team(record),
        names.REQUEST_STREAM: record.stream,
    }
    optional: Attributes = {
        names.REQUEST_MODEL: _asked(record),
        names.ENVIRONMENT: record.environment,
        names.ERROR_TYPE: figures.error_type(record),
        names.RULE_IDS: tuple(dict.fromkeys(record.rule_ids)),
        names.CONVERSATION_ID: record.shown_metadata.get(conversation_key, ""),
        names.RESPONSE_FINISH_REASONS: record.finish_reasons,
    }
    found |= {name: value for name, value in optional.items() if value}
    return found | _request(record) | _served(record) | usage(record) | _times(record)


def _request(record: Record) -> Attributes:
    found: Attributes = {}
    call = record.call
    if call is not None and call.max_output_tokens is not None:
        found[names.REQUEST_MAX_TOKENS] = call.max_output_tokens
    if call is not None and call.choices != 1:
        found[names.REQUEST_CHOICE_COUNT] = call.choices
    for word, value in record.asked.items():
        name, whole = names.REQUEST_NUMBERS[word]
        found[name] = int(value) if whole else float(value)
    return found


def _served(record: Record) -> Attributes:
    served = record.served
    if served is None:
        return {}
    return {
        names.PROVIDER_NAME: names.provider(served.account.provider),
        names.RESPONSE_MODEL: served.model.id,
        names.TARGET: served.name,
        names.ATTEMPTS: record.attempts,
    }


def usage(record: Record) -> Attributes:
    """Tokens and cost, once an answer has used any."""
    used = record.usage
    if used is None:
        return {}
    found: Attributes = {
        names.USAGE_INPUT_TOKENS: used.total_input_tokens,
        names.USAGE_OUTPUT_TOKENS: used.total_output_tokens,
        names.USAGE_CACHE_READ_TOKENS: used.cached_input_tokens,
        names.USAGE_CACHE_CREATION_TOKENS: used.cache_write_tokens + used.cache_write_1h_tokens,
        names.COST_NANO_USD: record.cost_nano_usd,
    }
    if used.reasoning_tokens:
        found[names.USAGE_REASONING_TOKENS] = used.reasoning_tokens
    return found


def _times(record: Record) -> Attributes:
    found: Attributes = {}
    if record.sent_ns:
        found[names.GOVERNANCE_S] = (record.sent_ns - record.started_ns) / 1e9
    if record.first_token_ns:
        first_ns = record.first_token_ns - record.started_ns
        found[names.RESPONSE_TIME_TO_FIRST_CHUNK] = first_ns / 1e9
    per_token_ns = figures.per_output_token_ns(record)
    if per_token_ns is not None:
        found[names.TIME_PER_TOKEN_S] = per_token_ns / 1e9
    return found


def _broken(record: Record) -> bool:
    """A refusal is the gateway doing its work; an error is a 5xx or an answer that broke off."""
    return record.status >= 500 or record.outcome in ("upstream_error", "truncated")
