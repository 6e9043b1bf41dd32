"""kill -9, a hundred times, in the middle of the work: nothing acknowledged is lost or double."""

from __future__ import annotations

import os
import random
import select
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from extproc.audit.checkpoint import load_verifier
from extproc.audit.sequencer import LOG, Sequencer
from extproc.audit.verify import verify
from tests.audit.gateway import NOON, entry, ids, sequencer, spool

KILLS = 100
WRITERS = 2


@dataclass
class Child:
    """A forked process that writes what it has done into a pipe, a line each."""

    pid: int
    pipe: int
    unread: bytes = b""

    @classmethod
    def fork(cls, work: Callable[[Callable[[str], None]], None]) -> Child:
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                os.close(reading)
                work(lambda text: os.write(writing, f"{text}\n".encode()) and None)
            finally:
                os._exit(0)
        os.close(writing)
        return cls(pid, reading)

    def lines(self, wait_s: float) -> list[str]:
        """What it said since; waits for the first of it. '' ends it."""
        ready, _, _ = select.select([self.pipe], [], [], wait_s)
        data = os.read(self.pipe, 1 << 20) if ready else b""
        *whole, self.unread = (self.unread + data).split(b"\n")
        return [line.decode() for line in whole]

    def kill(self) -> list[str]:
        """End it; what it had said until then."""
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        said: list[str] = []
        while found := self.lines(0):
            said += found
        os.close(self.pipe)
        return said


def writing(root: Path, name: str) -> Callable[[Callable[[str], None]], None]:
    """Calls without end: an intent, a close; each told only when it has returned."""

    def work(tell: Callable[[str], None]) -> None:
        writer = spool(root, name, rotate_bytes=20_000)
        for n in range(1_000_000):
            made = entry(n, decision_id=f"{name}-{n}")
            writer.intent(made)
            tell(f"intent {name}-{n}")
            writer.close(made)
            tell(f"close {name}-{n}")

    return work


def sequencing(root: Path) -> Callable[[Callable[[str], None]], None]:
    def work(tell: Callable[[str], None]) -> None:
        worker = Sequencer(root, checkpoint_interval_ms=0)
        while True:
            worker.poll(NOON)
            tell("polled")

    return work


def test_a_hundred_kills_under_load(tmp_path: Path) -> None:
    """P3: writers and the sequencer are killed at random moments; each call that was acknowledged
    has exactly one entry, no checkpoint that was ever signed is contradicted, the log verifies."""
    chance = random.Random(7)
    told: list[str] = []
    checkpoints: list[str] = []
    count = 0

    def begin(kind: int) -> Child:
        nonlocal count
        count += 1
        return Child.fork(sequencing(tmp_path) if kind == 0 else writing(tmp_path, f"w{count}"))

    children = [begin(kind) for kind in range(1 + WRITERS)]
    try:
        for _ in range(KILLS):
            kind = chance.randrange(1 + WRITERS)
            said = children[kind].lines(10)
            assert said, "a child came to a stop by itself"
            time.sleep(chance.random() * 0.01)  # the moment is what is drawn here
            said += children[kind].kill()
            told += said
            if (tmp_path / LOG / "checkpoint").exists():
                checkpoints.append((tmp_path / LOG / "checkpoint").read_text())
            children[kind] = begin(kind)
    finally:
        for child in children:
            told += child.kill()
    with sequencer(tmp_path) as worker:
        worker.drain(NOON)
    found = Counter(ids(tmp_path))
    assert max(found.values()) == 1
    acknowledged = {line.split()[1] for line in told if line != "polled"}
    assert len(acknowledged) > KILLS
    assert acknowledged <= found.keys()
    verifier = load_verifier(tmp_path / "verifier.pub")
    for saved in (*checkpoints[::40], checkpoints[-1]):
        report = verify(tmp_path / LOG, verifier, saved)
        assert report.intact, report.faults
    assert report.covered == len(found)
