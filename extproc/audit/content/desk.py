"""What a gateway's parent does for kept content: erasures of other gateways, days that are over.

Promises: an expiry that could not be recorded is recorded later; nothing here ends for an error.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from redis.asyncio import Redis

from extproc.audit.content.announce import ErasureWatch, Record
from extproc.audit.content.expire import ACTION, Gone, expire
from extproc.audit.content.keys import KEYS
from extproc.audit.content.places import CONTENT
from extproc.audit.values import AuditUnavailable

log = logging.getLogger("envelope.audit")

EXPIRE_S = 3600.0
AGAIN_S = 10.0
Sleep = Callable[[float], Awaitable[None]]


def _wall_clock_ms() -> int:
    return time.time_ns() // 1_000_000


class ContentDesk:
    """`secret`: the gateway's own (`secret_at`). `record` raises AuditUnavailable."""

    def __init__(
        self,
        client: Redis,
        audit_folder: Path,
        secret: bytes,
        record: Record,
        clock_ms: Callable[[], int] = _wall_clock_ms,
    ) -> None:
        self._folder, self._record, self._clock_ms = audit_folder / CONTENT, record, clock_ms
        self._erasures = ErasureWatch(client, audit_folder / KEYS, secret, record, clock_ms)
        self._untold: list[Gone] = []

    async def run(self, sleep: Sleep = asyncio.sleep) -> None:
        """Until cancelled."""
        duties = (self._erasures.run(sleep), self._expire(sleep))
        both = [asyncio.create_task(duty) for duty in duties]
        try:
            await asyncio.gather(*both)
        finally:  # neither is left behind by the other's end
            for task in both:
                task.cancel()

    async def _expire(self, sleep: Sleep) -> None:
        while True:
            try:
                await self.once()
            except (OSError, AuditUnavailable) as error:
                log.error("days of kept content that are over: %s", type(error).__name__)
                await sleep(AGAIN_S)
                continue
            await sleep(EXPIRE_S)

    async def once(self) -> None:
        """Delete what is over, and record it. Raises OSError, AuditUnavailable."""
        self._untold += await asyncio.to_thread(expire, self._folder, self._clock_ms())
        while self._untold:
            gone = self._untold[0]
            self._record(ACTION, target=gone.folder, outcome="done", details=gone.details())
            del self._untold[0]
