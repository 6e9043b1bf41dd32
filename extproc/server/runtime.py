"""What one worker process holds while it serves: the current world, and what is still open.

Owns the exchanges in flight, the reservations to renew, the settlements not yet written.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Coroutine
from typing import Any

from extproc.exchange.exchange import Exchange
from extproc.exchange.values import Incoming
from extproc.exchange.world import World
from extproc.limits.values import LedgerUnavailable

log = logging.getLogger("envelope.runtime")

SETTLE_RETRY_S = 0.5


class Runtime:
    """One per worker. `world` is swapped whole on reload; an exchange keeps the one it has."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._open: set[Exchange] = set()
        self._tasks: set[asyncio.Task[Any]] = set()

    @property
    def overloaded(self) -> bool:
        return len(self._open) > self.world.config.gateway.listener.concurrent_requests_max

    def open(self, incoming: Incoming) -> Exchange:
        exchange = Exchange(self.world, incoming, time.time_ns() // 1_000_000)
        self._open.add(exchange)
        return exchange

    def closed(self, exchange: Exchange) -> None:
        """The stream is over: settle out of the caller's path."""
        if exchange in self._open:
            self._open.discard(exchange)
            if exchange.holds_reservation:
                self.spawn(self._settle(exchange))

    def spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _settle(self, exchange: Exchange) -> None:
        """Until the store takes it. If this process dies first, the reservation expires in full."""
        while True:
            try:
                await exchange.settle()
                return
            except LedgerUnavailable:
                log.warning("settlement waits for the store")
                await asyncio.sleep(SETTLE_RETRY_S)

    async def renew_forever(self) -> None:
        """Keep the reservations of running calls alive (P2)."""
        while True:
            ttl_ms = self.world.config.gateway.limits.reservation_ttl_ms
            await asyncio.sleep(ttl_ms / 3000)
            ids = [e.record.reservation_id for e in self._open if e.record.reservation_id]
            try:
                await self.world.ledger.renew(ids, ttl_ms)
            except LedgerUnavailable:
                log.warning("reservations could not be renewed")

    async def drained(self) -> None:
        """Returns when nothing is open and everything is settled."""
        while self._open or self._tasks:
            await asyncio.sleep(0.02)
