"""The whole gateway on one machine: store, workers, sequencer, Envoy, admin; one parent of all.

Start order is the order of need, stop order the reverse; a part that cannot start stops the rest.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import Any

from redis.asyncio import Redis

from extproc import __version__
from extproc.admin.draining import FLAG as DRAINING
from extproc.admissible import mistakes
from extproc.alerts.desk import AlertDesk
from extproc.alerts.lane import Figures
from extproc.config.model import Config, ProviderAccount
from extproc.config.reload import Bad, Changed, Watch
from extproc.config.sources import Source, sources_to_json
from extproc.dataplane.bootstrap import Place
from extproc.dataplane.envoy_process import EnvoyProcess, write_atomically
from extproc.dataplane.gcp_refresh import TokenKeeper
from extproc.ledger.keeper import LedgerKeeper
from extproc.routing.rules import session_headers
from extproc.server.audit_desk import AuditDesk
from extproc.server.child import Child, python
from extproc.server.fleet import Fleet
from extproc.state import RUN_PREFIX, StateDir
from extproc.store import PrivateStore
from extproc.store_client import StoreUnavailable, check_policy, open_client
from extproc.telemetry.snapshot import SnapshotFile, encode_alerts

log = logging.getLogger("envelope")

WATCH_S = 0.5
PUBLISH_S = 1.0
RELOAD_AGAIN_S = 2
ADMIN_READY_S = 30
LEAVING_S = 5
"""How long clusters of accounts that were removed stay, for requests already bound there."""
NEED_RESTART = (
    "listener.request_body_bytes_max", "listener.header_kib_max", "store", "telemetry",
    "audit.durability", "audit.origin", "audit.checkpoint_interval_ms", "audit.segment_bytes",
    "audit.unseen_after_ms",
)  # fmt: skip
"""Parts of `gateway-config` that are read when the gateway starts."""


@dataclass(frozen=True, slots=True)
class Options:
    """What `envelope up` was asked for. `port` and `admin_port` 0 = any free one.

    `gateway_url`: where a guardrail's judge finds this gateway, unless that is `host` and `port`.
    """

    config_path: Path
    state: StateDir
    host: str
    port: int
    admin_port: int
    workers: int
    store_url: str | None = None
    data_plane: bool = True
    run: Path | None = None
    gateway_url: str = ""


class Gateway:
    """Owns every child. Use `async with`; inside it traffic is accepted."""

    def __init__(self, options: Options, sources: list[Source], config: Config) -> None:
        self._options, self._sources, self.config = options, sources, config
        self._run = options.run or Path(tempfile.mkdtemp(prefix=RUN_PREFIX))
        self._run.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._store: PrivateStore | None = None
        self._client: Redis | None = None
        self._fleet: Fleet | None = None
        self._envoy: EnvoyProcess | None = None
        self._tokens: TokenKeeper | None = None
        self._admin: Child | None = None
        self._keeper: LedgerKeeper | None = None
        self._desk: AlertDesk | None = None
        self._audit: AuditDesk | None = None
        self._tasks: list[asyncio.Task[Any]] = []
        self.store_url = ""

    async def __aenter__(self) -> Gateway:
        try:
            await self._start()
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stop()

    # --- start --------------------------------------------------------------------------------

    async def _start(self) -> None:
        self._options.state.prepare()
        (self._run / DRAINING).unlink(missing_ok=True)
        self._audit = AuditDesk(self._options.state, self._run, self.config)
        self._options.state.remove_old_run()  # from here on nobody else works in this folder
        await self._start_store()
        await self._start_audit()
        await self._start_ledger()
        await self._start_workers()
        self._audit.ship(self.store_url)
        self._start_admin()
        # An Envoy that somebody else runs finds tokens beside the workers' sockets.
        own = self._options.data_plane
        self._tokens = TokenKeeper(self._options.state.envoy if own else self._run)
        self._tokens.use(self.config.accounts)
        if own:
            await self._start_envoy()
        await self._until_admin_listens()
        self._keep(self._watch_config())
        assert self._fleet is not None
        self._keep(self._fleet.watch())
        self._keep(self._watch_parts())
        write_atomically(self._options.state.run_file, self.facts())

    async def _start_store(self) -> None:
        self.store_url = self._options.store_url or self.config.gateway.store.url or ""
        if not self.store_url:
            self._store = PrivateStore(self._options.state.store, self._run)
            await self._store.start()
            self.store_url = self._store.url
        self._client = open_client(self.store_url, self.config.gateway.store.timeout_ms)
        try:
            await check_policy(self._client)
        except StoreUnavailable as error:
            log.error("the store is away (%s): every call is refused until it is back", error)

    async def _start_audit(self) -> None:
        """Before any worker: what it writes finds its way into the log."""
        assert self._client is not None and self._audit is not None
        own = self._options.data_plane
        access_log = self._options.state.envoy / "access.log" if own else None
        await self._audit.start(self._client, access_log)
        self._audit.note("gateway.start", details={
            "version": __version__, "config_digest": self.config.digest,
            "policy_digest": await self._audit.policy_changed(self.config),
            "durability": self.config.gateway.audit.durability, "workers": self._options.workers,
        })  # fmt: skip

    async def _start_ledger(self) -> None:
        """Before any worker: what this gateway knows comes back before it is needed (P2)."""
        assert self._client is not None
        gateway = self.config.gateway
        assert self._audit is not None
        self._desk = AlertDesk(self._client, told=self._audit.alerted)
        self._keeper = LedgerKeeper(
            self._client, self._options.state.ledger, timeout_ms=gateway.store.timeout_ms,
            recovery_ms=gateway.limits.recovery_ms, observe=self._desk.observe,
        )  # fmt: skip
        self._desk.use(self.config)
        self._keep(self._desk.run())
        self._keep(self._publish_alerts(self._desk.figures))
        self._keeper.remember()
        await self._keeper.tick()
        self._keep(self._keeper.run())

    async def _start_workers(self) -> None:
        (self._run / "config.json").write_text(sources_to_json(self._sources))
        metrics = self._run / "metrics"
        metrics.mkdir(exist_ok=True)
        shared = {
            "store_url": self.store_url,
            "config_file": str(self._run / "config.json"),
            "audit_folder": str(self._options.state.audit),
            "ledger_folder": str(self._options.state.ledger),
            "secrets_folder": str(self._options.state.secrets),
            "gateway_url": self._options.gateway_url
            or _own_url(self._options.host, self._options.port),
            "metrics_folder": str(metrics),
        }
        assert self._keeper is not None
        self._fleet = Fleet(self._run, shared, self._options.workers, self._keeper)
        self._fleet.start()
        await self._fleet.wait_ready()

    async def _start_envoy(self) -> None:
        assert self._fleet is not None
        state = self._options.state
        place = Place(
            host=self._options.host,
            port=self._options.port,
            sockets=self._fleet.sockets,
            admin_socket=str(self._run / "envoy-admin.sock"),
            access_log=str(state.envoy / "access.log"),
        )
        self._envoy = EnvoyProcess(state.envoy, place, concurrency=self._options.workers)
        self._envoy.start(self.config)
        await self._envoy.wait_ready()

    def _start_admin(self) -> None:
        assert self._fleet is not None
        spec = {
            "port": self._options.admin_port,
            "host": self._options.host,
            "store_url": self.store_url,
            "sockets": list(self._fleet.sockets),
            "envoy_socket": str(self._run / "envoy-admin.sock") if self._options.data_plane else "",
            "metrics_folder": str(self._run / "metrics"),
            "audit_folder": str(self._options.state.audit),
            "config_file": str(self._run / "config.json"),
        }
        path = self._run / "admin.json"
        write_atomically(path, spec)
        self._admin = Child("admin", python("extproc.admin.server", str(path)))

    async def _until_admin_listens(self) -> None:
        host, port = self._options.host, self._options.admin_port
        deadline = asyncio.get_running_loop().time() + ADMIN_READY_S
        while True:
            try:
                _, writer = await asyncio.open_connection(host, port)
            except OSError:
                late = asyncio.get_running_loop().time() > deadline
                if late or self._admin is None or not self._admin.alive:
                    raise RuntimeError(f"the admin API did not start on port {port}") from None
                await asyncio.sleep(0.05)
                continue
            writer.close()
            return

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(asyncio.create_task(work))

    @property
    def worker_pids(self) -> list[int]:
        return self._fleet.pids if self._fleet is not None else []

    @property
    def envoy_pids(self) -> list[int]:
        child = self._envoy.child if self._envoy is not None else None
        return [child.pid] if child is not None else []

    def facts(self) -> dict[str, Any]:
        """What other commands need to find this gateway."""
        options = self._options
        return {
            "pid": os.getpid(),
            "gateway": f"http://{options.host}:{options.port}" if options.data_plane else "",
            "admin": f"http://{options.host}:{options.admin_port}",
            "store": self.store_url,
            "config": str(options.config_path.resolve()),
            "run": str(self._run),
            "workers": self.worker_pids,
        }

    # --- while it runs ------------------------------------------------------------------------

    async def _publish_alerts(self, figures: Figures) -> None:
        """Beside the workers' figures, whenever there is something new."""
        file, number = SnapshotFile(self._run / "metrics", "alerts"), 0
        known: dict[tuple[str, ...], int] = {}
        while True:
            await asyncio.sleep(PUBLISH_S)
            rows = figures.rows()
            if rows != known:
                number, known = number + 1, rows
                with suppress(OSError):
                    await asyncio.to_thread(file.write, number, encode_alerts("alerts", rows))

    async def _watch_config(self) -> None:
        watch = self._new_watch()
        while True:
            await asyncio.sleep(WATCH_S)
            match await asyncio.to_thread(watch.poll, time.monotonic_ns() // 1_000_000):
                case Changed(sources=sources, config=config):
                    if not await self._reload(list(sources), config):
                        await asyncio.sleep(RELOAD_AGAIN_S)
                        watch = self._new_watch()
                case Bad(mistakes=found):
                    for mistake in found:
                        log.error("configuration not loaded: %s", mistake)
                    self._note_refused(len(found))

    async def _watch_parts(self) -> None:
        """Bring back Envoy and the admin process when they die."""
        while True:
            await asyncio.sleep(WATCH_S)
            if self._admin is not None and not self._admin.alive:
                log.warning("admin ended (%s), starting another", self._admin.exit_code)
                self._start_admin()
            envoy = self._envoy
            if envoy is not None and envoy.child is not None and not envoy.child.alive:
                log.warning("envoy ended (%s), starting another", envoy.child.exit_code)
                envoy.start(self.config)

    def _note_refused(self, mistakes: int) -> None:
        if self._audit is not None:
            running = self.config.digest
            self._audit.note("config.refuse", target=running, outcome="refused",
                             details={"mistakes": mistakes})  # fmt: skip

    def _new_watch(self) -> Watch:
        check = partial(mistakes, secrets="all" if self._options.data_plane else "own")
        return Watch(self._options.config_path, self.config, check=check)

    async def _reload(self, sources: list[Source], config: Config) -> bool:
        """Envoy learns new clusters before any worker may route to them, and forgets old ones
        when no worker does any more.

        The same digest means that a policy or a secret changed: everything is taken anew.
        """
        for part in NEED_RESTART:
            if attrgetter(part)(config.gateway) != attrgetter(part)(self.config.gateway):
                log.warning("`%s` has changed: that takes a restart; the rest is loaded now", part)
        if not session_headers(config) <= session_headers(self.config):
            log.warning("a sticky rule reads another header: that takes a restart to be read")
        try:
            if self._envoy is not None:
                leaving = self.config.accounts
                self._envoy.write(config, leaving)
                await self._until_envoy_knows(config, leaving)
        except Exception as error:
            log.error("configuration not loaded: %s", error)
            return False
        new = self._run / "config.json.new"
        new.write_text(sources_to_json(sources))
        new.replace(self._run / "config.json")
        assert self._fleet is not None
        self._fleet.reload()
        if self._desk is not None:
            self._desk.use(config)
        if self._tokens is not None:
            self._tokens.use(config.accounts)
        if self._audit is not None:
            self._audit.use(config)
            await self._audit.note_load(self.config.digest, config)
        self.config, self._sources = config, sources
        self._keep(self._forget_clusters(config))
        log.info("configuration %s loaded", config.digest[:12])
        return True

    async def _forget_clusters(self, config: Config) -> None:
        await asyncio.sleep(LEAVING_S)
        if self._envoy is not None and config is self.config:
            self._envoy.write(config)

    async def _until_envoy_knows(
        self, config: Config, leaving: Mapping[str, ProviderAccount]
    ) -> None:
        assert self._envoy is not None
        for _ in range(100):
            if await self._envoy.knows(config, leaving):
                return
            await asyncio.sleep(0.05)
        log.warning("envoy has not confirmed the new clusters yet")

    # --- stop ---------------------------------------------------------------------------------

    async def _stop(self) -> None:
        if self._envoy is not None:
            await self._envoy.drain(within_s=10)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._envoy is not None and self._envoy.child is not None:
            await self._envoy.child.stop(grace_s=5)
        if self._tokens is not None:
            await self._tokens.close()
        if self._fleet is not None:
            await self._fleet.stop(grace_s=30)
        if self._keeper is not None:
            await self._keeper.tick()
        if self._desk is not None:
            await self._desk.close()
        if self._audit is not None:
            self._audit.note("gateway.stop")
            await self._audit.close()
        if self._admin is not None:
            await self._admin.stop(grace_s=3)
        if self._client is not None:
            await self._client.aclose()
        if self._store is not None:
            await self._store.stop()
        if (self._options.state.running() or {}).get("pid") == os.getpid():  # not another's
            self._options.state.run_file.unlink(missing_ok=True)
        if self._options.run is None:
            shutil.rmtree(self._run, ignore_errors=True)


def write_ready_file(path: Path, facts: dict[str, Any]) -> None:
    """The contract's `--ready-file`: written whole, by rename."""
    beside = path.with_name(path.name + ".new")
    beside.write_text(json.dumps(facts))
    beside.replace(path)


def _own_url(host: str, port: int) -> str:
    """Where a guardrail's judge finds this gateway; one that listens everywhere listens here."""
    return f"http://{'127.0.0.1' if host in ('0.0.0.0', '::', '') else host}:{port}"
