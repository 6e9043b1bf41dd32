"""Each attempt at a provider as a CLIENT span. Pure.

Envoy makes the attempts and tells how each ended, not when. So the times of a single attempt are
exact; of several each lies somewhere between the verdict and the answer, and its span says so
(`envelope.attempt.times` = `bounds`).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from urllib.parse import urlsplit

from extproc.exchange.record import Record
from extproc.exchange.trace import Trace
from extproc.routing.values import Ended, Ending, Target
from extproc.telemetry import figures, names
from extproc.telemetry import span_wire as wire
from extproc.telemetry.span_time import Clock
from extproc.telemetry.span_wire import Attributes, Kind

_NEVER_SENT = frozenset({"refused", "answered"})


def attempts(record: Record, trace: Trace, clock: Clock, family: bytes) -> Iterator[bytes]:
    """In order, each as an encoded `Span`. One whose answer nobody saw is there too: it may have
    been billed (P2). `family`: what all spans of the trace have in common."""
    tried = record.tried
    for number, (target, ended) in enumerate(tried, 1):
        before, last = tried[number - 2][0] if number > 1 else None, number == len(tried)
        said = _said(record, target, ended) | {
            names.ATTEMPT_NUMBER: number,
            names.ATTEMPT_REASON: _reason(target, before),
        }
        if error := _error(record, ended, last):
            said[names.ERROR_TYPE] = error
        if last and ended.ending is Ending.ANSWERED:
            said |= _answer(record)
        end_ns = figures.answered_ns(record) if last else record.first_byte_ns or record.ended_ns
        yield family + _own(record, trace, clock, ended.slot, end_ns, target.model.id, said)
    if not tried and record.sent_ns and record.plan and record.outcome not in _NEVER_SENT:
        said = _unseen(record)
        yield family + _own(record, trace, clock, 1, record.ended_ns, record.plan[0], said)


def _own(
    record: Record, trace: Trace, clock: Clock, slot: int, end_ns: int, model: str,
    said: Attributes,
) -> bytes:  # fmt: skip
    return b"".join((
        wire.head(f"{record.operation or 'unknown'} {model}", Kind.CLIENT),
        wire.ids(trace.child_id(slot), trace.span_id),
        wire.times(clock.at(record.sent_ns), clock.at(end_ns)),
        wire.attributes(said),
        wire.status(names.ERROR_TYPE in said),
    ))  # fmt: skip


def _said(record: Record, target: Target, ended: Ended) -> Attributes:
    host, port = _address(target.account.url)
    found: Attributes = {
        names.OPERATION_NAME: record.operation or "unknown",
        names.PROVIDER_NAME: names.provider(target.account.provider),
        names.REQUEST_MODEL: target.model.id,
        names.SERVER_ADDRESS: host,
        names.SERVER_PORT: port,
        names.TARGET: target.name,
        names.ATTEMPT_SLOT: ended.slot,
        names.ATTEMPT_ENDING: ended.ending.value,
        names.ATTEMPT_TIMES: "exact" if len(record.tried) == 1 else "bounds",
    }
    if target.key:
        found[names.KEY] = target.key
    if ended.status:
        found[names.HTTP_STATUS] = ended.status
    if ended.retry_after_s:
        found[names.ATTEMPT_RETRY_AFTER_S] = ended.retry_after_s
    return found


def _answer(record: Record) -> Attributes:
    """What the answer of this attempt used, and how fast it was."""
    found: Attributes = {}
    if record.usage is not None:
        found[names.USAGE_INPUT_TOKENS] = record.usage.total_input_tokens
        found[names.USAGE_OUTPUT_TOKENS] = record.usage.total_output_tokens
    if record.finish_reasons:
        found[names.RESPONSE_FINISH_REASONS] = record.finish_reasons
    if record.first_token_ns and len(record.tried) == 1:
        first_ns = record.first_token_ns - record.sent_ns
        found[names.RESPONSE_TIME_TO_FIRST_CHUNK] = first_ns / 1e9
    per_token_ns = figures.per_output_token_ns(record)
    if per_token_ns is not None:
        found[names.TIME_PER_TOKEN_S] = per_token_ns / 1e9
    return found


def _reason(target: Target, before: Target | None) -> str:
    """Why this attempt was made."""
    if before is None:
        return "first"
    return "retry" if target.base is before.base else "fallback"


def _error(record: Record, ended: Ended, last: bool) -> str:
    """`error.type` of a client span: how it ended, or the status where that is an error."""
    if ended.ending is not Ending.ANSWERED:
        return ended.ending.value
    if ended.status >= 400:
        return str(ended.status)
    return record.outcome if last and record.outcome in ("truncated", "upstream_error") else ""


def _unseen(record: Record) -> Attributes:
    """Sent, and nothing came back before the exchange was over: whose it was in the end is not
    known beyond the first."""
    return {
        names.OPERATION_NAME: record.operation or "unknown",
        names.TARGET: record.plan[0],
        names.ATTEMPT_NUMBER: 1,
        names.ATTEMPT_SLOT: 1,
        names.ATTEMPT_ENDING: "unseen",
        names.ATTEMPT_REASON: "first",
        names.ATTEMPT_TIMES: "exact" if len(record.plan) == 1 else "bounds",
        names.ERROR_TYPE: record.outcome or "aborted",
    }


@lru_cache(maxsize=1024)
def _address(url: str) -> tuple[str, int]:
    """Host and port, for a URL of the configuration."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
