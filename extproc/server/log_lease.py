"""One writer for each signing key, over all gateways of one store.

A state folder that was copied (a cloned volume, an image built from a used folder) brings its
log's key along: two gateways would sign two histories under one name, which auditors call a fork.
The lock beside the log cannot see that; the store that all gateways share can.

    {envelope}:log:<key hash>   who writes the log of this key, for LEASE_MS after each renewal

Promises: whoever comes second does not begin; whoever was overtaken (it could not reach the store
for that long) adds nothing to its log until the other is gone. Without a store nothing is known,
and nothing refused: the lock beside the log still holds on one machine.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

from redis.asyncio import Redis

from extproc.store_client import StoreUnavailable, mapped_errors

log = logging.getLogger("envelope.audit")

LEASE_MS = 15_000
RENEW_S = 3.0
ELSEWHERE = (
    "another gateway writes the log of this signing key: this state folder is a copy. "
    "Give it a log of its own: `envelope audit begin`"
)
_TAKE = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""
_LEAVE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1
"""


class LogLease:
    """`key_hash`: of the log's signing key, hex. `me`: see `place_of`."""

    def __init__(self, client: Redis, key_hash: str, me: str) -> None:
        self._client, self._me = client, me
        self._key = f"{{envelope}}:log:{key_hash}"
        self.elsewhere = False
        """Whether another gateway is known to write this log."""

    async def take(self) -> bool:
        """Take or renew; False: another holds it. A store that is away changes nothing."""
        try:
            with mapped_errors():
                mine = bool(await self._run(_TAKE, self._me, str(LEASE_MS)))
        except StoreUnavailable:
            return not self.elsewhere
        if self.elsewhere == mine:
            log.log(logging.WARNING if mine else logging.ERROR, "audit log: %s",
                    "ours again" if mine else ELSEWHERE)  # fmt: skip
        self.elsewhere = not mine
        return mine

    async def take_soon(self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> bool:
        """At the start: one who died without leaving is waited for as long as its lease lasts."""
        for _ in range(int(LEASE_MS / 1000 / RENEW_S) + 1):
            if await self.take():
                return True
            await sleep(RENEW_S)
        return await self.take()

    async def run(self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Renew until cancelled."""
        while True:
            await sleep(RENEW_S)
            await self.take()

    async def leave(self) -> None:
        """Let the next one begin at once. Never raises for the store's sake."""
        try:
            with mapped_errors():
                await self._run(_LEAVE, self._me)
        except StoreUnavailable:
            return

    async def _run(self, script: str, *arguments: str) -> int:
        answer = self._client.eval(script, 1, self._key, *arguments)
        return int(await answer)


def place_of(audit_folder: Path) -> str:
    """Names this folder on this host: the same after a restart, another for any copy."""
    found = audit_folder.stat()
    place = f"{socket.gethostname()}|{audit_folder.resolve()}|{found.st_dev}|{found.st_ino}"
    return hashlib.sha256(place.encode()).hexdigest()[:32]
