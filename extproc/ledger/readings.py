"""The store's counters as an operator sees them: keys and meta text -> `CounterReading`. Pure."""

from __future__ import annotations

from typing import Literal, cast

from extproc.limits.values import CounterReading, Kind, Measure

SHAPES: dict[str, Literal["sliding", "calendar", "flight"]] = {
    "s": "sliding", "c": "calendar", "f": "flight",
}  # fmt: skip


def reading(key: str, meta: str, spent: int, reserved: int, reset_ms: int) -> CounterReading:
    """`key` and `meta` as in `shared.lua`. Raises ValueError for another program's key."""
    _, shape, window, measure, span, counter = key.split(":", 5)
    mode, w1, w2, limit, soft, rule_id = meta.split(":", 5)
    elapsed_ms = int(w2) - int(w1) - reset_ms if shape == "c" else 0
    return CounterReading(
        rule_id=rule_id,
        kind=cast(Kind, counter.partition(":")[0]),
        counter=counter,
        measure=cast(Measure, measure),
        shape=SHAPES[shape],
        window=window,
        window_id=span,
        limit=int(limit),
        spent=spent,
        reserved=reserved,
        reset_ms=reset_ms,
        audit_only=mode == "a",
        elapsed_ms=max(0, elapsed_ms),
        soft_limit=int(soft),
    )
