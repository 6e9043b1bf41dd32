"""Segments: the log in several files, for the writer, for readers, and for verify."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from extproc.audit.checkpoint import load_verifier
from extproc.audit.log import Log, LogRefused
from extproc.audit.read import LogReader, batch_from, follow, last_lines, lines, lines_from
from extproc.audit.segments import closed
from extproc.audit.sequencer import LOG, Sequencer
from extproc.audit.values import AuditUnavailable
from extproc.audit.verify import Report, verify
from tests.audit.gateway import NOON, entry, sequencer, spool

DAY = 24 * 3600 * 1000


def fill(root: Path, count: int, *, start: int = 0, **more: object) -> Path:
    """A log of `count` entries, a checkpoint and (at 500 bytes) a segment after every second."""
    more.setdefault("segment_bytes", 500)
    writer = spool(root, f"w-{start}")
    with sequencer(root, **more) as worker:
        for n in range(start, start + count):
            writer.close(entry(n))
            if n % 2:
                worker.poll(NOON)
        writer.release()
    return root / LOG


def indexes(found: object) -> list[int]:
    return [orjson.loads(line)["index"] for line in found]  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve entries: segments of two, and the last two in the active file."""
    root = tmp_path_factory.mktemp("segments")
    fill(root, 12)
    return root


@pytest.fixture
def root(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "audit"))


def report(root: Path) -> Report:
    return verify(root / LOG, load_verifier(root / "verifier.pub"))


def test_a_file_that_has_grown_becomes_a_segment(root: Path) -> None:
    """P3: named by its first entry; the log is as whole as before."""
    assert [s.first for s in closed(root / LOG)] == [0, 2, 4, 6, 8]
    found = report(root)
    assert found.intact, found.faults
    assert (found.size, found.covered, found.segments) == (12, 12, 5)
    fill(root, 2, start=12)
    assert report(root).size == 14 and report(root).intact


def test_a_small_log_is_one_file(tmp_path: Path) -> None:
    """Contract: nothing but the files that were always there, until one is due."""
    folder = fill(tmp_path, 4, segment_bytes=1 << 20)
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["checkpoint", "checkpoints", "entries.jsonl", "hashes"]


def test_a_file_older_than_a_day_becomes_a_segment(tmp_path: Path) -> None:
    """Audit: retention works on closed files, so that they are closed also without much traffic."""
    writer = spool(tmp_path)
    with sequencer(tmp_path) as worker:
        worker.poll(NOON + 5 * DAY)
        writer.close(entry(0))
        worker.poll(NOON)
        worker.poll(NOON + DAY)
        assert closed(tmp_path / LOG) == []
    with sequencer(tmp_path) as worker:  # when it began is known from its first entry
        worker.poll(NOON + DAY + 1)
        assert [s.first for s in closed(tmp_path / LOG)] == [0]
        worker.poll(NOON + 9 * DAY)
        assert len(closed(tmp_path / LOG)) == 1, "an empty file is not closed"


def test_all_readers_read_over_all_files(root: Path) -> None:
    """Audit: whoever reads the log need not know in how many files it is."""
    folder = root / LOG
    assert indexes(lines(folder)) == indexes(lines_from(folder, 0)) == list(range(12))
    for start in range(13):
        assert indexes(lines_from(folder, start)) == list(range(start, 12))
        assert indexes(batch_from(folder, start, 3)) == list(range(start, min(12, start + 3)))
    assert indexes(last_lines(folder, 5)[0]) == [7, 8, 9, 10, 11]
    assert indexes(follow(folder, 10, lambda: False)) == [10, 11]
    whole = b"".join(line + b"\n" for line in lines(folder))
    for at in (0, 7, 300, 900, len(whole)):
        assert b"".join(line + b"\n" for line in lines(folder, at)) == whole[at:]


def test_a_reader_goes_on_while_files_are_closed(tmp_path: Path) -> None:
    """Audit: every durable entry once, in order, however the writer closes files meanwhile."""
    writer, reader = spool(tmp_path), LogReader(tmp_path / LOG)
    assert (reader.size(), reader.read(0, 5)) == (0, [])
    found: list[int] = []
    with sequencer(tmp_path, segment_bytes=700) as worker:
        for n in range(40):
            writer.close(entry(n))
            worker.poll(NOON)
            if n % 3 == 0:
                found += indexes(reader.read(len(found), 2))
    while more := reader.read(len(found), 7):
        found += indexes(more)
    assert found == list(range(40)) and len(closed(tmp_path / LOG)) > 5


def test_a_reader_takes_only_what_is_durable_and_asked_for(tmp_path: Path) -> None:
    """Audit: entries whose hash is not stored yet are not read, nor more bytes than wanted."""
    log = Log(tmp_path)
    log.append([entry(n, text="x" * 20_000) for n in range(9)])
    log.close()
    with (tmp_path / "entries.jsonl").open("ab") as file:
        file.write(orjson.dumps(entry(9) | {"index": 9}) + b"\n")
    assert indexes(LogReader(tmp_path).read(7, 100)) == [7, 8]
    assert indexes(LogReader(tmp_path).read(0, 100, bytes_max=1)) == [0]
    assert len(LogReader(tmp_path).read(0, 100, bytes_max=50_000)) in (2, 3)


def test_a_reader_goes_past_what_cannot_be_read(root: Path) -> None:
    """Audit: a damaged line is for verify to name; it does not stop whoever reads on."""
    path = root / LOG / "segments" / "000000000004.jsonl"
    path.write_bytes(path.read_bytes().replace(b'{"', b"??", 1))
    reader = LogReader(root / LOG)
    found = [line for index in range(12) for line in reader.read(index, 1)]
    assert len(found) == 12 and found[4].startswith(b"??")
    assert indexes(found[5:]) == list(range(5, 12))


def test_a_reader_is_not_fooled_by_a_file_of_the_same_number(root: Path) -> None:
    """Audit: an inode that was freed and given away again: what stands there must be the entry."""
    reader, active = LogReader(root / LOG), root / LOG / "entries.jsonl"
    assert indexes(reader.read(10, 1)) == [10]
    lines = active.read_bytes().splitlines(keepends=True)
    active.write_bytes(b"".join(reversed(lines)))
    found = reader.read(11, 1)
    assert [orjson.loads(line)["index"] for line in found] == [11]


def test_an_entry_is_found_in_a_long_file_without_reading_it(tmp_path: Path) -> None:
    """Audit: by bisection over the indexes that lines state."""
    log = Log(tmp_path)
    log.append([entry(n, text="x" * (n % 7) * 100) for n in range(3000)])
    log.close()
    for index in (0, 1, 17, 1499, 2500, 2998, 2999):
        assert indexes(LogReader(tmp_path).read(index, 2)) == list(
            range(index, min(index + 2, 3000))
        )
    assert LogReader(tmp_path).read(3000, 1) == []


SEGMENT_ATTACKS: dict[str, tuple[Callable[[Path], object], int, str]] = {
    "removed": (lambda s: (s / "000000000004.jsonl").unlink(), 4, "segment_missing"),
    "first removed": (lambda s: (s / "000000000000.jsonl").unlink(), 0, "segment_missing"),
    "last removed": (lambda s: (s / "000000000008.jsonl").unlink(), 8, "segment_missing"),
    "all removed": (lambda s: shutil.rmtree(s), 0, "entry_removed"),
    "renamed": (lambda s: (s / "000000000004.jsonl").rename(s / "4.jsonl"), 4, "segment_missing"),
    "emptied": (lambda s: (s / "000000000004.jsonl").write_bytes(b""), 4, "segment_missing"),
    "twice": (lambda s: shutil.copy(s / "000000000004.jsonl", s / "000000000005.jsonl"), 5,
              "segment_overlap"),
    "swapped": (lambda s: swap(s / "000000000002.jsonl", s / "000000000006.jsonl"), 2,
                "entry_reordered"),
    "end cut": (lambda s: os.truncate(s / "000000000004.jsonl", 300), 4, "entry_unreadable"),
    "moved to the active": (lambda s: os.replace(s / "000000000002.jsonl", s / "../entries.jsonl"),
                            2, "segment_missing"),
}  # fmt: skip


def swap(left: Path, right: Path) -> None:
    one, other = left.read_bytes(), right.read_bytes()
    left.write_bytes(other)
    right.write_bytes(one)


@pytest.mark.parametrize("name", SEGMENT_ATTACKS)
def test_attacks_on_segments_are_found_and_named(root: Path, name: str) -> None:
    """P3: files that are missing, doubled, renamed, emptied or exchanged."""
    attack, index, kind = SEGMENT_ATTACKS[name]
    attack(root / LOG / "segments")
    found = report(root)
    assert kind in {fault.kind for fault in found.faults}, found.faults
    assert found.first_bad_index is not None and abs(found.first_bad_index - index) <= 1


LOSSES: dict[str, Callable[[Path], object]] = {
    "entries deleted": lambda log: (log / "entries.jsonl").unlink(),
    "entries replaced": lambda log: (log / "entries.jsonl").write_bytes(b"") or None,
    "entries cut": lambda log: os.truncate(log / "entries.jsonl", 100),
    "hashes cut": lambda log: os.truncate(log / "hashes", 64),
    "history deleted": lambda log: (log / "checkpoints").unlink(),
    "all deleted": lambda log: shutil.rmtree(log),
    "all moved": lambda log: log.rename(log.with_name("elsewhere")),
}


@pytest.mark.parametrize("name", LOSSES)
def test_a_log_lost_under_the_sequencer_is_refused_and_goes_on_when_it_is_back(
    tmp_path: Path, name: str
) -> None:
    """P3: nothing is written into a deleted file; the spools keep all; putting it back heals."""
    writer, log = spool(tmp_path), tmp_path / LOG
    with sequencer(tmp_path, segment_bytes=500) as worker:
        for n in range(5):
            writer.close(entry(n))
            worker.poll(NOON)
        shutil.copytree(log, tmp_path / "saved")
        LOSSES[name](log)
        left = sorted(tmp_path.rglob(f"{LOG}/*"))
        for n in range(5, 8):
            writer.close(entry(n))
            if name == "hashes cut" and n > 5:
                continue  # these it computes again by itself
            with pytest.raises(LogRefused):
                worker.poll(NOON)
            if name != "hashes cut":
                assert worker.backlog_bytes > 0
                assert sorted(tmp_path.rglob(f"{LOG}/*")) == left, "nothing is made in its place"
        shutil.rmtree(log, ignore_errors=True)
        (tmp_path / "saved").rename(log)
        worker.poll(NOON)
        assert worker.backlog_bytes == 0
        assert indexes(lines(log)) == list(range(8))
    assert report(tmp_path).intact


def test_the_backlog_is_what_is_not_in_the_log(tmp_path: Path) -> None:
    """Audit: health is told how much waits, also while the log cannot be written."""
    writer = spool(tmp_path)
    with sequencer(tmp_path) as worker:
        writer.close(entry(0))
        worker.poll(NOON)
        assert worker.backlog_bytes == 0
        writer.intent(entry(1))
        size = (tmp_path / "spool" / "w0-1.jsonl").stat().st_size
        worker.poll(NOON)
        assert worker.backlog_bytes == 0, "an intent was read: it waits for its close"
        (tmp_path / LOG / "entries.jsonl").rename(tmp_path / "away")
        writer.close(entry(1))
        with pytest.raises(LogRefused):
            worker.poll(NOON)
        waiting = (tmp_path / "spool" / "w0-1.jsonl").stat().st_size - size
        assert worker.backlog_bytes == waiting > 0


def test_a_second_sequencer_still_waits_outside(root: Path) -> None:
    """P3: segments change nothing about the one writer."""
    with sequencer(root), pytest.raises(AuditUnavailable):
        Sequencer(root)
