"""Every system call of the sequencer fails once, in every way; then it starts again.

After the manner of Tessera's fault test: count the calls of a scenario, then run it once per call
and way of failing, restart, and hold the promises against what is on disk.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from extproc.audit.checkpoint import load_verifier
from extproc.audit.sequencer import LOG, SPOOL, Sequencer
from extproc.audit.spool_reader import owners
from extproc.audit.values import AuditUnavailable
from extproc.audit.verify import verify
from tests.audit.gateway import NOON, build, entry, ids, sequencer, spool

CALLS = (
    "open", "write", "fsync", "replace", "rename", "ftruncate", "unlink", "pread", "link",
)  # fmt: skip
CHANGES = ("write", "fsync", "replace", "rename", "ftruncate", "unlink", "link")
"""Killed after each of these is killed between any two: reading in between changes nothing."""
EXPECTED = [f"d-{n}" for n in (*range(12), 20, 21, 22)]


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture(autouse=True)
def quick_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that is killed needs no disk that is waited for; most of the time would go there.

    Whether fsync is called, and what happens when it fails, is tested all the same.
    """
    monkeypatch.setattr(os, "fsync", lambda fd: None)


class Faults:
    """Counts the calls in `calls` and fails the n-th, in one of three ways."""

    def __init__(
        self, patch: pytest.MonkeyPatch, at: int | None, way: str, calls: Sequence[str] = CALLS
    ) -> None:
        self.count, self._at, self._way = 0, at, way
        for name in calls:
            patch.setattr(os, name, self._wrapped(name, getattr(os, name)))

    def _wrapped(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **more: Any) -> Any:
            self.count += 1
            if self.count - 1 != self._at:
                return real(*args, **more)
            if self._way == "error":
                raise OSError(errno.EIO, "injected")
            if self._way == "after":
                _done(name, real, *args, **more)
            raise Killed

        return call


def _done(name: str, real: Callable[..., Any], *args: Any, **more: Any) -> None:
    """The call happens, a write by half, and nobody learns of it."""
    if name == "write":
        real(args[0], args[1][: len(args[1]) // 2 + 1])
        return
    with contextlib.suppress(OSError):
        result = real(*args, **more)
        if name == "open":
            os.close(result)


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log with two checkpoints, from which every run starts."""
    root = tmp_path_factory.mktemp("past")
    build(root, 3, 5)
    return root


def prepare(past: Path, root: Path) -> Any:
    """The past, and a dead owner, a living one with spent segments, open intents."""
    shutil.copytree(past, root)
    dead = spool(root, "w0-2", rotate_bytes=1200)
    for n in range(5, 8):
        dead.intent(entry(n))
        dead.close(entry(n))
    for n in (20, 21):
        dead.intent(entry(n))
    dead.release()
    alive = spool(root, "w1-2", rotate_bytes=1200)
    alive.intent(entry(22))
    for n in range(8, 12):
        alive.intent(entry(n))
        alive.close(entry(n))
    alive.close(entry(8))
    return alive


def scenario(root: Path) -> None:
    """What is interrupted: a start and two steps."""
    with sequencer(root) as worker:
        worker.poll(NOON)
        worker.poll(NOON)


def settle(root: Path, alive: Any) -> None:
    """The next start, undisturbed, after which nothing may be missing or double."""
    alive.close(entry(22))
    alive.release()
    with sequencer(root) as worker:
        worker.drain(NOON)


def check(root: Path, saved: str) -> None:
    assert sorted(ids(root)) == sorted(EXPECTED)
    report = verify(root / LOG, load_verifier(root / "verifier.pub"), saved)
    assert report.intact, report.faults
    assert report.covered == len(EXPECTED)
    assert owners(root / SPOOL) == {}


def calls_of_the_scenario(past: Path, root: Path, calls: Sequence[str] = CALLS) -> int:
    with pytest.MonkeyPatch.context() as patch:
        prepare(past, root)
        faults = Faults(patch, None, "", calls)
        scenario(root)
        return faults.count


@pytest.mark.parametrize(("way", "calls"), [("before", CALLS), ("after", CHANGES)])
def test_killed_at_every_call(past: Path, tmp_path: Path, way: str, calls: Sequence[str]) -> None:
    """P3: kill -9 at any moment, then a restart: nothing lost, nothing twice, old promises kept."""
    total = calls_of_the_scenario(past, tmp_path / "count", calls)
    assert total > 25
    for at in range(total):
        root = tmp_path / str(at)
        alive = prepare(past, root)
        saved = (root / LOG / "checkpoint").read_text()
        with pytest.MonkeyPatch.context() as patch:
            Faults(patch, at, way, calls)
            with pytest.raises(Killed):
                scenario(root)
        settle(root, alive)
        check(root, saved)


def test_every_call_fails_once_and_the_same_sequencer_goes_on(past: Path, tmp_path: Path) -> None:
    """P3: an error is a restart: the next poll of the same sequencer makes it good."""
    total = calls_of_the_scenario(past, tmp_path / "count")
    failed = 0
    for at in range(total):
        root = tmp_path / str(at)
        alive = prepare(past, root)
        saved = (root / LOG / "checkpoint").read_text()
        worker = Sequencer(root, checkpoint_interval_ms=0)
        with pytest.MonkeyPatch.context() as patch:
            Faults(patch, at, "error")
            for _ in range(3):
                try:
                    worker.poll(NOON)
                except AuditUnavailable as error:
                    failed += 1
                    assert "EIO" in str(error)
        assert sorted(ids(root)) == sorted(i for i in EXPECTED if i != "d-22")
        worker.close()
        settle(root, alive)
        check(root, saved)
    assert failed > 40


@pytest.mark.parametrize("way", ["before", "after", "error"])
def test_the_first_start_may_fail_anywhere_too(tmp_path: Path, way: str) -> None:
    """P3, P4: making the key and the log's files is interrupted; the next start still works."""
    at, failures = 0, 0
    while True:
        root = tmp_path / str(at)
        writer = spool(root)
        writer.close(entry(0))
        with pytest.MonkeyPatch.context() as patch:
            faults = Faults(patch, at, way)
            try:
                scenario(root)
            except (Killed, OSError, AuditUnavailable):
                failures += 1
        reached = faults.count > at
        with sequencer(root) as worker:
            worker.drain(NOON)
            assert verify(root / LOG, worker.verifier).intact
        assert ids(root) == ["d-0"]
        if not reached:
            break
        at += 1
    assert failures == at > 20
