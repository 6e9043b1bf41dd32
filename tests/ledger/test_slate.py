"""The slate: what became of each reservation is known after the worker was killed (P2)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from extproc.ledger.slate import SLOT_BYTES, SLOTS, Line, Slate, State, is_abandoned, read


def test_each_state_can_be_read_back(tmp_path: Path) -> None:
    """P2: asked, sent and used are told apart, with the amounts; what is settled is gone."""
    slate = Slate(tmp_path / "w.slate")
    for name in ("asked", "sent", "used", "unknown-tokens", "done"):
        slate.asked(name)
    slate.sent("sent")
    slate.used("used", {"requests": 1, "tokens": 12, "cost": 345})
    slate.used("unknown-tokens", {"requests": 1, "cost": 7})
    slate.free("done")
    assert {line.reservation_id: line for line in read(tmp_path / "w.slate")} == {
        "asked": Line("asked", State.ASKED, {"requests": 0, "tokens": 0, "cost": 0}),
        "sent": Line("sent", State.SENT, {"requests": 0, "tokens": 0, "cost": 0}),
        "used": Line("used", State.USED, {"requests": 1, "tokens": 12, "cost": 345}),
        "unknown-tokens": Line("unknown-tokens", State.USED, {"requests": 1, "cost": 7}),
    }
    slate.leave()


def test_asking_again_keeps_the_slot(tmp_path: Path) -> None:
    """P2: a request that is made smaller asks again under its id: it stays one line."""
    slate = Slate(tmp_path / "w.slate")
    slate.asked("a")
    slate.asked("a")
    assert [line.reservation_id for line in read(tmp_path / "w.slate")] == ["a"]
    slate.leave()


def test_a_full_slate_and_a_long_name_are_left_out(tmp_path: Path) -> None:
    """P2: what finds no place is not on the slate (and is then charged in full), nothing breaks."""
    slate = Slate(tmp_path / "w.slate")
    slate.asked("x" * 65)
    for n in range(SLOTS + 5):
        slate.asked(f"id{n}")
        slate.sent(f"id{n}")
    found = [line.reservation_id for line in read(tmp_path / "w.slate")]
    assert found == [f"id{n}" for n in range(SLOTS)]
    slate.free("id0")
    slate.asked("late")
    assert next(read(tmp_path / "w.slate")).reservation_id == "late"
    slate.leave()


def test_a_slate_with_nothing_on_it_goes_with_its_worker(tmp_path: Path) -> None:
    """P2: only what somebody must look at stays."""
    empty, owing = Slate(tmp_path / "empty.slate"), Slate(tmp_path / "owing.slate")
    owing.asked("a")
    empty.leave()
    owing.leave()
    assert [path.name for path in tmp_path.iterdir()] == ["owing.slate"]


def test_a_living_workers_slate_is_not_touched(tmp_path: Path) -> None:
    """P2: a slate belongs to its worker for as long as that lives."""
    slate = Slate(tmp_path / "w.slate")
    slate.asked("a")
    assert not is_abandoned(tmp_path / "w.slate")
    slate.leave()
    assert is_abandoned(tmp_path / "w.slate")


KILLED = """
import os, pathlib, signal, sys
from extproc.ledger.slate import Slate
slate = Slate(pathlib.Path(sys.argv[1]))
slate.asked("a"); slate.sent("a")
slate.asked("b"); slate.sent("b"); slate.used("b", {"requests": 1, "tokens": 2, "cost": 3})
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_it_outlives_kill_9(tmp_path: Path) -> None:
    """P2: what was noted is there after SIGKILL, without a single write call."""
    path = tmp_path / "w.slate"
    done = subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False)
    assert done.returncode == -9
    assert is_abandoned(path)
    states = {line.reservation_id: line.state for line in read(path)}
    assert states == {"a": State.SENT, "b": State.USED}


@pytest.mark.parametrize("cut", [0, 1, SLOT_BYTES - 1, SLOT_BYTES + 1])
def test_a_torn_slate_is_read_as_far_as_it_goes(tmp_path: Path, cut: int) -> None:
    """P2: a damaged file costs its own lines, not the others'."""
    path = tmp_path / "w.slate"
    slate = Slate(path)
    slate.asked("a")
    slate.asked("b")
    slate.leave()
    path.write_bytes(path.read_bytes()[:cut])
    assert [line.reservation_id for line in read(path)] == ["a"][: cut // SLOT_BYTES]
