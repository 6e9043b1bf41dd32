"""Scripts called in the epoch this process knows: a store that has lost data is noticed at once.

Every call says which epoch the caller knows and how many writes it has seen; the script compares
before it does anything. Promises: a store that is empty, or older than what anybody here has seen,
serves no request (P2); whoever notices begins the next epoch, and everybody brings back what they
know before calls go on. Refuses: to begin where it never knew one; that is `begin_first`.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import hiredis

from extproc.ledger.redis_line import Argument, RedisLine
from extproc.ledger.scripts import BEGIN, Script
from extproc.ledger.store_clock import StoreClock
from extproc.limits.values import LedgerUnavailable

# Every key carries this hash tag, so a cluster keeps them on one shard; one key routes the call.
ROUTING_KEY = b"{envelope}:open"
EPOCH_KEY = b"{envelope}:epoch"
TRIES = 3
LOST, MOVED = -1, -2


class NoLedger(LedgerUnavailable):
    """The store holds no ledger, and this process never knew one there."""

    def __init__(self) -> None:
        super().__init__("the store holds no ledger yet")


class StoreLost(LedgerUnavailable):
    """The store lacks what this process has seen there, or belongs to another epoch."""

    def __init__(self, status: int) -> None:
        super().__init__("the store has lost data" if status == LOST else "another epoch")
        self.lost = status == LOST


class EpochLine:
    """One process's standing in the store. `store_ms` replaces the store's clock in tests.

    `restore` is awaited after an epoch has been joined: it brings back what this process knows.
    """

    def __init__(
        self,
        line: RedisLine,
        clock: StoreClock,
        recovery_ms: int,
        store_ms: Callable[[], int] | None = None,
    ) -> None:
        self._line, self._clock, self._store_ms = line, clock, store_ms
        self.recovery_ms = recovery_ms
        self.epoch, self.seq = "", 0
        self.restore: Callable[[], Awaitable[None]] | None = None
        self._rejoining = asyncio.Lock()

    async def call(self, script: Script, arguments: Sequence[Argument]) -> Any:
        """The script's reply, in the store's present epoch. Raises LedgerUnavailable."""
        for _ in range(TRIES):
            if self._rejoining.locked():
                # Who settles before its reservation is brought back finds none: never charged.
                async with self._rejoining:
                    pass
            epoch = self.epoch
            try:
                return await self.call_once(script, arguments)
            except StoreLost as error:
                await self._rejoin(epoch, lost=error.lost)
        raise LedgerUnavailable("the store changes faster than it can be followed")

    async def call_once(self, script: Script, arguments: Sequence[Argument]) -> Any:
        """The same, but raises StoreLost instead of joining the epoch that runs."""
        reply = await self._run(script, [*self._preamble(), *arguments])
        status = reply[0]
        if status in (LOST, MOVED):
            raise StoreLost(status)
        if status >= 0 and reply[1] > self.seq:
            self.seq = reply[1]
        return reply

    async def begin_first(self) -> None:
        """Open a store that never held a ledger. Joins it where somebody else was faster."""
        await self._begin("", 0, grace_ms=0)

    def _preamble(self) -> list[Argument]:
        store = self._store_ms() if self._store_ms else ""
        return [store, self._clock.now_ms(), self.epoch, self.seq]

    async def _rejoin(self, epoch: str, *, lost: bool) -> None:
        """Once for all who noticed. The old epoch stays known until everything is brought back."""
        async with self._rejoining:
            if self.epoch != epoch:
                return
            seq = self.seq
            if lost:
                if not epoch:
                    raise NoLedger
                await self._begin(epoch, seq, grace_ms=self.recovery_ms)
            else:
                await self._join()
            try:
                if epoch and self.restore is not None:
                    await self.restore()
            except BaseException:
                self.epoch, self.seq = epoch, seq
                raise

    async def _begin(self, epoch: str, seq: int, *, grace_ms: int) -> None:
        generation = int(epoch.partition("-")[0]) + 1 if epoch else 1
        preamble = self._preamble()[:2]
        new = f"{generation}-{secrets.token_hex(8)}"
        running = await self._run(BEGIN, [*preamble, epoch, seq, new, grace_ms])
        self.epoch, self.seq = running.decode(), 0

    async def _join(self) -> None:
        try:
            running = await self._line.execute(b"HGET", EPOCH_KEY, b"id")
        except hiredis.ReplyError as error:
            raise self._refused(error) from error
        if running is None:
            raise NoLedger
        self.epoch, self.seq = running.decode(), 0

    async def _run(self, script: Script, arguments: Sequence[Argument]) -> Any:
        """Call by hash; a store that lost its scripts (restart, SCRIPT FLUSH) is taught once."""
        try:
            return await self._call(b"EVALSHA", script.sha1, arguments)
        except hiredis.ReplyError as error:
            if not str(error).startswith("NOSCRIPT"):
                raise self._refused(error) from error
        try:
            return await self._call(b"EVAL", script.source, arguments)
        except hiredis.ReplyError as error:
            raise self._refused(error) from error

    async def _call(self, command: bytes, script: bytes, arguments: Sequence[Argument]) -> Any:
        return await self._line.execute(command, script, b"1", ROUTING_KEY, *arguments)

    def _refused(self, error: Exception) -> LedgerUnavailable:
        code = str(error).split(" ", 1)[0]
        if code in ("READONLY", "MASTERDOWN", "LOADING"):  # a replica now: ask anew who leads
            self._line.drop()
        return LedgerUnavailable(f"the store refused: {code}")
