"""Makes the copies that shadow rules ask for, through this gateway's own listener.

Promises: nobody waits for it; at most `OPEN_MAX` copies run at once, the rest are dropped and
counted; a copy that takes longer than `COPY_S` is given up. What comes back is thrown away: the
copy's own entry has its outcome, usage and cost.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from extproc.exchange.mirror import Copy
from extproc.guardrails.services.ports import Http
from extproc.guardrails.values import GuardrailFault

log = logging.getLogger("envelope.shadow")
OPEN_MAX = 64
COPY_S = 120


class LoopbackMirror:
    """One per worker. `internal_key`: name of a virtual account -> its key. `count` is told what
    became of each copy: `sent`, `failed` or `dropped`."""

    def __init__(
        self,
        http: Http,
        gateway_url: str,
        internal_key: Callable[[str], str],
        count: Callable[[str], None],
    ) -> None:
        self._http, self._url, self._key = http, gateway_url.rstrip("/"), internal_key
        self._count = count
        self._open: set[asyncio.Task[None]] = set()

    def send(self, copy: Copy) -> None:
        if len(self._open) >= OPEN_MAX:
            self._count("dropped")
            return
        task = asyncio.get_running_loop().create_task(self._make(copy))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _make(self, copy: Copy) -> None:
        headers = {**copy.headers, "authorization": f"Bearer {self._key(copy.account)}"}
        try:
            async with asyncio.timeout(COPY_S):
                reply = await self._http.post(self._url + copy.path, copy.body, headers)
        except (GuardrailFault, TimeoutError):
            self._count("failed")
            log.warning("a shadow call could not be made")
            return
        self._count("sent")
        if reply.status >= 400:
            log.info("a shadow call was answered with status %d", reply.status)
