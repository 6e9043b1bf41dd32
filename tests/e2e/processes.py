"""Processes on bad days: found below their parent, suspended, killed; a store that may be both.

Signals go to processes that the tests started, by their ids. Every wait has a deadline and a
condition; nothing sleeps to be in time.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from extproc.store import PrivateStore
from tests.e2e.harness import GatewayUnderTest

WITHIN_S = 15.0


async def until(
    condition: Callable[[], Awaitable[bool] | bool], what: str, within_s: float = WITHIN_S
) -> None:
    """Return as soon as the condition holds; fail when it does not in time."""
    deadline = time.monotonic() + within_s
    while True:
        holds = condition()
        if await holds if inspect.isawaitable(holds) else holds:
            return
        assert time.monotonic() < deadline, f"waited {within_s} s in vain: {what}"
        await asyncio.sleep(0.02)


def children(pid: int) -> list[int]:
    """Process ids of a process's children (proc(5))."""
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return sorted({int(child) for task in tasks for child in task.read_text().split()})


def gone(pid: int) -> bool:
    """Ended, whether or not anybody has collected it yet."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state in "ZX"


@asynccontextmanager
async def suspended(pid: int) -> AsyncIterator[None]:
    """The process stands still inside; afterwards it goes on, if it is still there."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        if not gone(pid):
            os.kill(pid, signal.SIGCONT)


async def killed(pid: int) -> None:
    """SIGKILL, and wait until it is gone."""
    os.kill(pid, signal.SIGKILL)
    await until(lambda: gone(pid), f"process {pid} is gone")


async def kill_worker(gateway: GatewayUnderTest) -> None:
    """The one worker of a gateway that has one."""
    await killed(only_worker(gateway))


async def kill_gateway(gateway: GatewayUnderTest) -> None:
    """The whole of it, and wait until its workers are gone too; `start_again` brings it back."""
    dying = [gateway.pid, *workers(gateway)]
    gateway.kill()
    await until(lambda: all(map(gone, dying)), "the gateway is gone")


def only_worker(gateway: GatewayUnderTest) -> int:
    """Its process id now: `run.json` knows only those of the start."""
    found = [pid for pid in children(gateway.pid) if _runs(pid, "extproc.server.worker")]
    assert len(found) == 1, f"{len(found)} workers"
    return found[0]


def workers(gateway: GatewayUnderTest) -> list[int]:
    return [pid for pid in children(gateway.pid) if _runs(pid, "extproc.server.worker")]


def _runs(pid: int, module: str) -> bool:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError):
        return False
    # Before its exec a child still carries the launcher's command line, module included.
    return not gone(pid) and b"-m" in words[1:2] and module.encode() in words[2:3]


# --- a store of our own ------------------------------------------------------------------------


class OwnStore:
    """A Valkey that a test may kill and bring back on the same socket and file."""

    def __init__(self, place: Path) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="store-", dir=place))
        self._new()
        self.url = self._store.url

    def _new(self) -> None:
        self._store = PrivateStore(self.data, self.folder / "run")

    def __enter__(self) -> OwnStore:
        asyncio.run(self.start())
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run(self.stop())

    @property
    def data(self) -> Path:
        """Where its append-only file is."""
        return self.folder / "data"

    def alive(self) -> bool:
        return self._store.alive()

    async def stop(self) -> None:
        if self._store.alive():
            await self._store.stop()

    async def start(self) -> None:
        """Also again, after `kill`."""
        if self._store.pid is not None:
            self._new()
        await self._store.start()

    @property
    def pid(self) -> int:
        assert self._store.pid is not None
        return self._store.pid

    async def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        await until(lambda: not self._store.alive(), "the store is gone")
