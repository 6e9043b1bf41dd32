"""Waiting until what was written is on the disk: many writers share one fdatasync(2).

Promises: `wait` returns only when a sync that began after the caller's write has succeeded, or
raises AuditUnavailable within `timeout_s`; the event loop never waits for a disk. After a sync that
failed nobody may believe what was written before it (the kernel drops such pages and says nothing
the second time): everybody who waits is refused, and `failed` tells the owner to begin a new file.
"""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable, Coroutine
from typing import Any

from extproc.audit.values import AuditUnavailable

TIMEOUT_S = 2.0
Sync = Callable[[], None]


class GroupSync:
    """Of one spool. `sync` blocks until all that was written before its call is durable; it is run
    in a thread, never two at once."""

    def __init__(self, sync: Sync, timeout_s: float = TIMEOUT_S) -> None:
        self._sync, self._timeout_s = sync, timeout_s
        self._waiting: list[asyncio.Future[None]] = []
        self._running: asyncio.Task[None] | None = None
        self.failed = False

    def wait(self) -> Coroutine[Any, Any, None]:
        """Until what was written before this call is durable; raises AuditUnavailable.

        The place in the queue is taken by the call, not by the await: a sync that fails between
        the two has to refuse this one as well.
        """
        done = asyncio.get_running_loop().create_future()
        self._waiting.append(done)
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        return self._until(done)

    async def _until(self, done: asyncio.Future[None]) -> None:
        try:
            async with asyncio.timeout(self._timeout_s):
                await done
        except TimeoutError:
            raise AuditUnavailable("the audit spool's disk is too slow") from None
        except OSError as error:
            name = errno.errorcode.get(error.errno or 0, "unknown error")
            raise AuditUnavailable(f"the audit spool cannot be made durable: {name}") from None

    async def _run(self) -> None:
        """Sync after sync, as long as somebody waits; each serves those who came before it."""
        try:
            while self._waiting:
                served, self._waiting = self._waiting, []
                fault = await asyncio.to_thread(self._attempt)
                if fault is not None:  # who came meanwhile wrote to pages that may be gone as well
                    served, self._waiting = served + self._waiting, []
                for done in served:
                    if done.done():
                        continue
                    if fault is None:
                        done.set_result(None)
                    else:
                        done.set_exception(fault)
        finally:
            self._running = None

    def _attempt(self) -> OSError | None:
        try:
            self._sync()
        except OSError as error:
            self.failed = True
            return error
        return None


def sync_file(fd: int) -> None:
    """Make a file's content durable: its data and its size, not its times."""
    os.fdatasync(fd)
