"""A log that grows, and one that somebody with the key has written anew."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from random import Random
from typing import Any

import pytest

from extproc.audit.anchoring.desk import AnchorDesk
from extproc.audit.anchoring.head import Head, latest_head
from extproc.audit.anchoring.lane import Row
from extproc.audit.checkpoint import load_signer, load_verifier
from extproc.audit.note import Verifier
from extproc.config.audit_model import Anchor, Audit, Witness
from tests.audit.anchoring.witness_server import StandInWitness
from tests.audit.gateway import NOON, build, entry, sequencer, spool


class GrowingLog:
    """`root`: the audit folder. `grow(n)`: until n entries have a checkpoint."""

    def __init__(self, root: Path, start: int = 0) -> None:
        self.root, self._start, self._size = root, start, 0

    @property
    def folder(self) -> Path:
        return self.root / "log"

    @property
    def verifier(self) -> Verifier:
        return load_verifier(self.root / "verifier.pub")

    @property
    def head(self) -> Head:
        found = latest_head(self.folder)
        assert found is not None
        return found

    @property
    def newest_verifier(self) -> Verifier:
        """The key in force, after a rotation too."""
        return load_signer(self.root, "envelope").verifier

    def rotate(self) -> None:
        """Another key from here on; takes an entry of its own."""
        with sequencer(self.root) as worker:
            worker.rotate_key(NOON)

    def grow(self, size: int) -> Head:
        """`size`: entries of calls."""
        writer = spool(self.root, f"w{self._start}-{size}")
        with sequencer(self.root) as worker:
            for n in range(self._size, size):
                writer.close(entry(self._start + n))
            writer.release()
            worker.poll(NOON)
        self._size = size
        assert self.head.size >= size
        return self.head


@pytest.fixture
def log(tmp_path: Path) -> GrowingLog:
    return GrowingLog(tmp_path / "audit")


def forge(log: GrowingLog, size: int, start: int = 500) -> GrowingLog:
    """Another history of `size` entries, signed with the same key: what a thief of it can do."""
    other = log.root.with_name("forged")
    other.mkdir()
    for name in ("signing.key", "verifier.pub"):
        shutil.copy(log.root / name, other / name)
    build(other, size, start=start)
    shutil.rmtree(log.folder)
    shutil.copytree(other / "log", log.folder)
    return log


class Clock:
    """Time that goes when it is told to. `sleep` returns once somebody lets it."""

    def __init__(self) -> None:
        self.now_ms = NOON
        self.waits: list[float] = []
        self._go = asyncio.Event()
        self.asleep = asyncio.Event()

    def __call__(self) -> int:
        return self.now_ms

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.asleep.set()
        await self._go.wait()
        self._go.clear()
        self.now_ms += int(seconds * 1000)

    async def tick(self) -> float:
        """Let the sleeper go on, until it sleeps again; returns what it slept."""
        slept = self.waits[-1]
        self.asleep.clear()
        self._go.set()
        await self.asleep.wait()
        return slept


@pytest.fixture
def clock() -> Clock:
    return Clock()


def witness_of(stand_in: StandInWitness, **more: Any) -> Witness:
    return Witness(name="w1", url=stand_in.url, key=stand_in.key, **more)


def desk_of(log: GrowingLog, clock: Clock, *targets: Anchor | Witness) -> AnchorDesk:
    """With cursors beside the log, as in a state folder."""
    return AnchorDesk(
        log.folder, log.root / "anchors", audit_of(*targets), clock_ms=clock, sleep=clock.sleep,
        chance=Random(1),
    )  # fmt: skip


def audit_of(*targets: Anchor | Witness) -> Audit:
    return Audit(
        anchors=tuple(t for t in targets if isinstance(t, Anchor)),
        witnesses=tuple(t for t in targets if isinstance(t, Witness)),
    )


def row(desk: AnchorDesk, name: str) -> Row:
    return next(one for one in desk.rows() if one.target == name)
