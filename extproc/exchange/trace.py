"""W3C Trace Context: continue the caller's trace, or begin one named after the decision.

Promises: ids that can be found again from the log (a trace of our own is the decision id, our span
its tail, an attempt's span follows from its number); a caller's sampling decision is never changed.
What cannot be parsed is not passed on (W3C Trace Context, 4.3). Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import orjson

_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_NO_TRACE, _NO_SPAN = "0" * 32, "0" * 16
_RANDOM_BITS = 56
"""Of a trace id, its last ones: those that are random (Trace Context Level 2, 4.4); in a UUID the
bits before them say which kind it is."""
_STEP = 0x9E3779B97F4A7C15
"""Odd, so that no two attempts of one call share a span id (Knuth's multiplicative hashing)."""
TRACESTATE_CHARS_MAX = 512


@dataclass(frozen=True, slots=True)
class Trace:
    """Where one exchange stands in its trace. `parent_id`: the caller's span, '' without one.

    `flags`: those that go on; `state`: the caller's `tracestate`.
    """

    trace_id: str
    span_id: str
    parent_id: str
    flags: str
    state: str = ""

    @property
    def sampled(self) -> bool:
        return int(self.flags, 16) & 1 == 1

    @property
    def traceparent(self) -> str:
        """For whoever is asked on behalf of the exchange."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}"

    def child_id(self, number: int) -> str:
        """The span id of a child: attempts by their slot in the plan, from 1; phases after them."""
        own = (int(self.span_id, 16) + number * _STEP) & 0xFFFF_FFFF_FFFF_FFFF
        return f"{own or 1:016x}"

    def attempt(self, number: int) -> str:
        """The traceparent of that attempt."""
        return f"00-{self.trace_id}-{self.child_id(number)}-{self.flags}"


def begin(traceparent: str, decision_id: str, *, tracestate: str = "", ratio: float = 1.0) -> Trace:
    """The exchange's place in its trace. `ratio`: of the traces that begin here, how many are
    recorded; a caller's decision stands whatever it is. A `tracestate` without a good
    `traceparent`, or too long, is dropped."""
    own = decision_id.replace("-", "")
    span = own[-16:]
    match = _TRACEPARENT.fullmatch(traceparent)
    if match is None or match[1] == _NO_TRACE or match[2] == _NO_SPAN:
        return Trace(own, span, "", "01" if _drawn(own, ratio) else "00")
    good = len(tracestate) <= TRACESTATE_CHARS_MAX and tracestate.isascii()
    state = tracestate if good else ""
    return Trace(match[1], span, match[2], match[3], state)


def _drawn(trace_id: str, ratio: float) -> bool:
    """OpenTelemetry, "TraceState: Probability Sampling": kept when its random part is above the
    threshold. Every gateway of one trace decides alike."""
    if ratio >= 1:
        return True
    return int(trace_id[-14:], 16) >= round((1 - ratio) * (1 << _RANDOM_BITS))


def child_of(traceparent: str, decision_id: str) -> tuple[str, str, str]:
    """(traceparent for the provider, trace id, our span id). Ill-formed ones begin a new trace."""
    trace = begin(traceparent, decision_id)
    return trace.traceparent, trace.trace_id, trace.span_id


def opted_out(logging_config: str) -> bool:
    """Whether the caller's `x-tfy-logging-config` says `{"enabled": false}`. What cannot be read
    says nothing."""
    try:
        said = orjson.loads(logging_config)
    except orjson.JSONDecodeError:
        return False
    off: bool = isinstance(said, dict) and said.get("enabled") is False
    return off
