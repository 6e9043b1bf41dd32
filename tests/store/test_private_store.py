"""The private store, with the real server: keeps data, keeps others out, ends with its parent."""

from __future__ import annotations

import os
import select
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from extproc import store as store_module
from extproc.store import PrivateStore, StoreRefused, StoreUnavailable, connect


@pytest.fixture
def run() -> Iterator[Path]:
    """A short folder: pytest's own may be too long for a socket."""
    with tempfile.TemporaryDirectory(prefix="ev-") as folder:
        yield Path(folder)


def _files(folder: Path) -> list[Path]:
    files = list(folder.iterdir())
    assert files
    return files


def _start_parent(data: Path, run: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", _PARENT, str(data), str(run)]
    return subprocess.Popen(command, stdout=subprocess.PIPE)


async def test_keeps_its_data_over_a_restart(tmp_path: Path, run: Path) -> None:
    """P2: what was reserved or charged before a stop is there after it."""
    for expected in (1, 2, 3):
        store = PrivateStore(tmp_path / "with space", run)
        await store.start()
        client = await connect(store.url, 2_000)
        assert await client.incr("n") == expected
        await client.aclose()
        await store.stop()
        assert not store.alive()


async def test_keeps_its_data_when_killed(tmp_path: Path, run: Path) -> None:
    """P2: a killed store has written what it acknowledged."""
    store = PrivateStore(tmp_path, run)
    await store.start()
    client = await connect(store.url, 2_000)
    await client.set("k", "v")
    await client.aclose()
    assert store.pid is not None
    os.kill(store.pid, signal.SIGKILL)
    await store.stop()
    again = PrivateStore(tmp_path, run)
    await again.start()
    client = await connect(again.url, 2_000)
    assert await client.get("k") == b"v"
    await client.aclose()
    await again.stop()


async def test_runs_as_promised(tmp_path: Path, run: Path) -> None:
    """P4: no TCP port, owner only, never evicts, append-only file, no snapshots."""
    store = PrivateStore(tmp_path, run)
    await store.start()
    try:
        client = await connect(store.url, 2_000)
        wanted = {
            "port": "0",
            "appendonly": "yes",
            "appendfsync": "everysec",
            "maxmemory-policy": "noeviction",
            "save": "",
        }
        found = await client.config_get(*wanted)
        await client.aclose()
        assert found == wanted
        for path in (tmp_path, run):
            assert stat.S_IMODE(path.stat().st_mode) == 0o700
        for path in (run / "store.sock", *_files(tmp_path / "appendonlydir")):
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    finally:
        await store.stop()


async def test_ctrl_c_does_not_reach_it(tmp_path: Path, run: Path) -> None:
    """P2: a terminal's SIGINT goes to the process group; the store outlives the drain."""
    store = PrivateStore(tmp_path, run)
    await store.start()
    assert store.pid is not None
    assert os.getsid(store.pid) != os.getsid(0)
    await store.stop()


async def test_two_never_share_a_folder(
    tmp_path: Path, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P2: a second store on one append-only file is refused, and works once the first is gone."""
    monkeypatch.setattr(store_module, "LOCK_WITHIN_MS", 0)
    first, second = PrivateStore(tmp_path, run), PrivateStore(tmp_path, run / "b")
    await first.start()
    with pytest.raises(StoreRefused, match="another store uses"):
        await second.start()
    assert second.pid is None
    assert first.alive()
    await first.stop()
    await second.start()
    await second.stop()


_PARENT = """
import asyncio, pathlib, sys
from extproc.store import PrivateStore
async def main():
    store = PrivateStore(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
    await store.start()
    print(store.pid, flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


async def test_dies_with_its_parent(tmp_path: Path, run: Path) -> None:
    """P1: after kill -9 of the gateway no store is left, and its folder is free again."""
    parent = _start_parent(tmp_path, run)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    handle = os.pidfd_open(pid)
    assert select.select([handle], [], [], 0)[0] == []  # alive
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert select.select([handle], [], [], 10)[0] == [handle]
    os.close(handle)
    again = PrivateStore(tmp_path, run)
    await again.start()
    await again.stop()


async def test_a_path_too_long_for_a_socket_is_refused(tmp_path: Path) -> None:
    """P7: the message says what is wrong instead of the server's 'bind failed'."""
    with pytest.raises(StoreRefused, match="too long"):
        await PrivateStore(tmp_path, tmp_path / ("x" * 108)).start()


async def test_a_damaged_file_is_named(tmp_path: Path, run: Path) -> None:
    """P7: a store that cannot start says where to look, and leaves no process behind."""
    (tmp_path / "appendonlydir").mkdir(parents=True)
    (tmp_path / "appendonlydir" / "appendonly.aof.manifest").write_text("nonsense\n")
    store = PrivateStore(tmp_path, run)
    with pytest.raises(StoreUnavailable, match=r"valkey\.log"):
        await store.start()
    assert not store.alive()
