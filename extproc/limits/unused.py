"""Rules that no request has touched in their window: counters that do not exist yet. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from extproc.limits.rules import CompiledRule
from extproc.limits.values import CounterReading


def unused(
    rules: Iterable[CompiledRule], readings: Sequence[CounterReading], now_ms: int
) -> list[CounterReading]:
    """A reading of nothing for each rule that has no counter.

    A rule that counts per caller gets one for all; `counter` is then the prefix of its counters.
    """
    used = {(r.rule_id, r.kind, r.measure, r.window) for r in readings}
    return [
        _reading(rule, now_ms)
        for rule in rules
        if (rule.rule_id, rule.kind, rule.measure, rule.window.label) not in used
    ]


def _reading(rule: CompiledRule, now_ms: int) -> CounterReading:
    window, span = rule.window, None
    if window.shape == "calendar":
        span = window.span(now_ms)
    return CounterReading(
        rule_id=rule.rule_id,
        kind=rule.kind,
        counter=rule.prefix,
        measure=rule.measure,
        shape=window.shape,
        window=window.label,
        window_id=span.id if span else "",
        limit=rule.limit,
        spent=0,
        reserved=0,
        reset_ms=span.end_ms - now_ms if span else 0,
        audit_only=rule.mode == "audit",
        elapsed_ms=now_ms - span.start_ms if span else 0,
        soft_limit=rule.soft_limit,
    )
