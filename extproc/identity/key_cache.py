"""A worker's own copy of the keys, so that a known key costs no question to the store.

Promises: a revocation counts within 5 s in every worker: the copy asks for the store's epoch about
every second, and a copy that could not ask for STALE_MS no longer vouches for keys kept in the
store (503, `store_unavailable`, told apart from 401). Keys of the configuration go on working.
A key that is not in the copy is looked up once; what such questions cost is bounded in number and
in memory, so a flood of invented keys loads neither the store nor this process.
Refuses to let an answer that was under way overwrite newer knowledge: a record the copy already
has is changed by `refresh` alone.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress

from extproc.config.model import Config
from extproc.errors import Code, Refusal
from extproc.identity.directory import UNKNOWN_KEY, Directory, judge
from extproc.identity.key_store import KeyStore
from extproc.identity.keys import hash_key, looks_minted
from extproc.identity.principal import Principal
from extproc.identity.record import KeyRecord
from extproc.store import StoreUnavailable

STALE_MS = 5_000
INTERVAL_MS = 1_000
UNKNOWN_MAX = 4_096
"""Hashes remembered as unknown; they are forgotten when the epoch moves."""
QUESTIONS_PER_SECOND = 50
"""Most look-ups of keys that are not in the copy. A new key is in it a second later anyway."""

_NO_STORE = Refusal(Code.STORE_UNAVAILABLE, reason="the key store cannot be asked")
_NOT_FRESH = Refusal(Code.STORE_UNAVAILABLE, reason="the key snapshot is too old")
_TOO_MANY_UNKNOWN = Refusal(Code.INVALID_API_KEY, reason="unknown key, look-ups used up")


def monotonic_ms() -> int:
    return time.monotonic_ns() // 1_000_000


class KeyCache:
    """Authenticates keys. `clock_ms` is monotonic: a wall clock set back must not look fresh."""

    def __init__(
        self, store: KeyStore, config: Config, clock_ms: Callable[[], int] = monotonic_ms
    ) -> None:
        self._store = store
        self._clock_ms = clock_ms
        self._records: dict[str, KeyRecord] = {}
        self._directory = Directory.of(config)
        self._epoch: int | None = None
        self._asked_ms: int | None = None
        self._unknown: dict[str, None] = {}
        self._asking: dict[str, asyncio.Task[Principal | Refusal | None]] = {}
        self._questions = _Questions(QUESTIONS_PER_SECOND)

    def use(self, config: Config) -> None:
        """Go by a new configuration. Costs one pass over all keys."""
        self._directory = Directory.of(config, self._records.values())

    def age_ms(self, now_ms: int) -> int:
        """How long ago the store was last asked with success, on the monotonic clock."""
        return STALE_MS if self._asked_ms is None else now_ms - self._asked_ms

    def fresh(self) -> bool:
        """Whether the copy may still vouch for keys kept in the store (for `/readyz`)."""
        return self._asked_ms is not None and self.age_ms(self._clock_ms()) < STALE_MS

    async def refresh(self) -> None:
        """Bring the copy up to date. Raises StoreUnavailable; the copy then keeps its age."""
        asked_ms = self._clock_ms()  # before asking: the answer may be as old as the question
        epoch = await self._store.epoch()
        if self._epoch is None or epoch < self._epoch:
            await self._reload()
        elif epoch != self._epoch:
            await self._catch_up(self._epoch)
        self._asked_ms = asked_ms

    async def run(self, interval_ms: int = INTERVAL_MS) -> None:
        """Refresh until cancelled. A store that is away only makes the copy old."""
        while True:
            with suppress(StoreUnavailable):
                await self.refresh()
            await asyncio.sleep(interval_ms / 1000)

    async def authenticate(self, key: str, now_ms: int) -> Principal | Refusal:
        """Whose key this is. `key`: as `present` gave it; `now_ms`: Unix time."""
        sha256 = hash_key(key)
        entry = self._directory.entries.get(sha256)
        if entry is None:
            # A key of another shape is in the configuration or nowhere.
            return await self._unknown_key(sha256, now_ms) if looks_minted(key) else UNKNOWN_KEY
        answer = judge(entry, now_ms)
        if entry.kept and isinstance(answer, Principal) and not self.fresh():
            return _NOT_FRESH
        return answer

    async def _unknown_key(self, sha256: str, now_ms: int) -> Principal | Refusal:
        if not self.fresh():
            return _NOT_FRESH
        if sha256 in self._unknown:
            return UNKNOWN_KEY
        task = self._asking.get(sha256)
        if task is None:
            if not self._questions.may_ask(self._clock_ms()):
                return _TOO_MANY_UNKNOWN
            task = asyncio.create_task(self._ask(sha256))
            self._asking[sha256] = task
        # Shielded: one caller that goes away must not take the answer from the others.
        refusal = await asyncio.shield(task)
        return refusal or self._directory.lookup(sha256, now_ms)
