"""Every system call of the log's upkeep fails once: closing files, pruning, changing the key.

The same way of testing as in test_faults.py, with another scenario.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from extproc.audit import rotate
from extproc.audit.checkpoint import load_signer, load_verifier
from extproc.audit.read import entries, lines
from extproc.audit.restart import PLAN, begin
from extproc.audit.segments import closed
from extproc.audit.sequencer import LOG, Sequencer
from extproc.audit.tombstone import read_tombstone
from extproc.audit.values import AuditUnavailable
from extproc.audit.verify import verify
from tests.audit.gateway import NOON, entry, sequencer, spool
from tests.audit.test_faults import CHANGES, Faults, Killed, quick_disk

__all__ = ["quick_disk"]
DAY = 24 * 3600 * 1000
LATER = NOON + 31 * DAY
KEPT = {"outcome": "refused"}
UPKEEP: dict[str, Any] = {"segment_bytes": 500, "retention": {"exchange": 30}}


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Entries 0 to 5, all past their time but refusal 2: a segment of two and an active file of
    four; refusal 6 waits in a spool."""
    root = tmp_path_factory.mktemp("past")
    writer = spool(root)
    with sequencer(root, **UPKEEP) as worker:
        for n in range(6):
            writer.close(entry(n, **({"decision": KEPT} if n == 2 else {})))
            if n in (1, 5):
                worker.poll(NOON)
    writer.close(entry(6, decision=KEPT))
    writer.release()
    return root


def prepare(past: Path, root: Path) -> str:
    """A copy, and a request for another key; returns the latest checkpoint."""
    shutil.copytree(past, root)
    rotate.ask(root, "r1", "ann", LATER + DAY)
    return (root / LOG / "checkpoint").read_text()


def work(worker: Sequencer, start_ms: int = LATER) -> None:
    """A file is closed, the key changed, two segments pruned; with time for a second attempt."""
    for n in range(4):
        worker.poll(start_ms + n * 61_000)


def check(root: Path, saved: str) -> None:
    """Nothing lost, nothing twice, what is past its time is gone, and the log is intact."""
    verifier = load_verifier(root / "verifier.pub")
    report = verify(root / LOG, verifier, saved)
    assert report.intact, report.faults
    assert report.covered == report.size and len(report.keys) >= 2
    found = list(lines(root / LOG))
    calls = [e["decision_id"] for e in entries(found) if "event" not in e]
    assert calls == ["d-2", "d-6"]
    stones = [stone.index for line in found if (stone := read_tombstone(line))]
    assert stones == [0, 1, 3, 4, 5]
    assert report.keys[-1] == str(load_signer(root, "envelope").verifier)
    assert not (root / rotate.NEXT_KEY).exists() and rotate.asked(root, NOON) is None
    files = {segment.path for segment in closed(root / LOG)}
    assert set((root / LOG / "segments").iterdir()) == files


def calls_of_the_scenario(past: Path, root: Path, calls: Sequence[str]) -> int:
    prepare(past, root)
    with pytest.MonkeyPatch.context() as patch:
        faults = Faults(patch, None, "", calls)
        with sequencer(root, **UPKEEP) as worker:
            work(worker)
        return faults.count


def test_upkeep_killed_at_every_call(past: Path, tmp_path: Path) -> None:
    """P3: kill -9 while a file is closed, pruned or the key changed; the next start finishes."""
    total = calls_of_the_scenario(past, tmp_path / "count", CHANGES)
    assert total > 60
    for at in range(total):
        root = tmp_path / str(at)
        saved = prepare(past, root)
        with pytest.MonkeyPatch.context() as patch:
            Faults(patch, at, "after", CHANGES)
            with pytest.raises(Killed), sequencer(root, **UPKEEP) as worker:
                work(worker)
        with sequencer(root, **UPKEEP) as worker:
            work(worker)
        check(root, saved)


def test_upkeep_goes_on_after_any_error(past: Path, tmp_path: Path) -> None:
    """P3: an error is a restart; where pruning fails, no poll fails for it."""
    total = calls_of_the_scenario(past, tmp_path / "count", (*CHANGES, "open"))
    failures = 0
    for at in range(total):
        root = tmp_path / str(at)
        saved = prepare(past, root)
        with pytest.MonkeyPatch.context() as patch:
            Faults(patch, at, "error", (*CHANGES, "open"))
            try:
                worker = Sequencer(root, checkpoint_interval_ms=0, **UPKEEP)
            except OSError:
                worker = Sequencer(root, checkpoint_interval_ms=0, **UPKEEP)
            for n in range(7):
                try:
                    worker.poll(LATER + n * 61_000)
                except AuditUnavailable:
                    failures += 1
        failures += worker.counts.prune_failures
        worker.close()
        check(root, saved)
    assert failures > 80


@pytest.mark.parametrize("way", ["after", "error"])
def test_a_new_beginning_may_be_interrupted_anywhere(past: Path, tmp_path: Path, way: str) -> None:
    """P3: the next start finishes it: one log, whose first entry says what was before."""
    at = 0
    while True:
        root = Path(shutil.copytree(past, tmp_path / str(at)))
        saved = (root / LOG / "checkpoint").read_text()
        (root / LOG / "entries.jsonl").unlink()
        with pytest.MonkeyPatch.context() as patch:
            faults = Faults(patch, at, way, CHANGES)
            with contextlib.suppress(Killed, OSError):
                begin(root, "disk lost", now_ms=LATER, actor="ann", event_id="b1")
        with sequencer(root):
            if not any(root.glob("log.lost-*")):  # it had not begun
                begin(root, "disk lost", now_ms=LATER, actor="ann", event_id="b1")
        with sequencer(root) as worker:
            worker.drain(LATER)
            assert verify(root / LOG, worker.verifier).intact
            assert worker.verifier.name == "envelope/2"
        found = list(entries(lines(root / LOG)))
        assert [e["decision_id"] for e in found] == ["event-b1", "d-6"]
        assert found[0]["event"]["previous"] == saved
        assert len(list(root.glob("log.lost-*"))) == 1 and not (root / PLAN).exists()
        if faults.count <= at:
            break
        at += 1
    assert at > 20
