"""Erasures told to every gateway of one store: each destroys its own keys and records that.

    {envelope}:erasures   sorted set: {id, kind, name, reason} as JSON -> when (ms)

Promises: every gateway that runs within KEPT_DAYS does each erasure once, by its id; one that was
done and not recorded is recorded later. The tenant's name stands in the store for so long: gateways
have secrets of their own, and only the name means the same to all of them.
Raises StoreUnavailable.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from redis.asyncio import Redis

from extproc.audit.content.erase import (
    ACTION,
    Erasure,
    erase,
    finish,
    mark_recorded,
    unrecorded,
)
from extproc.audit.content.values import Tenant
from extproc.audit.values import AuditUnavailable
from extproc.store_client import StoreUnavailable, mapped_errors

log = logging.getLogger("envelope.audit")

ERASURES = "{envelope}:erasures"
KEPT_DAYS = 90
EVERY_S = 2.0
FORSAKEN_MS = 30_000
"""Whoever erased has not recorded it for so long: somebody else does."""
_KEPT_MS = KEPT_DAYS * 86_400_000


class Record(Protocol):
    """`Journal.record`, or what does the same."""

    def __call__(
        self, action: str, *, target: str, outcome: str, details: Mapping[str, Any]
    ) -> object: ...


async def announce(
    client: Redis, tenant: Tenant, *, erasure_id: str, at_ms: int, reason: str = ""
) -> None:
    """Tell all gateways of this store. Raises StoreUnavailable."""
    fields = {"id": erasure_id, "kind": tenant.kind, "name": tenant.name, "reason": reason}
    with mapped_errors():
        await client.zadd(ERASURES, {json.dumps(fields, sort_keys=True): at_ms})
        await client.zremrangebyscore(ERASURES, "-inf", at_ms - _KEPT_MS)


def _wall_clock_ms() -> int:
    return time.time_ns() // 1_000_000


class ErasureWatch:
    """Of one gateway, in its parent. `folder`: its keys; `secret`: its own."""

    def __init__(
        self,
        client: Redis,
        folder: Path,
        secret: bytes,
        record: Record,
        clock_ms: Callable[[], int] = _wall_clock_ms,
    ) -> None:
        self._client, self._folder, self._secret = client, folder, secret
        self._record, self._clock_ms = record, clock_ms
        self._done: set[str] = set()
        self._away = False

    async def run(self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.take()
                self._away = False
            except (StoreUnavailable, AuditUnavailable, OSError, ValueError) as error:
                if not self._away:
                    log.error("erasures wait: %s", type(error).__name__)
                self._away = True
            await sleep(EVERY_S)

    async def take(self) -> int:
        """Do what was announced and is not done here; returns how many."""
        with mapped_errors():
            found: Any = await self._client.zrange(ERASURES, 0, -1)
        fresh = [one for one in map(_read, found) if one is not None and one[0] not in self._done]
        done = 0
        for erasure_id, tenant, reason in fresh:
            made = await asyncio.to_thread(
                erase, self._folder, self._secret, tenant, erasure_id=erasure_id,
                at_ms=self._clock_ms(), reason=reason,
            )  # fmt: skip
            if made is not None:
                self._note(erasure_id, made)
                done += 1
            self._done.add(erasure_id)
        await asyncio.to_thread(self._finish)
        self._catch_up()
        return done

    def _catch_up(self) -> None:
        """Record what somebody erased here and had no time to record."""
        for erasure_id, one in self._forsaken().items():
            self._note(erasure_id, one)

    def _finish(self) -> None:
        for erasure_id in self._forsaken():
            finish(self._folder, erasure_id)

    def _forsaken(self) -> dict[str, Erasure]:
        left = unrecorded(self._folder)
        now_ms = self._clock_ms()
        return {name: one for name, one in left.items() if now_ms - one.at_ms > FORSAKEN_MS}

    def _note(self, erasure_id: str, made: Erasure) -> None:
        self._record(ACTION, target=made.tag, outcome="done", details=made.details())
        mark_recorded(self._folder, erasure_id)


def _read(member: bytes) -> tuple[str, Tenant, str] | None:
    """None for what is no announcement: somebody else wrote into our set."""
    try:
        fields = json.loads(member)
        texts = [fields[name] for name in ("id", "kind", "name", "reason")]
        "".join(texts).encode()  # raises where one is no text, or none that can be written
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return texts[0], Tenant(texts[1], texts[2]), texts[3]
