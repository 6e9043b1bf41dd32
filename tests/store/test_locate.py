"""Which store a command asks."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import pytest

from extproc import store as store_module
from extproc.state import StateDir
from extproc.store import PrivateStore, StoreRefused, connect, locate


async def test_the_one_that_is_named(tmp_path: Path) -> None:
    """Contract, section 1: --store wins and nothing is started."""
    async with locate(tmp_path / "s", "redis://elsewhere:6379") as url:
        assert url == "redis://elsewhere:6379"
    assert not (tmp_path / "s").exists()


async def test_the_running_gateways(tmp_path: Path) -> None:
    """Contract, section 1: a command beside a running gateway asks the gateway's store."""
    state = StateDir(tmp_path).prepare()
    state.run_file.write_text(json.dumps({"pid": os.getpid(), "store": "unix:///run/x.sock"}))
    async with locate(tmp_path, None) as url:
        assert url == "unix:///run/x.sock"


async def test_its_own_for_as_long_as_it_runs(tmp_path: Path) -> None:
    """Contract, section 1: with no gateway running, a command works on the state folder itself."""
    for expected in (1, 2):
        async with locate(tmp_path, None) as url:
            client = await connect(url, 2_000)
            assert await client.incr("n") == expected
            await client.aclose()
        assert not Path(url.removeprefix("unix://")).parent.exists()


async def test_it_ends_also_when_the_command_fails(tmp_path: Path) -> None:
    """P4: no store and no socket stay behind a command that raised."""
    with pytest.raises(RuntimeError):
        async with locate(tmp_path, None) as url:
            raise RuntimeError
    assert not Path(url.removeprefix("unix://")).parent.exists()
    async with locate(tmp_path, None):
        pass  # the folder is free


async def test_a_busy_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """P2: a command never opens a folder that a store is writing to."""
    monkeypatch.setattr(store_module, "LOCK_WITHIN_MS", 0)
    async with locate(tmp_path, None):
        with pytest.raises(StoreRefused, match="another store uses"):
            async with locate(tmp_path, None):
                pytest.fail("two stores on one folder")
    assert PrivateStore(tmp_path, tmp_path).pid is None


@pytest.mark.parametrize("pid", [os.getpid(), 2**22 + 1], ids=["alive", "no such process"])
def test_the_run_folder_of_a_killed_gateway_goes_with_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pid: int
) -> None:
    """P7: sockets and settings of a gateway that was killed do not pile up; one that lives, and a
    folder that somebody chose, stay."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    state = StateDir(tmp_path / "state").prepare()
    made, chosen = tmp_path / "envelope-abc", tmp_path / "chosen"
    for folder in (chosen, made):
        folder.mkdir()
        state.run_file.write_text(json.dumps({"pid": pid, "run": str(folder)}))
        state.remove_old_run()
    assert chosen.is_dir() and made.is_dir() == (pid == os.getpid())
