"""Virtual keys in the store, without their secrets.

    {envelope}:keys           hash   public id -> JSON (record.py)
    {envelope}:keys:sha256    hash   SHA-256 of the key -> public id
    {envelope}:keys:changed   zset   public id, scored by the epoch of its last change
    {envelope}:keys:epoch     number, grows with every change
    {envelope}:keys:epochs    zset   the latest epochs
    {envelope}:events         stream what was done and by whom, on its way to the audit log

Promises: a change, its epoch and its event are one atomic step (P3); two changes of one key never
overwrite each other (compare and set). The epoch grows by a random step, and the store remembers
the latest ones: a reader whose epoch is not among them has seen changes that the store has lost
since (power cut, old backup), and must read everything anew.
Raises StoreUnavailable when the store does not answer; never quotes what it was asked (P4).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from importlib.resources import files

import orjson
from redis.asyncio import Redis

from extproc.audit.announced import STREAM
from extproc.audit.event import event_entry
from extproc.identity.keys import RANDOM_BYTES, MintedKey, mint
from extproc.identity.record import KeyRecord, from_json, revoked, rotated, successor, to_json
from extproc.store_client import StoreUnavailable, mapped_errors

RECORDS = "{envelope}:keys"
INDEX = f"{RECORDS}:sha256"
CHANGED = f"{RECORDS}:changed"
EPOCH = f"{RECORDS}:epoch"
EPOCHS = f"{RECORDS}:epochs"
EPOCHS_KEPT = 1024
STEP_MAX = 1 << 20
"""Scores are doubles: 2**53 / 2**20 leaves room for eight thousand million changes."""
TRIES_MAX = 16

Change = tuple[bytes | str, KeyRecord]
"""The exact text a record must have now (b'' = absent), and what it becomes."""


class KeyChangeRefused(Exception):
    """The key cannot be changed like that; the text is for the operator."""


class KeyStore:
    """Reads and changes key records. `random_bytes`: where secrets and steps come from. `actor`:
    (type, name) of whoever makes the changes."""

    def __init__(
        self,
        client: Redis,
        random_bytes: Callable[[int], bytes] = secrets.token_bytes,
        actor: tuple[str, str] = ("operator", "unknown"),
    ) -> None:
        self._client = client
        self._actor = actor
        self._random = random_bytes
        lua = files("extproc.identity").joinpath("lua", "put_keys.lua").read_text("utf-8")
        self._put_script = client.register_script(lua)

    async def create(
        self, account: str, name: str, now_ms: int, expires_ms: int | None = None
    ) -> tuple[MintedKey, KeyRecord]:
        """Make a key for an account. The secret is in the answer and nowhere else."""
        for _ in range(TRIES_MAX):
            key = mint(self._random(RANDOM_BYTES))
            record = KeyRecord(key.id, key.sha256, account, name, now_ms, expires_ms)
            said = self._event("key.create", record, now_ms)
            if await self._put([(b"", record)], said):
                return key, record
        raise StoreUnavailable("the store kept refusing a new key")

    async def records(self) -> list[KeyRecord]:
        """All keys, oldest first."""
        _, records = await self.snapshot()
        return sorted(records, key=lambda record: (record.created_ms, record.id))

    async def revoke(self, id: str, now_ms: int) -> KeyRecord:
        """End a key now and for good; a second time changes nothing."""
        for _ in range(TRIES_MAX):
            seen, record = await self._get(id)
            if record.revoked_ms is not None:
                return record
            ended = revoked(record, now_ms)
            if await self._put([(seen, ended)], self._event("key.revoke", ended, now_ms)):
                return ended
        raise StoreUnavailable("the key kept changing while it was revoked")

    async def rotate(
        self, id: str, now_ms: int, grace_ms: int, expires_ms: int | None = None
    ) -> tuple[MintedKey, KeyRecord]:
        """Let a new key follow this one, which ends after the grace period."""
        for _ in range(TRIES_MAX):
            seen, record = await self._get(id)
            _refuse_rotation(record, now_ms)
            key = mint(self._random(RANDOM_BYTES))
            follower = successor(record, key.id, key.sha256, now_ms, expires_ms)
            old = rotated(record, key.id, now_ms, grace_ms)
            said = self._event("key.rotate", old, now_ms, followed_by=follower.id)
            if await self._put([(seen, old), (b"", follower)], said):
                return key, follower
        raise StoreUnavailable("the key kept changing while it was rotated")

    async def epoch(self) -> int:
        """Changes with every change of any key; 0 while there was none."""
        with mapped_errors():
            return _number(await self._client.get(EPOCH))

    async def snapshot(self) -> tuple[int, list[KeyRecord]]:
        """Epoch and all records, of one moment. Unreadable records are left out: denied."""
        with mapped_errors():
            async with self._client.pipeline(transaction=True) as pipe:
                pipe.get(EPOCH)
                pipe.hvals(RECORDS)
                epoch, texts = await pipe.execute()
        return _number(epoch), [r for r in map(from_json, texts) if r is not None]

    async def changes(self, since: int) -> tuple[int, dict[str, KeyRecord | None]] | None:
        """Records that changed after epoch `since`, by public id (a None = unreadable or gone).

        None as a whole: the store does not know that epoch; take a `snapshot`.
        """
        with mapped_errors():
            async with self._client.pipeline(transaction=True) as pipe:
                pipe.get(EPOCH)
                pipe.zscore(EPOCHS, str(since))
                pipe.zrangebyscore(CHANGED, f"({since}", "+inf")
                epoch, known, ids = await pipe.execute()
            if known is None:
                return None
            # Read after the epoch: at worst newer than it, and then read again next time.
            texts = await self._client.hmget(RECORDS, ids) if ids else []
        records = {i.decode(): from_json(t) if t else None for i, t in zip(ids, texts, strict=True)}
        return _number(epoch), records

    async def find(self, sha256: str) -> KeyRecord | None:
        """The record of a key's hash; None when there is none."""
        with mapped_errors():
            id = await self._client.hget(INDEX, sha256)
            text = await self._client.hget(RECORDS, id) if id else None
        record = from_json(text) if text else None
        return record if record is not None and record.sha256 == sha256 else None

    async def _get(self, id: str) -> tuple[bytes | str, KeyRecord]:
        with mapped_errors():
            text = await self._client.hget(RECORDS, id)
        record = from_json(text) if text else None
        if text is None or record is None:
            # Not quoted: someone may have pasted a whole key (P4).
            raise KeyChangeRefused("no such key; `envelope key list` shows the ids")
        return text, record

    def _event(self, action: str, record: KeyRecord, now_ms: int, **more: str) -> bytes:
        """What the audit log is told: ids and names, never a hash or a secret (P4)."""
        entry = event_entry(
            action, event_id=self._random(12).hex(), at_ms=now_ms, actor=self._actor,
            target=record.id, details={"account": record.account, "name": record.name, **more},
        )  # fmt: skip
        return orjson.dumps(entry)

    async def _put(self, changes: list[Change], event: bytes) -> bool:
        step = 1 + int.from_bytes(self._random(4), "big") % STEP_MAX
        arguments: list[bytes | str | int] = [step, EPOCHS_KEPT, event]
        for seen, after in changes:
            arguments += [after.id, after.sha256, seen, to_json(after)]
        with mapped_errors():
            keys = [RECORDS, INDEX, CHANGED, EPOCH, EPOCHS, STREAM]
            return bool(await self._put_script(keys, arguments))


def _number(epoch: bytes | str | None) -> int:
    try:
        return int(epoch or 0)
    except ValueError:
        raise StoreUnavailable("the epoch of the keys is not a number") from None


def _refuse_rotation(record: KeyRecord, now_ms: int) -> None:
    ended = record.ended(now_ms)
    if ended is not None:
        raise KeyChangeRefused(f"cannot rotate: {ended}; create a new one")
    if record.rotated_to is not None:
        raise KeyChangeRefused(f"was rotated before; rotate {record.rotated_to} instead")
