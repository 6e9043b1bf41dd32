"""Events that come with a change in the store: who made, ended or followed up a key.

The event is written in the same atomic step as the change, so that no change goes unrecorded,
whatever machine it is made from; a gateway takes it from there into its log.

    {envelope}:events   stream, group `audit`: field `entry` = the event's entry as JSON

Promises: each event reaches the log of one gateway at least once; it leaves the store only when it
is written down. Raises StoreUnavailable.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from extproc.audit.values import AuditUnavailable, Entry
from extproc.store_client import StoreUnavailable, mapped_errors

log = logging.getLogger("envelope.audit")

STREAM = "{envelope}:events"
GROUP = "audit"
EVERY_S = 1.0
FORSAKEN_MS = 30_000
"""What another gateway took and did not write down for so long is taken over."""
_BATCH = 200


class Announced:
    """`me`: this gateway's name in the group. `write` puts an entry into the journal."""

    def __init__(self, client: Redis, me: str, write: Callable[[Entry], None]) -> None:
        self._client, self._me, self._write = client, me, write
        self._away = False

    async def run(self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Until cancelled."""
        while True:
            try:
                while await self.take():
                    pass
                self._away = False
            except (StoreUnavailable, AuditUnavailable) as error:
                if not self._away:
                    log.warning("events wait in the store: %s", error)
                self._away = True
            await sleep(EVERY_S)

    async def take(self) -> int:
        """Bring what is there into the journal; returns how many.

        Raises StoreUnavailable, AuditUnavailable; what was not written down stays there.
        """
        with mapped_errors():
            found = await self._read()
        for message_id, fields in found:
            entry = _entry(fields)
            if entry is not None:
                self._write(entry)
            with mapped_errors():
                await self._client.xack(STREAM, GROUP, message_id)
                await self._client.xdel(STREAM, message_id)
        return len(found)

    async def _read(self) -> list[tuple[Any, dict[bytes, bytes]]]:
        new: Any
        try:
            claimed: Any = await self._client.xautoclaim(
                STREAM, GROUP, self._me, FORSAKEN_MS, count=_BATCH
            )
            new = await self._client.xreadgroup(GROUP, self._me, {STREAM: ">"}, count=_BATCH)
        except ResponseError as error:
            if "NOGROUP" not in str(error):
                raise
            await self._begin_group()
            return []
        return [*claimed[1], *(message for _, messages in new or () for message in messages)]

    async def _begin_group(self) -> None:
        """From the stream's beginning: what was announced before any gateway ran counts too."""
        try:
            await self._client.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise


def _entry(fields: dict[bytes, bytes]) -> Entry | None:
    """None for what is not an event: somebody else wrote into our stream."""
    try:
        entry = orjson.loads(fields[b"entry"])
    except (KeyError, ValueError):
        return None
    usable = isinstance(entry, dict) and str(entry.get("decision_id", "")).startswith("event-")
    return entry if usable else None
