"""The text of `/metrics`: the workers' figures, and what the store and Envoy say right now.

Promises: a part that does not answer costs its own gauges, never the page.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from prometheus_client import generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector
from redis.asyncio import Redis

from extproc.admin.audit_gauges import audit_families
from extproc.admin.http_get import NoAnswer, get
from extproc.admin.ledger_state import STATES, State, ledger_state
from extproc.admin.limit_scan import LimitScan
from extproc.admin.spec import Spec
from extproc.audit.shipping.families import families
from extproc.ledger.redis_ledger import RedisLedger
from extproc.store_client import StoreUnavailable, mapped_errors
from extproc.telemetry import catalog
from extproc.telemetry.collect import collect, gauge, total

STORE_TIMEOUT_MS = 1_000
LIMITS_WITHIN_S = 2.0
STATS_KEY = "{envelope}:stats"
"""A hash that the ledger's scripts keep (`ledger/shared.lua`)."""
_ACTIVE = "http.envelope.downstream_rq_active"


class _Families(Collector):
    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        yield from self._families


def _from_disk(metrics_folder: Path) -> list[Metric]:
    return [*collect(metrics_folder), *audit_families(metrics_folder.parent)]


class MetricsPage:
    """Owns the scan of the store's counters. `store` and `ledger` stay the caller's."""

    def __init__(self, spec: Spec, store: Redis, ledger: RedisLedger) -> None:
        self._spec, self._store, self._ledger = spec, store, ledger
        self._scan = LimitScan(ledger)

    async def text(self) -> bytes:
        """Everything in Prometheus' text format."""
        now_ms = time.time_ns() // 1_000_000
        recorded, limits, envoy, sinks = await asyncio.gather(
            asyncio.to_thread(_from_disk, self._spec.metrics_folder),
            self._limits(),
            self._open_exchanges(),
            asyncio.to_thread(families, self._spec.audit_folder, now_ms),
        )
        return generate_latest(_Families([*recorded, *limits, *envoy, *sinks]))

    async def close(self) -> None:
        await self._scan.close()

    async def _limits(self) -> list[Metric]:
        state, scanned = await asyncio.gather(self._state(), self._scan.families(LIMITS_WITHIN_S))
        up = state != "unavailable"
        states = [((name,), int(name == state)) for name in STATES]
        families = [gauge(catalog.STORE_UP, [((), int(up))]), gauge(catalog.LEDGER_STATE, states)]
        return [*families, *scanned, *(await self._expired())] if up else families

    async def _state(self) -> State:
        try:
            async with asyncio.timeout(LIMITS_WITHIN_S):
                return await ledger_state(self._ledger)
        except TimeoutError:
            return "unavailable"

    async def _expired(self) -> Iterable[Metric]:
        try:
            with mapped_errors():
                expired = await self._store.hget(STATS_KEY, "expired")
            return [total(catalog.RESERVATIONS_EXPIRED, int(expired or 0))]
        except (StoreUnavailable, ValueError):
            return ()

    async def _open_exchanges(self) -> Iterable[Metric]:
        if not self._spec.envoy_socket:
            return ()
        try:
            _, text = await get(f"unix:{self._spec.envoy_socket}", f"/stats?filter=^{_ACTIVE}$")
            active = int(text.rpartition(":")[2])
        except (NoAnswer, ValueError):
            return ()
        return [gauge(catalog.OPEN_EXCHANGES, [((), active)])]
