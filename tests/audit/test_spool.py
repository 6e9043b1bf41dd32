"""A worker's spool: whole lines, honest errors, recovery."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from extproc.audit.disk import is_locked
from extproc.audit.sequencer import SPOOL
from extproc.audit.spool_reader import owners, whole_lines
from extproc.audit.values import AuditUnavailable
from tests.audit.gateway import NOON, entry, ids, sequencer, spool


def spooled(root: Path, name: str = "w0-1.jsonl") -> list[tuple[str, str]]:
    lines, _ = whole_lines(root / SPOOL / name, 0)
    return [(r["kind"], r["entry"]["decision_id"]) for r in map(orjson.loads, lines)]


def test_a_line_is_there_when_the_call_returns(tmp_path: Path) -> None:
    """P3: intent and close are in the file, exactly as given, before anything else happens."""
    writer = spool(tmp_path)
    writer.intent(entry(1))
    line = (tmp_path / SPOOL / "w0-1.jsonl").read_bytes()
    assert orjson.loads(line) == {
        "kind": "intent", "at_ms": NOON, "id": "d-1", "entry": entry(1),
    }  # fmt: skip
    writer.close(entry(1))
    assert spooled(tmp_path) == [("intent", "d-1"), ("close", "d-1")]


@pytest.mark.parametrize(
    "broken",
    [{}, {"decision_id": ""}, {"decision_id": 7}, {"decision_id": '"'}, {"decision_id": "x" * 257}],
)
def test_an_entry_without_a_decision_is_refused(tmp_path: Path, broken: dict[str, object]) -> None:
    """P3: what could not be told apart later is not recorded as if it could."""
    with pytest.raises(AuditUnavailable):
        spool(tmp_path).intent(broken)


def test_an_owner_is_unique_and_its_name_is_a_name(tmp_path: Path) -> None:
    """P3: two processes never write one spool, and a name never leaves the folder."""
    writer = spool(tmp_path)
    for owner in ("w0-1", "../w", "", "a.b"):
        with pytest.raises(AuditUnavailable):
            spool(tmp_path, owner)
    writer.intent(entry(1))
    assert spooled(tmp_path) == [("intent", "d-1")]


@pytest.mark.parametrize("taken", [0, 1, 40, -1])
def test_disk_full_refuses_then_works_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taken: int
) -> None:
    """P1, P3: no room means AuditUnavailable and no trace; with room again, all goes on."""
    writer = spool(tmp_path)
    writer.intent(entry(1))
    real = os.write

    def full(fd: int, data: bytes) -> int:
        if taken == 0:
            raise OSError(errno.ENOSPC, "secret path")
        return real(fd, data[:taken])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(AuditUnavailable) as error:
            writer.intent(entry(2))
        assert "secret path" not in str(error.value)
        assert spooled(tmp_path) == [("intent", "d-1")]
    writer.intent(entry(3))
    writer.close(entry(3))
    assert spooled(tmp_path) == [("intent", "d-1"), ("intent", "d-3"), ("close", "d-3")]


def test_a_torn_line_that_cannot_be_cut_yet_is_cut_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P3: nothing is written behind a torn line, for it would become part of it."""
    writer = spool(tmp_path)
    real = os.write

    def refuse(fd: int, size: int) -> None:
        raise OSError(errno.EIO, "")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda fd, data: real(fd, data[:9]))
        patch.setattr(os, "ftruncate", refuse)
        with pytest.raises(AuditUnavailable):
            writer.intent(entry(1))
        patch.setattr(os, "write", real)
        with pytest.raises(AuditUnavailable):
            writer.intent(entry(2))
    writer.intent(entry(3))
    assert spooled(tmp_path) == [("intent", "d-3")]


def test_a_close_that_failed_is_written_before_whatever_comes_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P3: the outcome of an exchange survives a full disk while its worker lives."""
    writer = spool(tmp_path)
    writer.intent(entry(1))

    def full(fd: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(AuditUnavailable):
            writer.close(entry(1, cost_nano_usd=5))
    writer.intent(entry(2))
    assert spooled(tmp_path) == [("intent", "d-1"), ("close", "d-1"), ("intent", "d-2")]
    writer.release()


def test_release_gives_a_failed_close_its_last_chance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P3: an orderly stop writes what is kept, and lets go of the lock."""
    writer = spool(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda fd, data: 0)
        with pytest.raises(AuditUnavailable):
            writer.close(entry(1))
    assert is_locked(tmp_path / SPOOL / "w0-1.lock")
    writer.release()
    assert spooled(tmp_path) == [("close", "d-1")]
    assert not is_locked(tmp_path / SPOOL / "w0-1.lock")


def test_segments_rotate_and_spent_ones_go(tmp_path: Path) -> None:
    """P3: a long-lived worker's spool does not grow for ever, and no open intent is deleted."""
    writer = spool(tmp_path, rotate_bytes=1000)
    with sequencer(tmp_path) as worker:
        writer.intent(entry(0))
        for n in range(1, 10):
            writer.close(entry(n))
        assert len(owners(tmp_path / SPOOL)["w0-1"]) > 2
        worker.poll(NOON)
        assert owners(tmp_path / SPOOL)["w0-1"][0] == "w0-1.jsonl"
        writer.close(entry(0))
        worker.poll(NOON)
        assert len(owners(tmp_path / SPOOL)["w0-1"]) == 1
        writer.close(entry(10))
        worker.poll(NOON)
    assert ids(tmp_path) == [*(f"d-{n}" for n in range(1, 10)), "d-0", "d-10"]


def test_a_failed_rotation_costs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """P3: out of file handles, the worker stays in its segment."""
    writer = spool(tmp_path, rotate_bytes=10)

    def refuse(*_: object) -> int:
        raise OSError(errno.EMFILE, "")

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refuse)
        writer.intent(entry(1))
        writer.close(entry(1))
    assert spooled(tmp_path) == [("intent", "d-1"), ("close", "d-1")]


WORKER = """
import os, signal, sys
from pathlib import Path
from tests.audit.gateway import entry, spool
writer = spool(Path(sys.argv[1]), "w7-1")
writer.intent(entry(1)); writer.intent(entry(2)); writer.close(entry(2))
print("ready", flush=True)
sys.stdin.read()
"""


def test_a_killed_worker_leaves_its_lines_and_its_lock(tmp_path: Path) -> None:
    """P3: kill -9 of a real process loses no line; its open exchange becomes `worker_lost`."""
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(tmp_path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert worker.stdout and worker.stdin
    with sequencer(tmp_path) as seq:
        assert worker.stdout.readline() == b"ready\n"
        assert seq.poll(NOON) == 1
        worker.kill()
        worker.wait()
        assert seq.poll(NOON) == 1
        assert seq.poll(NOON) == 0
    worker.stdin.close()
    worker.stdout.close()
    assert ids(tmp_path) == ["d-2", "d-1"]
    assert owners(tmp_path / SPOOL) == {}
