"""Strict durability: nothing begins that is not on the disk, whatever the disk does."""

from __future__ import annotations

import asyncio
import errno
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from extproc.audit.group_sync import GroupSync
from extproc.audit.spool import Spool
from extproc.audit.values import AuditUnavailable
from tests.audit.gateway import entry, ids, sequencer, spool


class Disk:
    """Counts what fdatasync made durable: the file's size at the moment of the call.

    `gate`: while it is not set, a sync hangs. `fault`: what the next syncs raise.
    """

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.durable: dict[int, int] = {}
        self.syncs = 0
        self.fault: OSError | None = None
        self.gate = threading.Event()
        self.gate.set()
        self._real = os.fdatasync
        patch.setattr(os, "fdatasync", self._sync)

    def _sync(self, fd: int) -> None:
        found = os.fstat(fd)
        self.syncs += 1
        self.gate.wait(10)
        if self.fault is not None:
            raise self.fault
        self._real(fd)
        self.durable[found.st_ino] = max(self.durable.get(found.st_ino, 0), found.st_size)

    def holds(self, path: Path, needle: bytes) -> bool:
        data = path.read_bytes()[: self.durable.get(path.stat().st_ino, 0)]
        return needle in data


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    made = Disk(monkeypatch)
    yield made
    made.gate.set()


async def durable(writer: Spool) -> None:
    waiting = writer.durable()
    assert waiting is not None
    await waiting


async def refused(writer: Spool) -> str:
    with pytest.raises(AuditUnavailable) as error:
        await durable(writer)
    return str(error.value)


def segments(root: Path) -> list[Path]:
    return sorted((root / "spool").glob("*.jsonl"), key=lambda path: (len(path.name), path.name))


def test_standard_waits_for_nothing(tmp_path: Path) -> None:
    """P3: the standard mode asks nobody to wait; its words say what it survives."""
    writer = spool(tmp_path)
    writer.intent(entry(1))
    assert writer.durable() is None


async def test_what_was_awaited_is_on_the_disk(tmp_path: Path, disk: Disk) -> None:
    """P3: after the wait the line lies in what the disk has confirmed, not only in memory."""
    writer = spool(tmp_path, strict=True)
    writer.intent(entry(1))
    (path,) = segments(tmp_path)
    assert not disk.holds(path, b"d-1")
    await durable(writer)
    assert disk.holds(path, b"d-1")


async def test_many_share_one_sync(tmp_path: Path, disk: Disk) -> None:
    """P3, P8: a hundred calls that wait at once cost two syncs: one that runs, one for the rest."""
    writer = spool(tmp_path, strict=True)
    disk.gate.clear()
    writer.intent(entry(0))
    first = asyncio.ensure_future(durable(writer))
    async with asyncio.timeout(10):
        while disk.syncs == 0:
            await asyncio.sleep(0)
    rest = []
    for n in range(1, 100):
        writer.intent(entry(n))
        rest.append(asyncio.ensure_future(durable(writer)))
    disk.gate.set()
    await asyncio.gather(first, *rest)
    (path,) = segments(tmp_path)
    assert disk.syncs == 2
    assert all(disk.holds(path, b'"d-%d"' % n) for n in range(100))


async def test_a_sync_that_ran_before_the_line_does_not_count(tmp_path: Path, disk: Disk) -> None:
    """P3: a line written while a sync runs waits for the next one."""
    writer = spool(tmp_path, strict=True)
    disk.gate.clear()
    writer.intent(entry(1))
    first = asyncio.ensure_future(durable(writer))
    async with asyncio.timeout(10):
        while disk.syncs == 0:
            await asyncio.sleep(0)
    writer.intent(entry(2))
    second = asyncio.ensure_future(durable(writer))
    await asyncio.sleep(0)
    assert not second.done()
    disk.gate.set()
    await asyncio.gather(first, second)
    assert disk.syncs == 2


async def test_a_failed_sync_refuses_and_heals(tmp_path: Path, disk: Disk) -> None:
    """P1, P3: everybody who waited is refused; the next line goes to a new file and is believed
    only once that is durable."""
    writer = spool(tmp_path, strict=True)
    writer.intent(entry(1))
    disk.fault = OSError(errno.EIO, "a path nobody should see")
    why = await refused(writer)
    assert "EIO" in why and "path" not in why
    disk.fault = None
    writer.intent(entry(2))
    await durable(writer)
    old, new = segments(tmp_path)
    assert b"d-1" in old.read_bytes() and disk.holds(new, b"d-2")
    for n in (1, 2):
        writer.close(entry(n))
    writer.release()
    with sequencer(tmp_path) as worker:
        worker.drain(0)
    assert sorted(ids(tmp_path)) == ["d-1", "d-2"]


async def test_who_came_while_a_sync_failed_is_refused_too(tmp_path: Path, disk: Disk) -> None:
    """P3: the kernel says of a page once that it is lost, so the next sync vouches for nothing
    that was written before: neither for who waits by then nor for who is about to."""
    writer = spool(tmp_path, strict=True)
    disk.gate.clear()
    disk.fault = OSError(errno.EIO, "")
    writer.intent(entry(1))
    first = asyncio.ensure_future(durable(writer))
    async with asyncio.timeout(10):
        while disk.syncs == 0:
            await asyncio.sleep(0)
    writer.intent(entry(2))
    second, disk_said = writer.durable(), asyncio.gather(first, return_exceptions=True)
    assert second is not None
    disk.gate.set()
    assert isinstance((await disk_said)[0], AuditUnavailable)
    disk.fault = None
    with pytest.raises(AuditUnavailable):
        await second
    writer.intent(entry(3))
    await durable(writer)


async def test_a_slow_disk_refuses_in_time(disk: Disk) -> None:
    """P1: a sync that hangs does not hold calls for ever, nor the event loop."""
    hung = threading.Event()
    group = GroupSync(lambda: hung.wait(10) and None, timeout_s=0.01)
    with pytest.raises(AuditUnavailable, match="too slow"):
        await group.wait()
    hung.set()


async def test_rotation_leaves_nothing_behind(tmp_path: Path, disk: Disk) -> None:
    """P3: lines of a file that was left for the next one are durable too before anybody goes on."""
    writer = spool(tmp_path, strict=True, rotate_bytes=600)
    for n in range(4):
        writer.intent(entry(n))
    await durable(writer)
    found = segments(tmp_path)
    assert len(found) > 1
    assert all(disk.holds(p, p.read_bytes()) for p in found if p.stat().st_size)


@pytest.mark.parametrize("call", ["begin", "go on"])
async def test_every_call_of_a_strict_spool_fails_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """P1, P3: whichever system call fails, the call is refused or durable; the next one works."""

    def faulty(name: str, at: int, count: list[int]) -> Callable[..., object]:
        real = getattr(os, name)

        def attempt(*args: object, **more: object) -> object:
            count[0] += 1
            if count[0] == at:
                raise OSError(errno.EIO, "injected")
            return real(*args, **more)

        return attempt

    failed = 0
    for name in ("write", "fdatasync", "fsync", "open", "ftruncate"):
        for at in range(1, 4):
            root = tmp_path / f"{name}-{at}"
            writer = spool(root, strict=True, rotate_bytes=500)
            writer.intent(entry(0))
            if call == "go on":
                await durable(writer)
            with monkeypatch.context() as patch:
                patch.setattr(os, name, faulty(name, at, [0]))
                sent = []
                for n in range(1, 5):
                    try:
                        writer.intent(entry(n))
                        await durable(writer)
                        sent.append(n)
                    except AuditUnavailable:
                        failed += 1
            for n in range(5):
                writer.close(entry(n))
            writer.release()
            with sequencer(root) as worker:
                worker.drain(0)
            assert {f"d-{n}" for n in sent} <= set(ids(root))
            assert len(set(ids(root))) == len(ids(root)) == 5
    assert failed
