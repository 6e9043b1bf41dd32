"""What one worker tells the outside about closed exchanges: metrics always, OTLP where configured.

Promises: `exchange_closed` never raises and never waits; a full disk or a dead collector costs
figures, not requests. Publishing happens about once a second, and a last time at the end.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from extproc.config.model import Telemetry
from extproc.exchange.record import Record
from extproc.exchange.world import Observer
from extproc.telemetry.metrics import Metrics
from extproc.telemetry.series import Key
from extproc.telemetry.snapshot import SnapshotFile, encode

if TYPE_CHECKING:
    from extproc.telemetry.otlp import Otlp

log = logging.getLogger("envelope.telemetry")

SNAPSHOT_EVERY_S = 1.0
OTLP_METRICS_EVERY_S = 10.0
NO_SPANS: Mapping[Key, int] = {}
Sleep = Callable[[float], Awaitable[None]]


def build_observer(config: Telemetry, metrics_folder: Path, owner: str) -> Observer:
    """One worker's observer. `owner` names its snapshot; a restart has another owner."""
    otlp: Otlp | None = None
    if config.otlp_endpoint is not None:
        # Imported here: the exporters cost memory, and most sidecars do not use them.
        from extproc.telemetry.otlp import Otlp

        otlp = Otlp(config.otlp_endpoint, owner)
    metrics = Metrics(config.metric_metadata_keys)
    return WorkerObserver(metrics, SnapshotFile(metrics_folder, owner), owner, otlp)


class WorkerObserver:
    """Implements `Observer`. All methods but `close` belong to the worker's event loop."""

    def __init__(
        self,
        metrics: Metrics,
        file: SnapshotFile,
        owner: str,
        otlp: Otlp | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._metrics, self._file, self._owner, self._otlp = metrics, file, owner, otlp
        self._sleep = sleep
        self._began_ns = time.time_ns()
        self._number = 0
        self._changed = True
        self._disk_takes = True

    def exchange_closed(self, record: Record) -> None:
        self._changed = True
        try:
            self._metrics.exchange_closed(record)
            if self._otlp is not None:
                self._otlp.exchange_closed(record)
        except Exception as error:
            self._metrics.fault(error)

    def shadowed(self, result: str) -> None:
        """A copy of a call was `sent`, `failed` or `dropped`."""
        self._changed = True
        self._metrics.shadowed(result)

    async def run(self) -> None:
        """Publish until cancelled."""
        if self._otlp is None:
            await self._publish_forever()
        else:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._publish_forever())
                group.create_task(self._export_forever(self._otlp))

    async def close(self) -> None:
        """The last of it; with OTLP, a few seconds for what is queued."""
        await self._publish()
        if self._otlp is not None:
            await self._export_metrics(self._otlp)
            await asyncio.to_thread(self._otlp.close)
            await self._publish()  # what became of the last spans

    async def _publish_forever(self) -> None:
        while True:
            await self._sleep(SNAPSHOT_EVERY_S)
            if self._changed:
                self._changed = self._otlp is not None
                await self._publish()

    async def _export_forever(self, otlp: Otlp) -> None:
        while True:
            await self._sleep(OTLP_METRICS_EVERY_S)
            await self._export_metrics(otlp)

    async def _publish(self) -> None:
        """Encoded here, so that it is one moment's figures; written where a slow disk may wait."""
        self._number += 1
        spans = self._otlp.outcomes() if self._otlp is not None else NO_SPANS
        content = encode(self._metrics, self._owner, spans)
        try:
            await asyncio.to_thread(self._file.write, self._number, content)
            self._disk_takes = True
        except OSError as error:
            self._changed = True
            if self._disk_takes:
                log.warning("metrics cannot be written: %s", error.strerror)
            self._disk_takes = False

    async def _export_metrics(self, otlp: Otlp) -> None:
        data = otlp.data(self._metrics, self._began_ns, time.time_ns())
        await asyncio.to_thread(otlp.export_metrics, data)
