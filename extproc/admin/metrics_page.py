"""The text of `/metrics`: the workers' figures, and what the store and Envoy say right now.

Promises: a part that does not answer costs its own gauges, never the page.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator

from prometheus_client import generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector
from redis.asyncio import Redis

from extproc.admin.http_get import NoAnswer, get
from extproc.admin.limit_gauges import limit_gauges
from extproc.admin.spec import Spec
from extproc.limits.redis_ledger import RedisLedger
from extproc.limits.values import LedgerUnavailable
from extproc.telemetry import catalog
from extproc.telemetry.collect import collect, gauge

STORE_TIMEOUT_MS = 1_000
LIMITS_WITHIN_S = 2.0
_ACTIVE = "http.envelope.downstream_rq_active"


class _Families(Collector):
    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        yield from self._families


class MetricsPage:
    """Owns a connection to the store's counters."""

    def __init__(self, spec: Spec, store: Redis) -> None:
        self._spec = spec
        self._ledger = RedisLedger(store, timeout_ms=STORE_TIMEOUT_MS)

    async def text(self) -> bytes:
        """Everything in Prometheus' text format."""
        recorded, limits, envoy = await asyncio.gather(
            asyncio.to_thread(collect, self._spec.metrics_folder),
            self._limits(),
            self._open_exchanges(),
        )
        return generate_latest(_Families([*recorded, *limits, *envoy]))

    async def close(self) -> None:
        await self._ledger.aclose()

    async def _limits(self) -> list[Metric]:
        try:
            async with asyncio.timeout(LIMITS_WITHIN_S):
                readings = await self._ledger.counters()
        except (LedgerUnavailable, TimeoutError):
            return [gauge(catalog.STORE_UP, [((), 0)])]
        return [gauge(catalog.STORE_UP, [((), 1)]), *limit_gauges(readings)]

    async def _open_exchanges(self) -> Iterable[Metric]:
        if not self._spec.envoy_socket:
            return ()
        try:
            _, text = await get(f"unix:{self._spec.envoy_socket}", f"/stats?filter=^{_ACTIVE}$")
            active = int(text.rpartition(":")[2])
        except (NoAnswer, ValueError):
            return ()
        return [gauge(catalog.OPEN_EXCHANGES, [((), active)])]
