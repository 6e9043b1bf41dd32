"""Work that may hang (disks, name servers, libraries that block), each kind in a thread of its own.

Promises: at most one thread for each name, so that what hangs holds up only itself; the threads
are daemons, so that none keeps the process from ending.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import Any, TypeVar

GRACE_S = 1.0
"""For what was cancelled a moment ago and is about to end."""
_T = TypeVar("_T")


class Busy(Exception):
    """The last work of this name still hangs in its thread."""


class Blocking:
    """The threads of one desk."""

    def __init__(self) -> None:
        self._running: dict[str, Future[Any]] = {}

    async def run(self, name: str, work: Callable[[], _T]) -> _T:
        """What `work` returns or raises; raises Busy. Cancelling leaves the thread to itself."""
        before = self._running.get(name)
        if before is not None and not before.done():
            await _ended(before)
        future: Future[_T] = Future()
        self._running[name] = future
        future.set_running_or_notify_cancel()
        Thread(target=_do, args=(future, work), name=f"anchors {name}", daemon=True).start()
        return await asyncio.wrap_future(future)


async def _ended(before: Future[Any]) -> None:
    """Wait a moment for earlier work, whatever became of it; raises Busy."""
    waited = asyncio.wrap_future(before)
    await asyncio.wait([waited], timeout=GRACE_S)
    if not before.done():
        raise Busy
    await asyncio.gather(waited, return_exceptions=True)


def _do(future: Future[_T], work: Callable[[], _T]) -> None:
    try:
        future.set_result(work())
    except BaseException as error:
        future.set_exception(error)
