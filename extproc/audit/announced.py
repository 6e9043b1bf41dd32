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
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import orjson
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from extproc.audit.event import EVENT
from extproc.audit.values import AuditUnavailable, Entry
from extproc.store_client import StoreUnavailable, mapped_errors

log = logging.getLogger("envelope.audit")

STREAM = "{envelope}:events"
GROUP = "audit"
EVERY_S = 1.0
FORSAKEN_MS = 30_000
"""What another gateway took and did not write down for so long is taken over."""
_BATCH = 200
_ID = re.compile(r"event-[A-Za-z0-9-]{1,128}")
_ANNOUNCED = "key."
"""What actions that come this way begin with: all else is said by whoever has the log's folder."""
_FIELDS = frozenset(("decision_id", "kind", "at", "actor", "event", "decision", "environment"))


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

    async def last(self, within_s: float) -> None:
        """For the end of a run: what is there now; the rest waits for the next gateway."""
        with suppress(StoreUnavailable, AuditUnavailable, TimeoutError):
            async with asyncio.timeout(within_s):
                while await self.take():
                    pass

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
            else:
                log.warning("something in the store that is no event of a key was left out")
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
    """None for what is not an event about a key: somebody else wrote into our stream.

    Fields that such an event does not have are left out: what a call has (costs, a principal)
    would be counted, and what cannot be written down would hold up all that comes behind it.
    """
    try:
        entry = orjson.loads(fields[b"entry"])
        usable = (
            _ID.fullmatch(entry["decision_id"]) is not None
            and entry["kind"] == EVENT
            and entry["event"]["action"].startswith(_ANNOUNCED)
            and _is_texts(entry["actor"], {"type", "name"})
            and _is_texts(entry["decision"], {"outcome"})
            and all(isinstance(entry.get(name, ""), str) for name in ("at", "environment"))
        )
    except (KeyError, ValueError, TypeError, AttributeError):
        return None
    return {name: entry[name] for name in _FIELDS & entry.keys()} if usable else None


def _is_texts(value: Any, names: set[str]) -> bool:
    return value.keys() == names and all(isinstance(text, str) for text in value.values())
