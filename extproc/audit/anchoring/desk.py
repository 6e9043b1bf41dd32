"""The anchoring of one gateway: every target on its own way, beside the request path.

Promises: nothing here raises, blocks the event loop or waits for anything but its own target; a
target that is away delays no other. What a target has had is on the disk, so that a restart goes
on where the last run ended.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from extproc.audit.anchoring.delivery import Delivery, Target, name_of
from extproc.audit.anchoring.lane import Lane, Places, Row
from extproc.config.audit_model import Audit


def _wall_clock_ms() -> int:
    return time.time_ns() // 1_000_000


class AnchorDesk:
    """`log_folder`: the log's. `state_folder`: for the cursors; made when needed.

    `clock_ms`: Unix time. `sleep`: seconds.
    """

    def __init__(
        self,
        log_folder: Path,
        state_folder: Path,
        audit: Audit,
        *,
        clock_ms: Callable[[], int] = _wall_clock_ms,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: random.Random | None = None,
    ) -> None:
        self._places = Places(log_folder, state_folder)
        self._clock_ms, self._sleep = clock_ms, sleep
        self._chance = chance or random.Random()
        self._delivery = Delivery(log_folder, clock_ms)
        self._lanes: dict[str, Lane] = {}
        self._changed = asyncio.Event()
        self.use(audit)

    def use(self, audit: Audit) -> None:
        """Take the targets of a configuration; one that is as it was goes on undisturbed."""
        lanes: dict[str, Lane] = {}
        targets: tuple[Target, ...] = (*audit.witnesses, *audit.anchors)
        for target in targets:
            name = name_of(target)
            known = self._lanes.get(name)
            as_it_was = known is not None and known.target == target
            lanes[name] = known if known and as_it_was else self._lane(target)
        self._lanes = lanes
        self._changed.set()

    def rows(self) -> list[Row]:
        """What each target has come to."""
        return [lane.row for lane in self._lanes.values()]

    async def run(self) -> None:
        """Send until cancelled."""
        running: dict[Lane, asyncio.Task[None]] = {}
        try:
            while True:
                self._changed.clear()
                wanted = set(self._lanes.values())
                for lane in wanted - running.keys():
                    running[lane] = asyncio.create_task(self._keep_sending(lane))
                for lane in running.keys() - wanted:
                    running.pop(lane).cancel()
                await self._changed.wait()
        finally:
            for task in running.values():
                task.cancel()
            await asyncio.gather(*running.values(), return_exceptions=True)

    async def once(self, within_s: float = 10.0) -> None:
        """Send the latest checkpoint to every target that has not had it, and wait for that.

        For the end of a run, after `run` was cancelled.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await asyncio.gather(*(lane.step() for lane in self._lanes.values()))

    async def close(self) -> None:
        """Close connections; call it after `run` was cancelled."""
        await self._delivery.close()

    async def _keep_sending(self, lane: Lane) -> None:
        while True:
            await self._sleep(await lane.step() / 1000)

    def _lane(self, target: Target) -> Lane:
        return Lane(target, self._places, self._delivery, self._clock_ms, self._chance)
