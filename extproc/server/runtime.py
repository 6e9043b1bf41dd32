"""What one worker process holds while it serves: the current world, and what is still open.

Owns the exchanges in flight, the reservations to renew, the settlements not yet written.
"""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress

from extproc.exchange.exchange import Exchange
from extproc.exchange.values import Incoming
from extproc.exchange.world import World
from extproc.limits.values import LedgerUnavailable
from extproc.server.silence import Silence

log = logging.getLogger("envelope.runtime")

SETTLE_RETRY_S = 0.5
WATCH_STORE_S = 0.5
GATHER_S = 0.005
"""How long closed exchanges gather before they are settled together."""


class Runtime:
    """One per worker. `world` is swapped whole on reload; an exchange keeps the one it has."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.silence = Silence(time.monotonic)
        self._open: set[Exchange] = set()
        self._unsettled: list[Exchange] = []
        self._lingering: set[asyncio.Task[None]] = set()
        self._settling = 0
        self._settle_wanted = asyncio.Event()

    @property
    def overloaded(self) -> bool:
        return len(self._open) > self.world.config.gateway.listener.concurrent_requests_max

    def open(self, incoming: Incoming) -> Exchange:
        exchange = Exchange(self.world, incoming, time.time_ns() // 1_000_000)
        self._open.add(exchange)
        exchange.begin()
        return exchange

    def closed(self, exchange: Exchange) -> None:
        """The stream is over: settle out of the caller's path."""
        if exchange in self._open:
            self._open.discard(exchange)
            if exchange.lingers:
                self._linger(exchange)
            if exchange.holds_reservation:
                exchange.note_used()
                self._unsettled.append(exchange)
                self._settle_wanted.set()

    def _linger(self, exchange: Exchange) -> None:
        """Its last judges speak, and its entry is closed, out of everybody's way."""
        task = asyncio.create_task(exchange.linger())
        self._lingering.add(task)
        task.add_done_callback(self._lingering.discard)

    def dismiss(self) -> None:
        """Nobody waits any longer: what lingers is recorded as it stands."""
        for task in self._lingering:
            task.cancel()

    async def settle_forever(self) -> None:
        """Settle what has closed, many at once: one write to the store serves them all.

        A settlement that the store did not take is tried again. If this process dies first, the
        reservation is charged in full (P2).
        """
        while True:
            await self._settle_wanted.wait()
            await asyncio.sleep(GATHER_S)
            self._settle_wanted.clear()
            batch, self._unsettled = self._unsettled, []
            self._settling = len(batch)
            done = await asyncio.gather(*map(_settled, batch))
            failed = [exchange for exchange, ok in zip(batch, done, strict=True) if not ok]
            self._settling = 0
            if failed:
                log.warning("%d settlements wait for the store", len(failed))
                self._unsettled += failed
                await asyncio.sleep(SETTLE_RETRY_S)
                self._settle_wanted.set()

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

    async def watch_store_forever(self) -> None:
        """Notice a store that has lost data while nobody calls, and bring back what we know."""
        while True:
            await asyncio.sleep(WATCH_STORE_S)
            with suppress(LedgerUnavailable):
                await self.world.ledger.check()

    async def drained(self) -> None:
        """Returns when nothing is open and everything is settled."""
        while self._open or self._unsettled or self._settling or self._lingering:
            await asyncio.sleep(0.02)


async def _settled(exchange: Exchange) -> bool:
    """Whether the store has it now."""
    try:
        await exchange.settle()
    except LedgerUnavailable:
        return False
    return True
