"""The process that sends entries elsewhere: there while a configuration has sinks.

Apart from everything else, so that a slow receiver, a large batch or a library's defect can never
slow a request (`audit/shipping/process.py` is what runs in it).
"""

from __future__ import annotations

import asyncio
import logging
import signal
from pathlib import Path

from extproc.config.model import Config
from extproc.dataplane.secret_files import write_atomically
from extproc.server.child import Child, python
from extproc.state import StateDir

log = logging.getLogger("envelope.audit")

WATCH_S = 1.0
LEAVE_WITHIN_MS = 3_000


class Shipper:
    """Owns the process. `run`: the gateway's folder; its `config.json` is what the process reads.
    `origin`: the log's own name, which its key has."""

    def __init__(self, run: Path, state: StateDir, origin: str) -> None:
        self._run, self._state, self._origin = run, state, origin
        self._child: Child | None = None
        self._wanted = False
        self._store_url = ""

    def begin(self, config: Config, store_url: str) -> None:
        """Start, if anything is to be sent. `store_url`: of the gateway's own store."""
        self._store_url = store_url
        self.use(config)

    def use(self, config: Config) -> None:
        """Another configuration lies in `config.json`."""
        self._wanted = bool(config.gateway.audit.sinks)
        if self._child is not None and self._child.alive:
            self._child.signal(signal.SIGHUP)
        elif self._wanted:
            self._start()

    async def watch(self) -> None:
        """Until cancelled: bring it back when it dies."""
        while True:
            await asyncio.sleep(WATCH_S)
            if self._wanted and self._child is not None and not self._child.alive:
                log.warning("shipping ended (%s), starting another", self._child.exit_code)
                self._start()

    async def stop(self) -> None:
        """After the last entry is in the log: what is there is sent, for a bounded time."""
        if self._child is not None:
            await self._child.stop(grace_s=LEAVE_WITHIN_MS / 1000 + 2)

    def _start(self) -> None:
        path = self._run / "shipping.json"
        spec = {
            "audit_folder": str(self._state.audit),
            "config_file": str(self._run / "config.json"),
            "origin": self._origin,
            "store_url": self._store_url,
            "leave_within_ms": LEAVE_WITHIN_MS,
        }
        write_atomically(path, spec)
        self._child = Child("shipping", python("extproc.audit.shipping.process", str(path)))
