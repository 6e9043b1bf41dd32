"""Readings made by hand, for what operators are shown."""

from __future__ import annotations

from typing import Any

from extproc.limits.values import CounterReading


def shown(rule: str = "day", spent: int = 0, limit: int = 1_000, **more: Any) -> CounterReading:
    """A token budget of November; `more` changes it."""
    parts: dict[str, Any] = {
        "rule_id": rule, "kind": "budget", "counter": f"budget:{rule}:", "measure": "tokens",
        "shape": "calendar", "window": "month", "window_id": "2026-11", "limit": limit,
        "spent": spent, "reserved": 0, "reset_ms": 3_600_000,
    }  # fmt: skip
    return CounterReading(**(parts | more))
