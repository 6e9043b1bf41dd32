"""The desk: when things are sent, what a reload changes; nothing waits for a dead target."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from random import Random

import pytest

from extproc.audit.anchoring import blocking
from extproc.audit.anchoring.blocking import Blocking, Busy
from extproc.audit.anchoring.check import saved_notes
from extproc.audit.anchoring.cursor import Cursor
from extproc.audit.anchoring.delivery import Delivery
from extproc.audit.anchoring.desk import AnchorDesk
from extproc.audit.checkpoint import Checkpoint
from extproc.config.audit_model import Anchor, Audit
from extproc.config.base import SecretRef
from tests.audit.anchoring.conftest import Clock, GrowingLog, audit_of, desk_of, row
from tests.audit.gateway import NOON


def file_anchor(path: Path, name: str = "file", interval_ms: int = 60_000) -> Anchor:
    return Anchor(name=name, type="file", path=str(path), interval_ms=interval_ms, timeout_ms=1_000)


def kept(path: Path) -> list[int]:
    return [int((note or "").split("\n")[1]) for note in saved_notes(path)]


async def test_at_its_interval_and_the_latest_only(
    log: GrowingLog, clock: Clock, tmp_path: Path
) -> None:
    """Audit: the first at once; of many in one interval, the latest."""
    path = tmp_path / "kept"
    desk = desk_of(log, clock, file_anchor(path))
    log.grow(4)
    running = asyncio.create_task(desk.run())
    await clock.asleep.wait()
    for size in (5, 6, 7):
        log.grow(size)
    assert kept(path) == [4]
    assert await clock.tick() == 60
    await clock.tick()
    assert kept(path) == [4, 7]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await desk.close()


async def test_before_the_first_checkpoint_nothing_is_wrong(
    log: GrowingLog, clock: Clock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Audit: a log that is not there yet is not a failure."""
    desk = desk_of(log, clock, file_anchor(tmp_path / "kept"))
    await desk.once()
    found = row(desk, "file")
    assert (found.failed, found.size, found.age_ms, found.behind) == (0, 0, None, False)
    assert caplog.text == ""
    await desk.close()


async def test_a_checkpoint_that_vanished_is_a_conflict(
    log: GrowingLog, clock: Clock, tmp_path: Path
) -> None:
    """P3: a log removed after something of it was sent does not count as a new one."""
    desk = desk_of(log, clock, file_anchor(tmp_path / "kept"))
    log.grow(4)
    await desk.once()
    (log.folder / "checkpoint").unlink()
    await desk.once()
    assert row(desk, "file").conflict == 1
    await desk.close()


@pytest.mark.parametrize("harm", ["cut", "flipped", "gone"])
async def test_a_checkpoint_that_the_hashes_do_not_fit_stays_here(
    log: GrowingLog, clock: Clock, tmp_path: Path, harm: str
) -> None:
    """P3: nothing is sent that the log itself contradicts."""
    log.grow(4)
    hashes = log.folder / "hashes"
    data = hashes.read_bytes()
    match harm:
        case "cut":
            hashes.write_bytes(data[:-32])
        case "flipped":
            hashes.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        case _:
            hashes.unlink()
    desk = desk_of(log, clock, file_anchor(tmp_path / "kept"))
    await desk.once()
    assert not (tmp_path / "kept").exists()
    assert row(desk, "file").sent == 0
    hashes.write_bytes(data)
    await desk.once()
    assert row(desk, "file").sent == 1
    await desk.close()


async def test_a_reload_disturbs_only_what_it_changes(
    log: GrowingLog, clock: Clock, tmp_path: Path
) -> None:
    """Contract, `audit.anchors`: a target that stays keeps its figures; another place begins anew;
    one that is gone gets nothing more."""
    log.grow(4)
    stays, moved, gone = (tmp_path / name for name in ("stays", "moved", "gone"))
    desk = desk_of(
        log, clock, file_anchor(stays, "stays"), file_anchor(gone, "moved"),
        file_anchor(gone.with_name("leaves"), "leaves"),
    )  # fmt: skip
    await desk.once()
    desk.use(audit_of(file_anchor(stays, "stays"), file_anchor(moved, "moved")))
    log.grow(5)
    await desk.once()
    assert {r.target: r.sent for r in desk.rows()} == {"stays": 2, "moved": 1}
    assert (kept(stays), kept(moved), kept(gone)) == ([4, 5], [5], [4])
    assert kept(gone.with_name("leaves")) == [4]
    await desk.close()


async def test_a_reload_reaches_a_desk_that_runs(
    log: GrowingLog, clock: Clock, tmp_path: Path
) -> None:
    """Contract, `audit.anchors`: also one that had no target at all."""
    log.grow(4)
    desk = desk_of(log, clock)
    running = asyncio.create_task(desk.run())
    desk.use(audit_of(file_anchor(tmp_path / "kept")))
    await clock.asleep.wait()
    assert kept(tmp_path / "kept") == [4]
    desk.use(Audit())
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert desk.rows() == []
    await desk.close()


async def test_a_disk_that_hangs_holds_up_nobody(
    log: GrowingLog, clock: Clock, tmp_path: Path
) -> None:
    """Audit: not the event loop, not the other targets; and no thread is added to the one that
    hangs. (Here: a pipe that nobody reads.)"""
    log.grow(4)
    os.mkfifo(tmp_path / "pipe")
    slow = Anchor(
        name="slow", type="webhook", url="http://127.0.0.1:9/", timeout_ms=100,
        hmac_secret=SecretRef(file=str(tmp_path / "pipe")),
    )  # fmt: skip
    desk = desk_of(log, clock, slow, file_anchor(tmp_path / "kept"))
    await desk.once()
    assert (row(desk, "slow").failed, row(desk, "file").sent) == (1, 1)
    writer = await asyncio.to_thread(os.open, tmp_path / "pipe", os.O_WRONLY)
    os.close(writer)
    await desk.close()


async def test_one_thread_for_each_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Audit: while the last work of a target hangs, no more is begun for it."""
    monkeypatch.setattr(blocking, "GRACE_S", 0.01)
    threads, (reader, writer) = Blocking(), os.pipe()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await threads.run("x", lambda: os.read(reader, 1))
    with pytest.raises(Busy):
        await threads.run("x", lambda: b"")
    assert await threads.run("y", lambda: 1) == 1
    monkeypatch.setattr(blocking, "GRACE_S", 10)
    os.write(writer, b"1")
    assert await threads.run("x", lambda: 2) == 2
    with pytest.raises(ZeroDivisionError):
        await threads.run("x", lambda: 1 // 0)
    os.close(reader)
    os.close(writer)


async def test_cursors_that_cannot_be_kept(
    log: GrowingLog, clock: Clock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Audit: then it counts as not sent, and nothing is written twice when it heals."""
    log.grow(4)
    path = tmp_path / "kept"
    in_the_way = log.root / "anchors" / "anchor-file.json.new"
    in_the_way.mkdir(parents=True)
    desk = desk_of(log, clock, file_anchor(path))
    await desk.once()
    assert (row(desk, "file").failed, kept(path)) == (1, [4])
    in_the_way.rmdir()
    await desk.once()
    assert (row(desk, "file").sent, kept(path)) == (1, [4])
    assert str(tmp_path) not in caplog.text
    await desk.close()


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"place":1,"size":"x"}', "\xff"])
def test_a_cursor_that_cannot_be_read_is_none(tmp_path: Path, text: str) -> None:
    """Audit: it costs a question to the target, nothing else."""
    path = tmp_path / "cursor.json"
    path.write_text(text, "latin-1")
    assert Cursor.load(path) is None
    cursor = Cursor("here", Checkpoint("envelope", 4, bytes(32)), NOON)
    cursor.save(path)
    assert Cursor.load(path) == cursor


async def test_a_defect_of_ours_ends_no_lane(
    log: GrowingLog, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Audit: whatever is raised becomes a failure, and the next checkpoint is tried."""
    log.grow(4)

    async def broken(*_: object) -> None:
        raise RuntimeError("a defect")

    desk = AnchorDesk(
        log.folder, log.root / "anchors", audit_of(file_anchor(tmp_path / "kept")),
        clock_ms=clock, sleep=clock.sleep, chance=Random(1),
    )  # fmt: skip
    with monkeypatch.context() as broke:
        broke.setattr(Delivery, "send", broken)
        await desk.once()
    assert row(desk, "file").failed == 1
    await desk.once()
    assert row(desk, "file").sent == 1
    await desk.close()
