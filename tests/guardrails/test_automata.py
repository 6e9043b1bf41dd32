"""Compiled databases that are kept: the same findings, and nothing that others could write."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import hyperscan
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from extproc.automata_cache import FILES_MAX, FileKeeper, default_folder
from extproc.guardrails.detectors import automata

WORDS = (rb"card \d{4}", rb"secret", rb"(?i)pass")


@pytest.fixture
def keeper(tmp_path: Path) -> Iterator[FileKeeper]:
    made = FileKeeper(tmp_path / "a" / "automata")
    automata.keep_in(made)
    yield made
    automata.keep_in(None)


def found(database: hyperscan.Database, text: bytes) -> list[tuple[int, int]]:
    hits: list[tuple[int, int]] = []
    database.scan(text, lambda rule, _s, end, _f, seen: seen.append((rule, end)), context=hits)
    return hits


def files(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "a" / "automata").iterdir())


def test_a_kept_database_finds_the_same(keeper: FileKeeper, tmp_path: Path) -> None:
    """P8: the second process reads what the first compiled; nothing else changes."""
    text = b"a card 1234 and a SECRET secret Pass"
    first = found(automata.compiled(WORDS), text)
    (kept,) = files(tmp_path)
    kept_at = kept.stat().st_mtime_ns
    assert found(automata.compiled(WORDS), text) == first != []
    assert kept.stat().st_mtime_ns == kept_at
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_other_expressions_are_another_database(keeper: FileKeeper, tmp_path: Path) -> None:
    """P7: order, flags and limits are part of what a database is."""
    automata.compiled(WORDS)
    automata.compiled(WORDS[::-1])
    automata.compiled(WORDS, [hyperscan.HS_FLAG_CASELESS] * 3)
    automata.compiled(WORDS, None, [(hyperscan.HS_EXT_FLAG_MIN_OFFSET, 1, 0, 0, 0, 0)] * 3)
    assert len(files(tmp_path)) == 4


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.integers(0, 10_000), st.integers(0, 7))
def test_a_damaged_file_costs_time_only(
    keeper: FileKeeper, tmp_path: Path, place: int, bit: int
) -> None:
    """P1: a bit that flipped on disk is noticed by hyperscan; the database is compiled anew."""
    automata.compiled(WORDS)
    (kept,) = files(tmp_path)
    data = bytearray(kept.read_bytes())
    data[place % len(data)] ^= 1 << bit
    kept.write_bytes(data)
    assert found(automata.compiled(WORDS), b"card 1234 secret") == [(0, 9), (1, 16)]


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_what_others_could_write_is_not_read(keeper: FileKeeper, tmp_path: Path, mode: int) -> None:
    """P4: a database in a file that others may write is not trusted."""
    automata.compiled(WORDS)
    (kept,) = files(tmp_path)
    kept.chmod(mode)
    assert keeper.get(kept.name) is None


def test_a_link_is_not_followed(keeper: FileKeeper, tmp_path: Path) -> None:
    """P4: nor is one that leads elsewhere."""
    automata.compiled(WORDS)
    (kept,) = files(tmp_path)
    moved = kept.rename(tmp_path / "elsewhere")
    kept.symlink_to(moved)
    assert keeper.get(kept.name) is None


def test_a_folder_that_cannot_be_written_is_no_matter(tmp_path: Path) -> None:
    """Guard: a read-only home compiles each time, and says nothing."""
    (tmp_path / "file").write_text("")
    automata.keep_in(FileKeeper(tmp_path / "file" / "below"))
    try:
        assert found(automata.compiled(WORDS), b"secret") == [(1, 6)]
    finally:
        automata.keep_in(None)


def test_only_the_newest_are_kept(tmp_path: Path) -> None:
    """Guard: configurations come and go; what they compiled does not pile up."""
    for number in range(FILES_MAX):
        (tmp_path / f"{number:04}").touch()
        os.utime(tmp_path / f"{number:04}", (number, number))
    FileKeeper(tmp_path).put("new", b"x")
    names = sorted(path.name for path in tmp_path.iterdir())
    assert len(names) == FILES_MAX and "0000" not in names and "new" in names


@pytest.mark.parametrize("terminal", [True, False])
def test_a_terminal_is_told_why_it_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    terminal: bool,
) -> None:  # fmt: skip
    """Style 8: long work says what it is, once, and only to somebody who looks."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal, raising=False)
    keeper = FileKeeper(tmp_path)
    assert keeper.get("a") is None and keeper.get("b") is None
    assert capsys.readouterr().err.count("compiling guardrail patterns") == int(terminal)


def test_the_folder_is_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    """XDG Base Directory Specification."""
    monkeypatch.setenv("XDG_CACHE_HOME", "/x")
    assert default_folder() == Path("/x/envelope/automata")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/h")
    assert default_folder() == Path("/h/.cache/envelope/automata")
