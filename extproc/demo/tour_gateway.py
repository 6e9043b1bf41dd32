"""`envelope up --demo` as a child process, for as long as the tour takes.

Promises: it is the command that anybody can run, on free ports; it is drained and gone when the
block ends, however that happens, and dies with this process at the latest. Its output goes to
`<state>/up.log`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from extproc.server.child import Child, python
from extproc.state import StateDir

READY_S, DRAIN_S = 60, 45
WORKERS = 2
LOG_LINES = 8


class GatewayNotStarted(Exception):
    """`envelope up` ended or did not become ready; the text has the end of its log."""


@dataclass(frozen=True, slots=True)
class RunningGateway:
    """Where it is. `keys`: account name -> key; `store_url`: its private store."""

    state: StateDir
    url: str
    provider_url: str
    store_url: str
    keys: dict[str, str]


@asynccontextmanager
async def running_gateway(state: Path) -> AsyncIterator[RunningGateway]:
    """Start it on `state`, drain it at the end. Raises GatewayNotStarted, OSError."""
    folder = StateDir(state.resolve())
    folder.root.mkdir(parents=True, exist_ok=True, mode=0o700)
    ready, log = folder.root / "ready.json", folder.root / "up.log"
    ready.unlink(missing_ok=True)
    log.unlink(missing_ok=True)
    child = Child("gateway", _command(folder.root, ready), log=log)
    try:
        await _until_ready(child, ready, log)
        yield _facts(folder, ready)
    finally:
        # Ctrl-C once more while it drains ends this process, and the kernel the gateway.
        await child.stop(grace_s=DRAIN_S)
        ready.unlink(missing_ok=True)  # it holds keys


def _command(state: Path, ready: Path) -> list[str]:
    ports = ("--port", "0", "--admin-port", "0", "--workers", str(WORKERS))
    places = ("--state", str(state), "--ready-file", str(ready))
    return python("extproc", "up", "--demo", *ports, *places)


async def _until_ready(child: Child, ready: Path, log: Path) -> None:
    clock = asyncio.get_running_loop().time
    deadline = clock() + READY_S
    while not ready.exists():
        if not child.alive or clock() > deadline:
            end = "\n".join(log.read_text("utf-8", "replace").splitlines()[-LOG_LINES:])
            raise GatewayNotStarted(f"the gateway did not start; its last words:\n{end}")
        await asyncio.sleep(0.02)


def _facts(state: StateDir, ready: Path) -> RunningGateway:
    public, private = _read(ready), _read(state.run_file)
    provider = _read(state.root / "demo" / "provider.json")
    return RunningGateway(
        state, public["gateway"], provider["url"], private["store"], dict(public["keys"])
    )


def _read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found
