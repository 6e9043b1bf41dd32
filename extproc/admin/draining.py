"""Taking this gateway out of service: told once, remembered beside its sockets, for good.

Promises: readiness is gone at once, whatever Envoy says; Envoy fails health checks and asks its
callers to go elsewhere, but goes on taking calls, because load balancers learn of it late; calls
that run go on. Doing it again changes nothing. It ends with the gateway: a new one begins anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from extproc.admin.http_get import NoAnswer, get, post
from extproc.admin.spec import Spec

FLAG = "draining"
"""In the run folder. The gateway removes what a former run left there."""
ACTIVE = "http.envelope.downstream_rq_active"
WAIT_S_MAX = 600.0
_AGAIN_S = 0.1
_ORDERS = ("/healthcheck/fail", "/drain_listeners?graceful&skip_exit")
"""Envoy's admin interface: `/ready` and the health check filter fail and answers close their
connections; listeners drain gradually without closing."""


@dataclass(frozen=True, slots=True)
class Drained:
    """`open_exchanges`: None where nobody can count them. `why`: what Envoy could not be told."""

    draining: bool
    open_exchanges: int | None
    why: str = ""

    def to_json(self) -> dict[str, Any]:
        found: dict[str, Any] = {"draining": self.draining, "open_exchanges": self.open_exchanges}
        return found | ({"why": self.why} if self.why else {})


class Draining:
    """Of the gateway that `spec` describes. `sleep`: seconds."""

    def __init__(
        self, spec: Spec, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._envoy, self._flag, self._sleep = spec.envoy_socket, flag_of(spec), sleep

    async def begin(self) -> Drained:
        """Begin, or make sure that it has begun. Raises OSError when it cannot be remembered."""
        await asyncio.to_thread(self._flag.touch, 0o600)
        why = ""
        for order in _ORDERS if self._envoy else ():
            why = why or await self._tell(order)
        return Drained(True, await self._open(), why)

    async def look(self) -> Drained:
        """How far it is."""
        return Drained(await asyncio.to_thread(self._flag.exists), await self._open())

    async def until_idle(self, within_s: float) -> Drained:
        """Wait until no exchange is open, or nobody can tell, or the time is up."""
        rounds = int(min(within_s, WAIT_S_MAX) / _AGAIN_S)
        now = await self.look()
        for _ in range(rounds):
            if not now.open_exchanges:
                break
            await self._sleep(_AGAIN_S)
            now = await self.look()
        return now

    async def _tell(self, order: str) -> str:
        try:
            status, _ = await post(f"unix:{self._envoy}", order)
        except NoAnswer as error:
            return f"envoy: {error}"
        return "" if status == 200 else f"envoy: answered {status}"

    async def _open(self) -> int | None:
        return await open_exchanges(self._envoy)


def flag_of(spec: Spec) -> Path:
    """The file that says so, in the gateway's run folder."""
    return spec.metrics_folder.parent / FLAG


async def open_exchanges(envoy_socket: str) -> int | None:
    """Requests that Envoy has open right now; None without an Envoy of ours that says so."""
    if not envoy_socket:
        return None
    try:
        _, text = await get(f"unix:{envoy_socket}", f"/stats?filter=^{ACTIVE}$")
        return int(text.rpartition(":")[2])
    except (NoAnswer, ValueError):
        return None
