"""The way to one target: a queue, attempts, rests. Each target has its own, so none waits for
another.

Promises: an alert is claimed before it is sent and noted when it is delivered; one that fails is
tried again with growing rests until its window is over; one that another gateway holds is looked
at again when its claim lapses, so a gateway that died loses nothing that another has seen.
Refuses to grow: past `WAITING_MAX` the oldest is dropped, counted.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from random import Random

from extproc.alerts.backoff import ATTEMPTS, MOST_MS, rest_ms, wait_ms
from extproc.alerts.claims import Busy, Claims, Mine, Sent
from extproc.alerts.values import Again, Alert, Delivered, Outcome, Refused
from extproc.store_client import StoreUnavailable

log = logging.getLogger("envelope")

WAITING_MAX = 1_000
LEASE_MS = 60_000
"""Longer than an attempt may take."""
STORE_AGAIN_MS = 2_000
SendAlert = Callable[[Alert], Awaitable[Outcome]]
Told = Callable[[Alert, str, str], None]
"""(alert, channel, `done` or `failed`): for the audit log."""


def nobody_is_told(_alert: Alert, _channel: str, _outcome: str) -> None:
    """Where no audit log is kept."""


@dataclass(slots=True)
class Figures:
    """By kind of channel. `failed`: rounds of attempts that ended without a delivery."""

    sent: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)

    def rows(self) -> dict[tuple[str, ...], int]:
        """(kind of channel, outcome) -> how often."""
        parts = (("sent", self.sent), ("failed", self.failed), ("dropped", self.dropped))
        return {(kind, name): n for name, counts in parts for kind, n in counts.items()}


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all lanes share. `sleep`: seconds. `told`: hears what became of each round."""

    claims: Claims
    figures: Figures
    clock_ms: Callable[[], int]
    sleep: Callable[[float], Awaitable[None]]
    chance: Random
    told: Told = nobody_is_told


@dataclass(frozen=True, slots=True)
class Item:
    """`failures`: rounds of attempts so far. `delivered`: only its note is missing."""

    alert: Alert
    failures: int = 0
    delivered: bool = False


class Lane:
    """`address`: names the target in claims. `name`: the channel, for the log. `kind`: figures."""

    def __init__(
        self, address: str, name: str, kind: str, send: SendAlert, around: Surroundings
    ) -> None:
        self.send = send
        self.name, self.kind = name, kind
        self._address = address
        self._around = around
        self._queue: deque[Item] = deque()
        self._resting: dict[asyncio.Task[None], None] = {}
        self._filled = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._busy = False

    def put(self, alert: Alert) -> None:
        self._put(Item(alert))

    @property
    def waiting(self) -> int:
        return len(self._queue) + len(self._resting) + self._busy

    async def idle(self) -> None:
        """Until nothing waits, not even for a later attempt."""
        await self._idle.wait()

    async def run(self) -> None:
        """Deliver until cancelled."""
        task = asyncio.current_task()
        assert task is not None
        try:
            # Drivers have been seen to swallow a cancellation; it still counts.
            while not task.cancelling():
                await self._filled.wait()
                item = self._queue.popleft()
                self._busy = True
                try:
                    await self._handle(item)
                except Exception as error:  # a fault of ours must not end the lane
                    log.error("alerts to channel %r: %s", self.name, type(error).__name__)
                    self._around.figures.failed[self.kind] += 1
                finally:
                    self._busy = False
                    self._look()
        finally:
            for task in self._resting:
                task.cancel()

    # --- the queue ----------------------------------------------------------------------------

    def _put(self, item: Item) -> None:
        if self.waiting >= WAITING_MAX:
            self._drop()
        self._queue.append(item)
        self._look()

    def _drop(self) -> None:
        """The oldest; those that rest after a failure have waited longest of all."""
        if self._resting:
            oldest = next(iter(self._resting))
            del self._resting[oldest]
            oldest.cancel()
        elif self._queue:
            self._queue.popleft()
        self._around.figures.dropped[self.kind] += 1

    def _look(self) -> None:
        for event, on in ((self._filled, bool(self._queue)), (self._idle, not self.waiting)):
            if on:
                event.set()
            else:
                event.clear()

    def _rest(self, item: Item, after_ms: int) -> None:
        task = asyncio.create_task(self._return(item, after_ms))
        self._resting[task] = None

    async def _return(self, item: Item, after_ms: int) -> None:
        await self._around.sleep(after_ms / 1000)
        task = asyncio.current_task()
        assert task is not None
        del self._resting[task]
        self._put(item)

    # --- one alert ----------------------------------------------------------------------------

    async def _handle(self, item: Item) -> None:
        try:
            if item.delivered:
                await self._note(item)
            elif self._around.clock_ms() < item.alert.stale_ms:
                await self._claim(item)
        except StoreUnavailable:
            self._rest(item, STORE_AGAIN_MS)

    async def _claim(self, item: Item) -> None:
        match await self._take(item.alert, LEASE_MS):
            case Busy(again_ms=again_ms):
                # Not all at once, when many gateways wait for one claim.
                self._rest(item, again_ms + 100 + int(900 * self._around.chance.random()))
            case Mine():
                await self._deliver(item)
            case Sent():
                return

    async def _deliver(self, item: Item) -> None:
        match await self._attempts(item.alert):
            case Delivered(note=note):
                if note:
                    log.warning("alert through channel %r: %s", self.name, note)
                self._around.figures.sent[self.kind] += 1
                self._around.told(item.alert, self.name, "done")
                await self._handle(replace(item, delivered=True))
            case Again(why=why, retry_after_ms=asked_ms):
                await self._failed(item, why, asked_ms)
            case Refused(why=why):
                await self._failed(item, why, 0)
            case None:  # the claim is no longer ours
                self._rest(item, STORE_AGAIN_MS)

    async def _attempts(self, alert: Alert) -> Outcome | None:
        """A few, with growing waits; the claim is kept meanwhile. None: it was lost."""
        outcome = await self.send(alert)
        for attempt in range(ATTEMPTS - 1):
            if not isinstance(outcome, Again) or outcome.retry_after_ms > MOST_MS:
                break
            pause_ms = wait_ms(attempt, outcome.retry_after_ms, self._around.chance)
            if not isinstance(await self._take(alert, pause_ms + LEASE_MS), Mine):
                return None
            await self._around.sleep(pause_ms / 1000)
            outcome = await self.send(alert)
        return outcome

    async def _failed(self, item: Item, why: str, asked_ms: int) -> None:
        failures = item.failures + 1
        pause_ms = rest_ms(failures, asked_ms)
        self._around.figures.failed[self.kind] += 1
        self._around.told(item.alert, self.name, "failed")
        log.error(
            "alert %s not delivered through channel %r: %s; again in %d s",
            item.alert.id[:12], self.name, why, pause_ms // 1000,
        )  # fmt: skip
        with suppress(StoreUnavailable):
            # Nobody else tries meanwhile; whoever has seen it may, afterwards.
            await self._take(item.alert, pause_ms)
        self._rest(replace(item, failures=failures), pause_ms)

    async def _note(self, item: Item) -> None:
        """It is delivered, and with it the thresholds that it speaks for."""
        alert = item.alert
        claims = [f"{claim}:{self._address}" for claim in (alert.claim, *alert.lower_claims)]
        keep_ms = alert.remembered_until_ms - self._around.clock_ms()
        await self._around.claims.sent(claims, keep_ms)

    async def _take(self, alert: Alert, lease_ms: int) -> Mine | Busy | Sent:
        return await self._around.claims.take(f"{alert.claim}:{self._address}", lease_ms)
