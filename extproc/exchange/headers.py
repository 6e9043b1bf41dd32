"""The headers that tell a caller what was done: model, rules, guardrails, limits, times."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import orjson

from extproc.exchange.record import Record
from extproc.limits.values import Charge, CounterState

if TYPE_CHECKING:
    from extproc.exchange.request import Request

_PATHS_SHOWN, _PATH_CHARS = 20, 200
"""A long conversation leaves out as many thoughts; the entry has more of them."""
TEMPLATE = {"x-tfy-resolved-model": "template"}
"""No model at all: the answer is a budget's fixed text."""


def answer_headers(request: Request, *, whole: bool) -> dict[str, str]:
    """`whole`: the answer is not a stream, so its times and output guardrails are known."""
    record, now_ns = request.record, request.world.now_ns()
    if whole:
        record.passed("answer", now_ns)
    headers = {
        "x-tfy-applied-configurations": orjson.dumps(list(dict.fromkeys(record.rule_ids))).decode(),
        "server-timing": server_timing(record, now_ns if whole else 0),
    }
    if record.served is not None:
        headers["x-tfy-resolved-model"] = record.served.name
    if record.left_out:
        # Of the caller's own body, by path; what an answer lost is in the entry.
        shown = [path[:_PATH_CHARS] for path in record.left_out[:_PATHS_SHOWN]]
        headers["x-envelope-left-out"] = orjson.dumps(shown).decode()
    outcomes = dict(record.input_guard.outcomes) if record.input_guard else {}
    if record.output_guard:
        outcomes |= record.output_guard.outcomes
    if outcomes:
        headers["x-tfy-guardrails-applied"] = orjson.dumps(outcomes).decode()
    return headers | ratelimit_headers(record.counters, request.charges)


def ratelimit_headers(
    counters: Sequence[CounterState], charges: Sequence[Charge]
) -> dict[str, str]:
    """IETF draft-ietf-httpapi-ratelimit-headers: quota, window and what is left of rate limits.

    Budgets are not shown: a balance is nobody's business but its owner's (P4). Calls in flight have
    no window that could be stated.
    """
    rates = [c for c in counters if c.kind == "rate" and c.limit >= 0]
    if not rates:
        return {}
    window_s = {c.rule_id: c.window.width_ms // 1000 for c in charges}
    left = ", ".join(f'"{c.rule_id}";r={max(0, c.left)};t={-(-c.reset_ms // 1000)}' for c in rates)
    policy = ", ".join(f'"{c.rule_id}";q={c.limit};w={window_s[c.rule_id]}' for c in rates)
    return {"ratelimit": left, "ratelimit-policy": policy}


def server_timing(record: Record, now_ns: int) -> str:
    """Phases in milliseconds (Server Timing, W3C). `total` only where the whole answer is there;
    then it is the sum of the others."""
    parts = [f"{name};dur={ns / 1e6:.3f}" for name, ns in record.phases_ns.items()]
    if record.provider_ns:
        parts.append(f"provider;dur={record.provider_ns / 1e6:.3f}")
    if now_ns:
        parts.append(f"total;dur={(now_ns - record.started_ns) / 1e6:.3f}")
    return ", ".join(parts)
