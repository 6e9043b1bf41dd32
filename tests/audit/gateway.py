"""A small gateway's worth of entries, spools and logs for the tests of the audit log."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from extproc.audit.entry import rfc3339
from extproc.audit.read import lines
from extproc.audit.sequencer import LOG, SPOOL, Sequencer
from extproc.audit.spool import Spool

NOON = 1_795_176_000_000  # 2026-11-20T12:00:00Z


def entry(n: int, **more: Any) -> dict[str, Any]:
    """A plausible entry; `n` makes it its own."""
    return {
        "decision_id": f"d-{n}",
        "at": rfc3339(NOON + n),
        "principal": {"type": "virtual-account", "name": "support-bot", "team": "support-ai"},
        "request": {"model": "prod/assistant", "operation": "chat"},
        "decision": {"outcome": "allowed", "http_status": 200},
        "usage": {"input_tokens": 10 + n, "output_tokens": 3},
        "cost_nano_usd": 1000 * n,
        **more,
    }


def spool(root: Path, owner: str = "w0-1", **more: Any) -> Spool:
    """A worker's spool below the audit folder `root`, with a clock that stands still."""
    more.setdefault("clock_ms", lambda: NOON)
    return Spool(root / SPOOL, owner, **more)


@contextmanager
def sequencer(root: Path, **more: Any) -> Iterator[Sequencer]:
    """A sequencer that signs at every step unless told otherwise."""
    more.setdefault("checkpoint_interval_ms", 0)
    worker = Sequencer(root, **more)
    try:
        yield worker
    finally:
        worker.close()


def logged(root: Path) -> list[dict[str, Any]]:
    """Every entry of the log below `root`."""
    return [orjson.loads(line) for line in lines(root / LOG)]


def ids(root: Path) -> list[str]:
    """Decision ids in the order of the log."""
    return [e["decision_id"] for e in logged(root)]


def build(root: Path, *sizes: int, start: int = 0) -> Path:
    """A log with a checkpoint after each of `sizes` entries; returns the log's folder."""
    writer = spool(root, f"w-{start}")
    with sequencer(root) as worker:
        done = 0
        for size in sizes:
            for n in range(start + done, start + size):
                writer.close(entry(n))
            worker.poll(NOON)
            done = size
        writer.release()
        worker.poll(NOON)
    return root / LOG
