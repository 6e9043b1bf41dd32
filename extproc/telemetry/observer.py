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
from extproc.config.secrets import SecretMissing
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
NOTHING: Mapping[Key, int] = {}
Sleep = Callable[[float], Awaitable[None]]


def build_observer(
    config: Telemetry, metrics_folder: Path, owner: str, environment: str = ""
) -> Observer:
    """One worker's observer. `owner` names its snapshot; a restart has another owner.

    `environment`: the gateway's own, which spans and metrics are sent as being of.
    """
    metrics = Metrics(config.metric_metadata_keys)
    otlp = _exporter(config, owner, environment)
    return WorkerObserver(metrics, SnapshotFile(metrics_folder, owner), owner, otlp)


def _exporter(config: Telemetry, owner: str, environment: str) -> Otlp | None:
    """What keeps telemetry from being sent never keeps a worker from starting."""
    if not (config.exports_traces or config.exports_metrics):
        return None
    # Imported here: the messages cost memory, and most sidecars do not send any.
    from extproc.telemetry.otlp import open_otlp

    try:
        return open_otlp(config, owner, environment)
    except (SecretMissing, OSError, ValueError) as error:
        log.error("no telemetry is sent: %s", type(error).__name__)
        return None


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
                group.create_task(self._otlp.run())
                group.create_task(self._export_forever(self._otlp))

    async def close(self) -> None:
        """The last of it; with OTLP, a few seconds for what is queued."""
        await self._publish()
        if self._otlp is not None:
            await self._otlp.close(self._metrics, self._began_ns, time.time_ns())
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
        otlp = self._otlp
        spans, exports = (otlp.outcomes(), otlp.exports()) if otlp else (NOTHING, NOTHING)
        content = encode(self._metrics, self._owner, spans, exports)
        try:
            await asyncio.to_thread(self._file.write, self._number, content)
            self._disk_takes = True
        except OSError as error:
            self._changed = True
            if self._disk_takes:
                log.warning("metrics cannot be written: %s", error.strerror)
            self._disk_takes = False

    async def _export_metrics(self, otlp: Otlp) -> None:
        await otlp.export_metrics(self._metrics, self._began_ns, time.time_ns())
