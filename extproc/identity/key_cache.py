"""A worker's own copy of the keys, so that a known key costs no question to the store.

Promises: a revocation counts within 5 s in every worker: the copy asks for the store's epoch about
every second, and a copy that could not ask for STALE_MS no longer vouches for keys kept in the
store (503, `store_unavailable`, told apart from 401). Keys of the configuration go on working.
A key that is not in the copy is looked up once; what such questions cost is bounded in number and
in memory, so a flood of invented keys loads neither the store nor this process.
Refuses to let an answer that was under way overwrite newer knowledge: it counts only if the copy is
still of the epoch in which the question was asked.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress

from extproc.config.internal_accounts import internal_accounts
from extproc.config.model import Config
from extproc.errors import Code, Refusal
from extproc.identity.directory import UNKNOWN_KEY, Directory, judge
from extproc.identity.internal_key import InternalKeys
from extproc.identity.key_store import KeyStore
from extproc.identity.keys import hash_key, looks_minted
from extproc.identity.principal import Principal
from extproc.identity.record import KeyRecord
from extproc.store_client import StoreUnavailable

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
    """Authenticates keys. `clock_ms` is monotonic: a wall clock set back must not look fresh.

    `internal`: the gateway's own keys; without it none is accepted.
    """

    def __init__(
        self,
        store: KeyStore,
        config: Config,
        clock_ms: Callable[[], int] = monotonic_ms,
        internal: InternalKeys | None = None,
    ) -> None:
        self._store = store
        self._clock_ms = clock_ms
        self._internal = internal
        self._records: dict[str, KeyRecord] = {}
        self._listed = self._of(config)
        self._directory = self._listed
        self._refreshing = asyncio.Lock()
        self._epoch: int | None = None
        self._asked_ms: int | None = None
        self._unknown: dict[str, None] = {}
        self._asking: dict[str, asyncio.Task[Refusal | None]] = {}
        self._questions = _Questions(QUESTIONS_PER_SECOND)

    def use(self, config: Config) -> None:
        """Go by a new configuration. Costs one pass over all keys."""
        self._listed = self._of(config)
        self._replace(self._records)

    def _of(self, config: Config) -> Directory:
        own = self._internal.digests(internal_accounts(config)) if self._internal else {}
        return Directory.of(config, internal=own)

    def age_ms(self, now_ms: int) -> int:
        """How long ago the store was last asked with success, on the monotonic clock."""
        return STALE_MS if self._asked_ms is None else now_ms - self._asked_ms

    def fresh(self) -> bool:
        """Whether the copy may still vouch for keys kept in the store (for `/readyz`)."""
        return self._asked_ms is not None and self.age_ms(self._clock_ms()) < STALE_MS

    async def refresh(self) -> None:
        """Bring the copy up to date. Raises StoreUnavailable; the copy then keeps its age."""
        async with self._refreshing:
            asked_ms = self._clock_ms()  # before asking: the answer may be as old as the question
            epoch = await self._store.epoch()
            if self._epoch is None:
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

    async def _ask(self, sha256: str) -> Refusal | None:
        """Look one key up in the store; None = the directory knows about it now."""
        epoch = self._epoch
        try:
            record = await self._store.find(sha256)
        except StoreUnavailable:
            return _NO_STORE
        finally:
            self._asking.pop(sha256, None)
        if self._epoch != epoch:
            return None  # the copy has moved on while this answer was under way: it knows better
        if record is None:
            self._remember_unknown(sha256)
        else:
            self._learn({record.id: record})
        return None

    def _remember_unknown(self, sha256: str) -> None:
        if len(self._unknown) >= UNKNOWN_MAX:
            del self._unknown[next(iter(self._unknown))]
        self._unknown[sha256] = None

    async def _reload(self) -> None:
        epoch, records = await self._store.snapshot()
        self._move_to(epoch)
        self._replace({record.id: record for record in records})

    async def _catch_up(self, since: int) -> None:
        changes = await self._store.changes(since)
        if changes is None:  # the store has lost what this copy has seen
            return await self._reload()
        epoch, changed = changes
        self._move_to(epoch)
        gone = [id for id, record in changed.items() if record is None and id in self._records]
        for id in gone:
            del self._records[id]
        if gone:
            self._replace(self._records)
        self._learn({id: record for id, record in changed.items() if record is not None})

    def _move_to(self, epoch: int) -> None:
        self._epoch = epoch
        self._unknown.clear()

    def _learn(self, records: dict[str, KeyRecord]) -> None:
        self._records.update(records)
        self._directory = self._directory.with_records(records.values())

    def _replace(self, records: dict[str, KeyRecord]) -> None:
        self._records = records
        self._directory = self._listed.with_records(records.values())


class _Questions:
    """A bucket that refills evenly: at most `per_second` in a burst and in the long run."""

    def __init__(self, per_second: int) -> None:
        self._per_second = per_second
        self._left = float(per_second)
        self._at_ms: int | None = None

    def may_ask(self, now_ms: int) -> bool:
        passed_ms = 0 if self._at_ms is None else now_ms - self._at_ms
        self._at_ms = now_ms
        self._left = min(self._per_second, self._left + passed_ms * self._per_second / 1000)
        if self._left < 1:
            return False
        self._left -= 1
        return True
