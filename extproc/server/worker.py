"""One worker process: an ext_proc server on a unix socket of its own.

Started by the gateway with a spec file; reads it again on SIGHUP (a new configuration), drains on
SIGTERM: takes no new streams, finishes those it has, settles, leaves.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import uvloop

from extproc.app import Adapters, Place, build_adapters, build_world
from extproc.audit import health
from extproc.audit.archive import Archive, keep_in_force
from extproc.config.load import load
from extproc.config.model import Config
from extproc.config.sources import Source, sources_from_json
from extproc.exchange.world import World
from extproc.logs import configure_logging
from extproc.server.audit_watch import refusing
from extproc.server.health_share import HealthShare
from extproc.server.runtime import Runtime
from extproc.server.service import build_server

log = logging.getLogger("envelope.worker")
DRAIN_S = 20
BEAT_S = 0.5


@dataclass(frozen=True, slots=True)
class Spec:
    """What the gateway tells a worker. `config_file` holds validated sources as JSON."""

    socket: str
    config_file: Path
    place: Place

    @classmethod
    def read(cls, path: Path) -> Spec:
        raw = json.loads(path.read_text())
        place = Place(
            owner=raw["owner"],
            slot=raw["slot"],
            store_url=raw["store_url"],
            audit_folder=Path(raw["audit_folder"]),
            ledger_folder=Path(raw["ledger_folder"]),
            secrets_folder=Path(raw["secrets_folder"]),
            gateway_url=raw["gateway_url"],
            metrics_folder=Path(raw["metrics_folder"]),
        )
        return cls(raw["socket"], Path(raw["config_file"]), place)


def read_config(path: Path) -> tuple[list[Source], Config]:
    """The configuration that the gateway has validated. Raises ValueError if it is not valid."""
    sources = sources_from_json(path.read_text())
    loaded = load(sources)
    if isinstance(loaded, list):
        raise ValueError("the handed-over configuration does not load")
    return sources, loaded


async def make_world(spec: Spec, adapters: Adapters) -> World:
    """The configuration made ready, its texts archived before any entry can name them (P6)."""
    sources, config = read_config(spec.config_file)
    world = await build_world(config, spec.place, adapters)
    keep_in_force(Archive(spec.place.audit_folder / "archive"), sources, world)
    return world


class Worker:
    """Owns the server, the runtime and the tasks beside them."""

    def __init__(self, spec: Spec, adapters: Adapters, runtime: Runtime) -> None:
        self._spec, self._adapters, self._runtime = spec, adapters, runtime
        self._server = build_server(runtime, f"unix:{spec.socket}")
        self._stop = asyncio.Event()
        self._reload = asyncio.Event()
        self._retired: World | None = None

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._reload.set)
        beside = [
            asyncio.create_task(work)
            for work in (
                self._adapters.keys.run(),
                self._runtime.renew_forever(),
                self._runtime.watch_store_forever(),
                self._runtime.settle_forever(),
                self._runtime.silence.run(),
                self._reload_forever(),
                self._beat_forever(),
                self._adapters.observer.run(),
                HealthShare(
                    self._adapters.figures, self._spec.place.metrics_folder, self._spec.place.owner
                ).run(),
            )
        ]
        await self._server.start()
        await self._stop.wait()
        await self._drain()
        for task in beside:
            task.cancel()
        await self._adapters.observer.close()
        self._adapters.audit.release()
        self._adapters.slate.leave()
        await self._adapters.http.close()

    async def _beat_forever(self) -> None:
        """Tell the fleet that the event loop turns; leave when the spool is gone, for a successor
        with a spool of its own."""
        while True:
            Path(f"{self._spec.socket}.beat").touch()
            audit, place = self._adapters.audit, self._spec.place
            audit.refusing = refusing(
                place.metrics_folder.parent / health.FILE,
                strict=self._runtime.world.config.gateway.audit.durability == "strict",
                now_ms=time.time_ns() // 1_000_000,
            )
            if audit.taken_away:
                log.error("the audit spool was taken away: making room for another worker")
                self._stop.set()
            await asyncio.sleep(BEAT_S)

    async def _drain(self) -> None:
        await self._server.stop(grace=DRAIN_S)
        try:
            async with asyncio.timeout(5):
                await self._runtime.drained()
        except TimeoutError:
            log.warning("left with settlements the store did not take; they are on the slate")
            self._runtime.dismiss()
            await asyncio.sleep(0)

    async def _reload_forever(self) -> None:
        while True:
            await self._reload.wait()
            self._reload.clear()
            try:
                world = await make_world(self._spec, self._adapters)
            except Exception as error:
                log.error("reload failed, the old configuration stays: %s", type(error).__name__)
                continue
            # Exchanges still go by the world they began with: it is closed one reload later.
            if self._retired is not None:
                await self._retired.policy.close()
            self._retired, self._runtime.world = self._runtime.world, world
            log.info("configuration %s", world.config.digest[:12])


async def serve(spec: Spec) -> None:
    _, config = read_config(spec.config_file)
    adapters = await build_adapters(config, spec.place)
    world = await make_world(spec, adapters)
    # What is loaded now stays: the collector need not walk price lists and vocabularies again.
    gc.collect()
    gc.freeze()
    await Worker(spec, adapters, Runtime(world)).run()


def main() -> int:
    configure_logging()
    uvloop.run(serve(Spec.read(Path(sys.argv[1]))))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
