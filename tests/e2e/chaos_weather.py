"""What befalls the machines while calls run: one misfortune after the other, as the seed has it.

Each waits until the one before is over: what a dead worker left is settled, a gateway is back, what
was lost is known again. Two at once may lose money: what only those have seen who die, in the last
half second, together with the store.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from redis.asyncio import Redis

from extproc.ledger.epoch import EPOCH_KEY
from extproc.ledger.slate import State, read
from tests.e2e.harness import GatewayUnderTest
from tests.e2e.processes import OwnStore, kill_gateway, killed, suspended, until, workers
from tests.e2e.twins import Pair, copied

AWAY_S = (0.2, 0.6)
"""For how long the store stands still: below and above what a call waits for it."""
Misfortune = Callable[[], Awaitable[None]]


@dataclass(slots=True)
class Weather:
    """`seen`: what has happened, in order. `kills`: workers killed, alone or with a gateway."""

    pair: Pair
    store: OwnStore
    dice: random.Random
    seen: list[str] = field(default_factory=list)
    kills: int = 0
    _to_come: list[tuple[int, Misfortune]] = field(default_factory=list)
    _now: asyncio.Task[None] | None = None
    _down: GatewayUnderTest | None = None

    def foresee(self, calls: int) -> None:
        """What will happen, and at which of so many calls."""
        found = [self.kill_worker] * 6 + [self.suspend] * 4 + [self.forget_scripts] * 2
        found += [self.kill_gateway, self.lose_everything]
        self.dice.shuffle(found)
        every = calls // (len(found) + 1)
        self._to_come = [(every * n + self.dice.randrange(every), misfortune)
                         for n, misfortune in enumerate(found)]  # fmt: skip

    async def turn(self, number: int) -> None:
        """A call is about to be made: what is due begins. What is due next waits, and so do the
        calls behind it, until that is over."""
        while self._to_come and number >= self._to_come[0][0]:
            if self._now is None or self._now.done():
                await self.calm()
                self._now = asyncio.create_task(self._to_come.pop(0)[1]())
            else:
                await asyncio.wait([self._now])

    async def calm(self) -> None:
        """What has begun is over, and nothing went wrong with it."""
        if self._now is not None:
            await self._now

    def gateway(self, wanted: int) -> GatewayUnderTest:
        """Callers go to the other one while theirs is down."""
        return self.pair[wanted if self.pair[wanted] is not self._down else 1 - wanted]

    async def kill_worker(self) -> None:
        """One worker of one gateway, and until its successor is there and its calls are settled."""
        gateway = self.pair[self.kills % 2]
        victim = self.dice.choice(sorted(workers(gateway)))
        await killed(victim)
        self.kills += 1
        await until(lambda: len(workers(gateway)) == 2, "a new worker")
        await until(lambda: _all_buried(gateway), "what the dead worker left is settled")
        self.seen.append("worker killed")

    async def kill_gateway(self) -> None:
        """All of it at once; it comes back on its state folder."""
        gateway = self._down = self.dice.choice(self.pair)
        self.kills += 2
        await kill_gateway(gateway)
        await gateway.start_again()
        self._down = None
        await until(lambda: _all_buried(gateway), "what the dead gateway left is settled")
        self.seen.append("gateway killed")

    async def suspend(self) -> None:
        """The store stands still for a while that the dice decide."""
        away_s = self.dice.uniform(*AWAY_S)
        async with suspended(self.store.pid):
            await asyncio.sleep(away_s)
        ended = _unsettled(self.pair)
        await until(lambda: not ended & _unsettled(self.pair), "what ended meanwhile is settled")
        self.seen.append(f"store away for {away_s:.2f} s")

    async def forget_scripts(self) -> None:
        async with self._client() as client:
            await client.script_flush()
        self.seen.append("scripts forgotten")

    async def lose_everything(self) -> None:
        """FLUSHALL, once both gateways have seen all that the dead have spent; and until calls are
        taken again."""
        async with self._client() as client:
            before = await copied(*self.pair)
            await client.flushall()
            await until(lambda: _began_after(client, before), "a new epoch")
            await until(lambda: _serves(client), "calls are taken again")
        self.seen.append("everything lost")

    def _client(self) -> Redis:
        return Redis.from_url(self.store.url)


def _all_buried(gateway: GatewayUnderTest) -> bool:
    """Only the living have a slate."""
    return len(list((gateway.state / "ledger").glob("*.slate"))) == 2


def _unsettled(pair: Pair) -> set[str]:
    """Calls that have ended and that the store does not have yet, as far as anybody knows."""
    slates = [path for gateway in pair for path in (gateway.state / "ledger").glob("*.slate")]
    lines = [line for path in slates for line in read(path)]
    return {line.reservation_id for line in lines if line.state is State.USED}


async def _began_after(client: Redis, before: bytes) -> bool:
    return await client.hget(EPOCH_KEY, "id") not in (None, before)


async def _serves(client: Redis) -> bool:
    until_ms = int(await client.hget(EPOCH_KEY, "until") or 0)
    now_s, now_us = await client.time()
    return now_s * 1000 + now_us // 1000 >= until_ms
