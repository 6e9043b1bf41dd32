"""One pipelined connection to the store: many exchanges, one socket, one write per loop turn.

Promises: replies reach their callers in order; a store that is silent for `timeout_ms` fails every
waiter and the connection; the next call dials anew. Refuses: to repeat a command whose fate is
unknown. redis-py dials (URL, TLS, ACL, SENTINEL) and then hands its transport over: its own command
path costs about ten times the CPU of this one (P8).
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

import hiredis
from redis.asyncio import Redis

from extproc.limits.values import LedgerUnavailable

Argument = str | int | bytes


class RedisLine:
    """Owns one connection made by `client`'s pool. Not thread-safe; belongs to one event loop."""

    def __init__(self, client: Redis, timeout_ms: int) -> None:
        self._pool: Any = client.connection_pool
        self._timeout = timeout_ms / 1000
        self._dialling = asyncio.Lock()
        self._wire: _Wire | None = None

    async def execute(self, *command: Argument) -> Any:
        """Send one command and return its reply (ints, bytes, lists of them).

        Raises hiredis.ReplyError for an error reply, LedgerUnavailable when there is no reply.
        """
        wire = self._wire
        if wire is None or wire.closed:
            wire = await self._dial()
        return await wire.send(command)

    async def _dial(self) -> _Wire:
        """Connect once for all who wait; each of them waits no longer than the timeout."""
        try:
            async with asyncio.timeout(self._timeout), self._dialling:
                if self._wire is None or self._wire.closed:
                    connection = self._pool.make_connection()
                    await connection.connect()
                    self._wire = _Wire(connection, self._timeout)
                return self._wire
        except Exception as error:
            raise LedgerUnavailable(f"cannot connect: {type(error).__name__}") from error

    def drop(self) -> None:
        """Give the connection up; the next call dials anew."""
        if self._wire is not None:
            self._wire.fail("connection dropped")
            self._wire = None


class _Wire(asyncio.Protocol):
    """The protocol of an established connection: a queue of futures, oldest first."""

    def __init__(self, connection: Any, timeout: float) -> None:
        self._connection = connection  # kept: redis-py closes the socket when it is collected
        self._transport: asyncio.Transport = connection._writer.transport
        self._loop = asyncio.get_running_loop()
        self._timeout = timeout
        self._reader = hiredis.Reader()
        self._waiting: deque[tuple[asyncio.Future[Any], float]] = deque()
        self._unsent: list[bytes] = []
        self._watchdog: asyncio.TimerHandle | None = None
        self.closed = self._transport.is_closing()
        self._transport.set_protocol(self)

    def send(self, command: tuple[Argument, ...]) -> asyncio.Future[Any]:
        """Queue one command; all commands of one loop turn leave in one write."""
        future: asyncio.Future[Any] = self._loop.create_future()
        packed = hiredis.pack_command(command)  # type: ignore[arg-type]
        if not self._unsent:
            self._loop.call_soon(self._flush)
        self._unsent.append(packed)
        deadline = self._loop.time() + self._timeout
        self._waiting.append((future, deadline))
        if self._watchdog is None:
            self._watchdog = self._loop.call_at(deadline, self._check_oldest)
        return future

    def _flush(self) -> None:
        unsent, self._unsent = self._unsent, []
        if not self.closed:
            self._transport.write(b"".join(unsent))

    def _check_oldest(self) -> None:
        self._watchdog = None
        if not self._waiting:
            return
        deadline = self._waiting[0][1]
        if deadline <= self._loop.time():
            self.fail("timed out")
        else:
            self._watchdog = self._loop.call_at(deadline, self._check_oldest)

    def data_received(self, data: bytes) -> None:
        try:
            self._reader.feed(data)
            while (reply := self._reader.gets()) is not False:
                self._deliver(reply)
        except Exception as error:  # not RESP, or a reply nobody asked for: order is lost
            self.fail(f"protocol error: {type(error).__name__}")

    def _deliver(self, reply: Any) -> None:
        if isinstance(reply, hiredis.PushNotification):
            return
        future, _ = self._waiting.popleft()
        if future.done():  # its caller was cancelled
            return
        if isinstance(reply, hiredis.ReplyError):
            future.set_exception(reply)
        else:
            future.set_result(reply)

    def connection_lost(self, exc: Exception | None) -> None:
        self.fail("connection lost")

    def fail(self, why: str) -> None:
        """Close, and fail every waiter: the fate of their commands is unknown."""
        self.closed = True
        if self._watchdog is not None:
            self._watchdog.cancel()
            self._watchdog = None
        self._transport.abort()
        waiting, self._waiting = self._waiting, deque()
        for future, _ in waiting:
            if not future.done():
                future.set_exception(LedgerUnavailable(why))
