"""The workers of one gateway tell each other how targets do, once a second, by files.

Promises: a worker that is gone is forgotten after `STALE_S`; a file that cannot be read or written
costs figures, not requests. Files are replaced whole. Nothing in them is anybody's content.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from extproc.routing.figures import Figures

log = logging.getLogger("envelope.health")
EVERY_S, STALE_S = 1.0, 10.0
_SUFFIX = ".health"


class HealthShare:
    """One worker's part. `folder`: of the gateway's run; `owner`: names this worker."""

    def __init__(self, figures: Figures, folder: Path, owner: str) -> None:
        self._figures, self._folder, self._owner = figures, folder, owner
        self._said: bytes = b""

    async def run(self) -> None:
        """Tell and listen until cancelled."""
        while True:
            await asyncio.sleep(EVERY_S)
            try:
                rows, now_ms = self.rows(_now_ms()), _now_ms()
                self._figures.merge(await asyncio.to_thread(self.exchange, rows, now_ms))
            except (OSError, ValueError) as error:
                log.warning("health figures are not shared: %s", type(error).__name__)

    def rows(self, now_ms: int) -> bytes:
        """Encoded here, so that they are one moment's; written where a slow disk may wait."""
        return orjson.dumps(self._figures.encode(now_ms))

    def exchange(self, rows: bytes, now_ms: int) -> list[Any]:
        """Write our own rows, read those of all others. Raises OSError, ValueError."""
        self._write(rows)
        return list(self._others(now_ms))

    def _write(self, rows: bytes) -> None:
        path = self._folder / (self._owner + _SUFFIX)
        if rows == self._said and path.exists():
            os.utime(path)
            return
        beside = path.with_name(f".{path.name}")
        beside.write_bytes(rows)
        beside.replace(path)
        self._said = rows

    def _others(self, now_ms: int) -> Iterator[Any]:
        for path in sorted(self._folder.glob(f"*{_SUFFIX}")):
            if path.name == self._owner + _SUFFIX:
                continue
            try:
                stale = now_ms / 1000 - path.stat().st_mtime > STALE_S
                if stale:
                    path.unlink(missing_ok=True)
                else:
                    yield orjson.loads(path.read_bytes())
            except FileNotFoundError:
                continue


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
