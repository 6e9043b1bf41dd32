"""Workers of one gateway share how targets do."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from extproc.routing.figures import Figures
from extproc.server.health_share import STALE_S, HealthShare

KEY = ("openai-main", "gpt-4o-mini")
NOW_MS = 1_790_000_000_000


def share(folder: Path, owner: str) -> tuple[Figures, HealthShare]:
    figures = Figures()
    return figures, HealthShare(figures, folder, owner)


def told(one: HealthShare, now_ms: int = NOW_MS) -> list[object]:
    return one.exchange(one.rows(now_ms), now_ms)


def touch(folder: Path, age_s: float = 0) -> None:
    """The files' times are the test's own clock."""
    for path in folder.glob("*.health"):
        os.utime(path, (NOW_MS / 1000 - age_s,) * 2)


def test_failures_of_two_workers_add_up(tmp_path: Path) -> None:
    """Route: two failures within two minutes make a target ill, whichever worker saw them."""
    first, first_share = share(tmp_path, "a")
    second, second_share = share(tmp_path, "b")
    for figures in (first, second):
        figures.failed(*KEY, NOW_MS)
    assert not first.ill(KEY, NOW_MS)
    told(second_share)
    touch(tmp_path)
    first.merge(told(first_share))
    assert first.ill(KEY, NOW_MS)
    assert not second.ill(KEY, NOW_MS), "nobody told it yet"


def test_a_worker_that_is_gone_is_forgotten(tmp_path: Path) -> None:
    """Route: what nobody repeats does not count for ever."""
    first, first_share = share(tmp_path, "a")
    gone, gone_share = share(tmp_path, "b")
    gone.failed(*KEY, NOW_MS)
    gone.failed(*KEY, NOW_MS)
    told(gone_share)
    touch(tmp_path, age_s=STALE_S + 1)
    first.merge(told(first_share))
    assert not first.ill(KEY, NOW_MS)
    assert [path.name for path in tmp_path.glob("*.health")] == ["a.health"]


def test_its_own_file_is_not_heard_twice(tmp_path: Path) -> None:
    """Route: one failure stays one."""
    figures, one = share(tmp_path, "a")
    figures.failed(*KEY, NOW_MS)
    for _ in range(2):
        touch(tmp_path)
        figures.merge(told(one))
    assert not figures.ill(KEY, NOW_MS)


def test_what_is_no_file_of_rows_is_an_error_that_costs_nothing(tmp_path: Path) -> None:
    """P8: figures may be lost, and a request is not: the caller catches just these two."""
    _, one = share(tmp_path, "a")
    (tmp_path / "b.health").write_text("not json")
    touch(tmp_path)
    with pytest.raises(ValueError):
        told(one)
