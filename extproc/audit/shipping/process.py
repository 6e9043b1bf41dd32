"""The shipping process: `python -m extproc.audit.shipping.process SPEC.json`.

A process of its own, so that whatever a sink does, no request waits for it: the only thing it
shares with the workers is the log, which it reads. SIGHUP: reads the configuration again, and the
sinks' secrets. SIGTERM: sends what is there, for `leave_within_ms` at most; what is left is sent
after the next start. Its parent's death ends it too (`server/child.py`).
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import shutil
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from random import SystemRandom

from extproc.audit.disk import try_lock
from extproc.audit.shipping import figures
from extproc.audit.shipping.cursor import Desk
from extproc.audit.shipping.lane import Lane, Means
from extproc.audit.shipping.pace import RealPace
from extproc.audit.shipping.sinks.objects import ASIDE
from extproc.audit.shipping.sinks.table import Surroundings, opening, shape_of
from extproc.audit.shipping.source import LogSource
from extproc.audit.shipping.spec import Spec
from extproc.config.audit_model import Sink
from extproc.config.load import load
from extproc.config.model import Config
from extproc.config.sources import sources_from_json
from extproc.logs import configure_logging

log = logging.getLogger("envelope.shipping")

FIGURES_EVERY_MS = 1_000
LOCK_WITHIN_S = 10
THREADS_PER_SINK = 2


def read_config(path: Path) -> Config:
    """The configuration that the gateway has validated. Raises OSError, ValueError, TypeError."""
    loaded = load(sources_from_json(path.read_text()))
    if isinstance(loaded, list):
        raise ValueError("the handed-over configuration does not load")
    return loaded


class Shipping:
    """Owns a lane per sink. `run` returns when everything has ended."""

    def __init__(
        self, spec: Spec, config: Config, stop: asyncio.Event, reload: asyncio.Event
    ) -> None:
        self._spec, self._config = spec, config
        self._stop, self._reload = stop, reload
        self._pace = RealPace()
        self._threads: ThreadPoolExecutor | None = None
        self._lanes: dict[str, Lane] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def run(self) -> None:
        """Ship until `stop`."""
        self._start()
        beside = [
            asyncio.create_task(self._reload_forever()),
            asyncio.create_task(self._show_forever()),
        ]
        await self._stop.wait()
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)
        self._pace.finish()
        await self._ended()
        self._show()

    def _start(self) -> None:
        self._pace = RealPace()
        sinks = self._config.gateway.audit.sinks
        # Files and name look-ups of one sink must not keep the others from a thread.
        before_threads, self._threads = (
            self._threads,
            ThreadPoolExecutor(4 + THREADS_PER_SINK * len(sinks), thread_name_prefix="lane"),
        )
        asyncio.get_running_loop().set_default_executor(self._threads)
        if before_threads is not None:
            before_threads.shutdown(wait=False)
        before = self._lanes
        self._lanes = {sink.name: self._lane(sink) for sink in sinks}
        for name in self._lanes.keys() & before.keys():
            # Counters of one process never fall.
            self._lanes[name].figures.entries.update(before[name].figures.entries)
        self._tasks = [asyncio.create_task(lane.run()) for lane in self._lanes.values()]

    def _lane(self, sink: Sink) -> Lane:
        around = Surroundings(self._spec.store_url, self._spec.folder, self._pace.now_ms)
        means = Means(
            source=LogSource(self._spec.log_folder),
            desk=Desk(self._spec.folder, sink.name),
            opening=opening(sink, around),
            pace=self._pace,
            chance=SystemRandom(),
        )
        return Lane(sink, shape_of(sink), self._spec.origin, means)

    async def _ended(self) -> None:
        """All lanes are; those that take too long are cut off, and go on where they were."""
        if self._tasks:
            within_s = self._spec.leave_within_ms / 1000
            _, late = await asyncio.wait(self._tasks, timeout=within_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _reload_forever(self) -> None:
        while True:
            await self._reload.wait()
            self._reload.clear()
            try:
                config = await asyncio.to_thread(read_config, self._spec.config_file)
            except Exception as error:
                log.error("reload failed, the old sinks stay: %s", type(error).__name__)
                continue
            self._pace.stop()
            await self._ended()
            self._config = config
            self._start()

    async def _show_forever(self) -> None:
        while True:
            await asyncio.to_thread(self._show)
            await asyncio.sleep(FIGURES_EVERY_MS / 1000)

    def _show(self) -> None:
        """A disk that is full costs the figures, never the shipping."""
        with suppress(OSError):
            size = LogSource(self._spec.log_folder).size()
            lanes = {name: lane.figures for name, lane in self._lanes.items()}
            figures.write(self._spec.folder, figures.encode(lanes, size, self._pace.now_ms()))


async def _run(spec: Spec) -> None:
    """Raises OSError, ValueError, TypeError."""
    stop, reload, loop = asyncio.Event(), asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    # Before the configuration is read, so that no change of it is missed.
    loop.add_signal_handler(signal.SIGHUP, reload.set)
    spec.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if await _alone(spec.folder, stop):
        clear(spec.folder)
        await Shipping(spec, read_config(spec.config_file), stop, reload).run()


async def _alone(folder: Path, stop: asyncio.Event) -> bool:
    """Hold the folder: two processes with one cursor would skip entries. A predecessor that is
    being ended gets LOCK_WITHIN_S. False: it is time to stop. Raises OSError."""
    deadline = asyncio.get_running_loop().time() + LOCK_WITHIN_S
    while try_lock(folder / ".lock") is None:
        if asyncio.get_running_loop().time() > deadline:
            raise OSError(errno.EBUSY, "another process ships from this folder")
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), 0.05)
            return False
    return True


def clear(folder: Path) -> None:
    """Remove files that a predecessor was making when it died: they hold entries, and nobody would
    prune them."""
    for left in folder.glob(f"{ASIDE}*"):
        shutil.rmtree(left, ignore_errors=True)


def main() -> int:
    """0; 2 where the spec, the configuration or the folder cannot be used."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    configure_logging()
    loop = asyncio.new_event_loop()
    try:
        loop.run_until_complete(_run(Spec.read(Path(sys.argv[1]))))
    except (OSError, ValueError, TypeError) as error:
        why = error.strerror if isinstance(error, OSError) else type(error).__name__
        print(f"shipping: cannot start ({why})", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    code = main()
    sys.stderr.flush()
    # Not `sys.exit`, and no `asyncio.run`: both wait for a thread that hangs in a name look-up.
    os._exit(code)
