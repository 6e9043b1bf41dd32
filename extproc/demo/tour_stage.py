"""What every step of the tour has at hand: clients, the provider's view, the audit log, the store.

Promises: each decision id that a caller was given is remembered, so that the end of the tour can
ask the log for exactly those; every wait has a deadline.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
from redis.asyncio import Redis

from extproc.audit.log import ENTRIES
from extproc.audit.read import entries, lines
from extproc.audit.sequencer import LOG
from extproc.audit.values import Entry
from extproc.demo.tour_gateway import RunningGateway
from extproc.demo.tour_provider import ProviderView
from extproc.identity.keys import RANDOM_BYTES, mint
from extproc.ledger.redis_ledger import RedisLedger
from extproc.limits.values import CounterReading
from extproc.store import connect

if TYPE_CHECKING:
    from openai import AsyncOpenAI

NOBODY, VISITOR = "nobody", "visitor"
"""Two more callers: one whose key nobody issued, and one that gets its key during the tour."""
STORE_TIMEOUT_MS = 3_000
SEEN_S = 10.0
POLL_S = 0.02


class Overdue(Exception):
    """Something that had to happen did not in its time; the text says what."""


class Stage:
    """One gateway, its provider, and whoever calls it."""

    def __init__(self, gateway: RunningGateway, provider: ProviderView) -> None:
        self.gateway, self.provider = gateway, provider
        self.keys = {**gateway.keys, NOBODY: mint(secrets.token_bytes(RANDOM_BYTES)).text}
        self.decisions: list[str] = []
        self.written: list[Entry] = []
        self._read_to = _size(self.audit_log / ENTRIES)
        self._clients: dict[str, AsyncOpenAI] = {}

    @property
    def audit_log(self) -> Path:
        return self.gateway.state.audit / LOG

    # --- callers ------------------------------------------------------------------------------

    def client(self, account: str) -> AsyncOpenAI:
        """The official SDK with nothing changed but the base URL and the key."""
        from openai import AsyncOpenAI  # slow to import, and only the tour needs it

        if account not in self._clients:
            self._clients[account] = AsyncOpenAI(
                base_url=f"{self.gateway.url}/v1", api_key=self.keys[account], max_retries=0
            )
        return self._clients[account]

    async def close_clients(self) -> None:
        """Let go of every connection, so that the gateway has nothing to wait for."""
        for client in self._clients.values():
            await client.close()

    # --- the audit log ------------------------------------------------------------------------

    async def entry(self, decision_id: str) -> Entry:
        """The entry of one decision, once it is in the log. Raises Overdue."""
        async with _deadline(f"no audit entry of {decision_id}"):
            while True:
                self.read_log()
                for entry in reversed(self.written):
                    if entry["decision_id"] == decision_id:
                        return entry
                await asyncio.sleep(POLL_S)

    def read_log(self) -> None:
        """Take in what was written since the last time."""
        if not (self.audit_log / ENTRIES).exists():
            return
        new = list(lines(self.audit_log, self._read_to))
        self._read_to += sum(len(line) + 1 for line in new)
        self.written += entries(new)

    # --- limits and keys ----------------------------------------------------------------------

    @asynccontextmanager
    async def store(self) -> AsyncIterator[Redis]:
        """A client of the gateway's own store."""
        client = await connect(self.gateway.store_url, STORE_TIMEOUT_MS)
        try:
            yield client
        finally:
            await client.aclose()

    async def counters(self) -> list[CounterReading]:
        """Every live counter, as `envelope limits` shows them."""
        async with self.store() as client:
            ledger = RedisLedger(client, timeout_ms=STORE_TIMEOUT_MS)
            try:
                return await ledger.counters()
            finally:
                await ledger.aclose()

    async def nothing_reserved(self) -> None:
        """Wait until every reservation is settled. Raises Overdue."""
        async with _deadline("something is still reserved"):
            while any(c.reserved for c in await self.counters()):
                await asyncio.sleep(POLL_S)

    async def window_is_empty(self, rule_id: str) -> None:
        """Wait until nothing counts against a rule: an earlier tour may have used it up."""
        used = [c for c in await self.counters() if c.rule_id == rule_id and c.spent]
        async with _deadline(f"{rule_id} stays used", 5 + sum(c.reset_ms for c in used) / 1000):
            while any(c.rule_id == rule_id and c.spent for c in await self.counters()):
                await asyncio.sleep(0.5)


@asynccontextmanager
async def open_stage(gateway: RunningGateway) -> AsyncIterator[Stage]:
    """A stage in front of a running gateway; its connections end with the block."""
    async with aiohttp.ClientSession() as http:
        stage = Stage(gateway, ProviderView(gateway.provider_url, http))
        try:
            yield stage
        finally:
            await stage.close_clients()


@asynccontextmanager
async def _deadline(text: str, within_s: float = SEEN_S) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(within_s):
            yield
    except TimeoutError:
        raise Overdue(text) from None


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
