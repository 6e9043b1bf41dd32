"""A log, a lane over it, and a clock that only rests move: shipping without a network."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random
from typing import Any

from extproc.audit.log import Log
from extproc.audit.shipping.cursor import Desk
from extproc.audit.shipping.lane import Lane, Means
from extproc.audit.shipping.sinks.table import Surroundings, opening, shape_of
from extproc.audit.shipping.source import LogSource
from extproc.audit.shipping.values import Sender, Shape
from extproc.config.audit_model import Sink
from tests.audit.gateway import NOON, entry

ORIGIN = "gw.example.com/audit"
RESTS_MAX = 10_000


class Steps:
    """A clock that rests move at once. `until`: from when on it is time to leave."""

    finishing = False

    def __init__(self, until: Callable[[], bool] = lambda: False) -> None:
        self.now, self.until = NOON, until
        self.rests: list[int] = []
        self.leaving = False

    def now_ms(self) -> int:
        return self.now

    async def rest(self, ms: int) -> bool:
        self.rests.append(ms)
        self.now += ms
        await asyncio.sleep(0)
        self.leaving = self.until()
        assert len(self.rests) < RESTS_MAX, "it does not come to an end"
        return not self.leaving


class Road:
    """One state folder. `lane` makes a process's worth of lane over what is on the disk."""

    def __init__(self, root: Path) -> None:
        self.folder = root / "shipping"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log_folder = root / "log"
        self.written = 0

    def write(self, count: int, **more: Any) -> None:
        """`count` further entries."""
        log = Log(self.log_folder)
        log.append([entry(self.written + n, **more) for n in range(count)])
        log.close()
        self.written += count

    def write_entries(self, *entries: dict[str, Any]) -> None:
        log = Log(self.log_folder)
        log.append(list(entries))
        log.close()
        self.written += len(entries)

    def lane(
        self,
        sink: Sink,
        pace: Any,
        *,
        open_sender: Callable[[], Awaitable[Sender]] | None = None,
        shape: Shape | None = None,
        desk: Desk | None = None,
        store_url: str = "",
        origin: str = ORIGIN,
    ) -> Lane:
        around = Surroundings(store_url, self.folder, pace.now_ms)
        means = Means(
            source=LogSource(self.log_folder),
            desk=desk or Desk(self.folder, sink.name),
            opening=open_sender or opening(sink, around),
            pace=pace,
            chance=Random(1),
        )
        return Lane(sink, shape or shape_of(sink), origin, means)

    async def shipped(
        self, sink: Sink, done: Callable[[], bool] | None = None, **more: Any
    ) -> Lane:
        """Run a lane until it has passed every entry, or until `done`."""
        lanes: list[Lane] = []
        caught_up = done or (lambda: lanes[0].figures.next >= self.written)
        lane = self.lane(sink, Steps(caught_up), **more)
        lanes.append(lane)
        await lane.run()
        return lane


def sink_of(kind: str, name: str = "s", **fields: Any) -> Sink:
    """As the configuration would give it; small batches, sent at once."""
    fields = {"batch_entries_max": 4, "batch_wait_ms": 10, "timeout_ms": 2_000, **fields}
    return Sink.model_validate({"name": name, "type": kind, **fields})


def secret(folder: Path, name: str, value: str) -> dict[str, str]:
    """A reference to a secret in a file."""
    path = folder / name
    path.write_text(value)
    return {"file": str(path)}
