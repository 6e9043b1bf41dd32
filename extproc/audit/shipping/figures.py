"""What each sink has come to, as numbers: counted by its lane, passed on as one small JSON file.

Promises: names of sinks and numbers only (P4). A file that nobody has written for a while says
that nothing is shipped: every sink is down, and what waits grows older.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import orjson

from extproc.audit.disk import write_all

NAME = ".figures.json"
"""No sink's name begins with a dot."""
STALE_MS = 10_000
EntryOutcome = Literal["shipped", "failed", "refused", "pruned"]


@dataclass(slots=True)
class Figures:
    """Of one lane, since its process began. `oldest_ms`: Unix time of what has waited longest."""

    entries: Counter[EntryOutcome] = field(default_factory=Counter)
    up: bool = True
    next: int = 0
    oldest_ms: int | None = None


@dataclass(frozen=True, slots=True)
class SinkState:
    """What is shown of one sink. `age_s`: of the oldest entry that waits, 0 when none does."""

    sink: str
    up: bool
    lag_entries: int
    age_s: float
    entries: Mapping[str, int]


def encode(lanes: Mapping[str, Figures], log_size: int, now_ms: int) -> bytes:
    """All lanes at one moment."""
    return orjson.dumps({"at_ms": now_ms, "sinks": {
        name: {
            "up": lane.up,
            "lag_entries": max(0, log_size - lane.next),
            "oldest_ms": lane.oldest_ms if log_size > lane.next else None,
            "entries": dict(lane.entries),
        }
        for name, lane in lanes.items()
    }})  # fmt: skip


def write(folder: Path, data: bytes) -> None:
    """Seen whole or not at all; not durable, for it is written every second. Raises OSError."""
    aside = folder / (NAME + ".new")
    fd = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        write_all(fd, data)
    finally:
        os.close(fd)
    os.replace(aside, folder / NAME)


def read(folder: Path, now_ms: int) -> list[SinkState]:
    """Every sink, by name; empty where nothing was ever shipped or the file cannot be read."""
    try:
        data = orjson.loads((folder / NAME).read_bytes())
        alive = now_ms - int(data["at_ms"]) <= STALE_MS
        return [_state(name, lane, alive, now_ms) for name, lane in sorted(data["sinks"].items())]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []


def _state(name: str, lane: Any, alive: bool, now_ms: int) -> SinkState:
    oldest_ms = lane["oldest_ms"]
    age_s = 0.0 if oldest_ms is None else max(0, now_ms - int(oldest_ms)) / 1000
    counts = {str(k): int(v) for k, v in lane["entries"].items()}
    return SinkState(name, alive and bool(lane["up"]), int(lane["lag_entries"]), age_s, counts)


def outcomes(states: Iterable[SinkState]) -> list[tuple[tuple[str, str], int]]:
    """Rows of a counter: (sink, outcome) -> entries."""
    return [((s.sink, outcome), n) for s in states for outcome, n in sorted(s.entries.items())]
