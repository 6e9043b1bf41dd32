"""The workers of one gateway: started, watched, started again.

A worker that dies leaves reservations behind; they are settled by what its slate says as soon as it
is known to be gone (P2), and its open audit intents become `worker_lost` entries (P3).
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from extproc.dataplane.envoy_process import write_atomically
from extproc.ledger.keeper import LedgerKeeper
from extproc.limits.values import LedgerUnavailable
from extproc.server.child import Child, python

log = logging.getLogger("envelope.fleet")

READY_S = 30
RESTART_PAUSE_S = 0.2
HUNG_S = 8.0
"""Above what the heaviest allowed body keeps a worker busy, so that only a stuck one is killed."""


@dataclass(slots=True)
class Slot:
    """One place for a worker: its socket stays, its owner name changes with every process."""

    number: int
    socket: str
    owner: str = ""
    child: Child | None = None


class Fleet:
    """Owns the worker processes."""

    def __init__(
        self, run: Path, shared: Mapping[str, object], count: int, keeper: LedgerKeeper
    ) -> None:
        self._run, self._shared, self._keeper = run, shared, keeper
        self._slots = [Slot(n, str(run / f"worker-{n}.sock")) for n in range(count)]
        self._lost: set[str] = set(keeper.abandoned())

    @property
    def sockets(self) -> Sequence[str]:
        return [slot.socket for slot in self._slots]

    @property
    def pids(self) -> list[int]:
        return [s.child.pid for s in self._slots if s.child is not None and s.child.alive]

    def start(self) -> None:
        for slot in self._slots:
            self._spawn(slot)

    def _spawn(self, slot: Slot) -> None:
        slot.owner = f"w{slot.number}-{time.time_ns() // 1_000_000}-{os.getpid()}"
        spec = {**self._shared, "owner": slot.owner, "slot": slot.number, "socket": slot.socket}
        path = self._run / f"worker-{slot.number}.json"
        write_atomically(path, spec)
        for left in (slot.socket, f"{slot.socket}.beat"):
            Path(left).unlink(missing_ok=True)
        slot.child = Child(f"worker {slot.number}", python("extproc.server.worker", str(path)))

    async def wait_ready(self) -> None:
        """Raises RuntimeError when a worker does not come up."""
        deadline = asyncio.get_running_loop().time() + READY_S
        for slot in self._slots:
            while not _accepts(slot.socket):
                assert slot.child is not None
                if not slot.child.alive or asyncio.get_running_loop().time() > deadline:
                    raise RuntimeError(f"{slot.child.name} did not start")
                await asyncio.sleep(0.02)

    async def watch(self) -> None:
        """Until cancelled: bring back what died, settle what it left."""
        while True:
            for slot in self._slots:
                if slot.child is not None and _hung(slot.socket):
                    log.error("%s does not answer: killed", slot.child.name)
                    slot.child.signal(signal.SIGKILL)
                    await slot.child.ended(5)
                if slot.child is not None and not slot.child.alive:
                    log.warning("%s ended (%s), starting another", slot.child.name,
                                slot.child.exit_code)  # fmt: skip
                    self._lost.add(slot.owner)
                    await asyncio.sleep(RESTART_PAUSE_S)
                    self._spawn(slot)
            await self._reap()
            await asyncio.sleep(0.1)

    async def _reap(self) -> None:
        for owner in list(self._lost):
            try:
                settled, in_full = await self._keeper.bury(owner)
            except (LedgerUnavailable, OSError):
                return
            self._lost.discard(owner)
            if settled or in_full:
                log.warning("%s left %d reservations: settled by its slate; %d more in full",
                            owner, settled, in_full)  # fmt: skip

    def reload(self) -> None:
        for slot in self._slots:
            if slot.child is not None:
                slot.child.signal(signal.SIGHUP)

    async def stop(self, grace_s: float) -> None:
        children = [s.child for s in self._slots if s.child is not None]
        await asyncio.gather(*(c.stop(grace_s=grace_s) for c in children))


def _hung(path: str) -> bool:
    """Whether a worker that once lived has not turned its event loop for HUNG_S."""
    try:
        beat = os.stat(f"{path}.beat").st_mtime
    except FileNotFoundError:
        return False
    return time.time() - beat > HUNG_S


def _accepts(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(0.5)
        try:
            client.connect(path)
        except OSError:
            return False
    return True
