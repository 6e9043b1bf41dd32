"""Keys in the real store: atomic changes, no secrets, no lost updates."""

from __future__ import annotations

import asyncio
import secrets

import pytest
from redis.asyncio import Redis

from extproc.audit.announced import STREAM
from extproc.identity.key_store import (
    CHANGED,
    EPOCH,
    EPOCHS,
    EPOCHS_KEPT,
    INDEX,
    RECORDS,
    KeyChangeRefused,
    KeyStore,
)
from extproc.identity.keys import hash_key, looks_minted
from extproc.store_client import StoreUnavailable, open_client
from tests.identity.given import NOW_MS

NOWHERE = "unix:///nowhere/store.sock"


async def test_a_new_key_is_found_by_its_hash(keys: KeyStore) -> None:
    """Contract, section 5: stored only as SHA-256."""
    key, record = await keys.create("bot", "first", NOW_MS, NOW_MS + 9)
    assert looks_minted(key.text)
    assert record.sha256 == hash_key(key.text)
    assert await keys.find(record.sha256) == record
    assert (record.account, record.name, record.expires_ms) == ("bot", "first", NOW_MS + 9)


async def test_the_store_never_holds_a_secret(client: Redis, keys: KeyStore) -> None:
    """P4: nothing in the store contains a key or its secret part."""
    key, _ = await keys.create("bot", "first", NOW_MS)
    other, _ = await keys.rotate(key.id, NOW_MS, 0)
    await keys.revoke(key.id, NOW_MS)
    everything = repr([(name, await client.dump(name)) for name in await client.keys("*")])
    assert key.id in everything
    for secret in (key.text[12:55], other.text[12:55]):
        assert secret not in everything


async def test_all_keys_of_the_store_share_one_slot(client: Redis, keys: KeyStore) -> None:
    """Design, section 4: the scripts also run on a cluster (one hash tag)."""
    await keys.create("bot", "first", NOW_MS)
    names = {str(name, "ascii") for name in await client.keys("*") if isinstance(name, bytes)}
    assert names == {RECORDS, INDEX, CHANGED, EPOCH, EPOCHS, STREAM}
    assert all(name.startswith("{envelope}:") for name in names)


async def test_every_change_moves_the_epoch(keys: KeyStore) -> None:
    """Contract, section 5: the epoch is how workers notice a revocation."""
    seen = [await keys.epoch()]
    key, _ = await keys.create("bot", "a", NOW_MS)
    seen.append(await keys.epoch())
    new, _ = await keys.rotate(key.id, NOW_MS, 10)
    seen.append(await keys.epoch())
    await keys.revoke(new.id, NOW_MS)
    seen.append(await keys.epoch())
    assert seen[0] == 0
    assert seen == sorted(set(seen))


async def test_a_refused_change_changes_nothing(keys: KeyStore) -> None:
    """P3: no epoch, no record, when the answer was no."""
    key, _ = await keys.create("bot", "a", NOW_MS)
    await keys.revoke(key.id, NOW_MS)
    before = await keys.snapshot()
    await keys.revoke(key.id, NOW_MS + 5)
    with pytest.raises(KeyChangeRefused, match="revoked"):
        await keys.rotate(key.id, NOW_MS, 10)
    for id in ("", "nobody", key.text):
        with pytest.raises(KeyChangeRefused) as caught:
            await keys.revoke(id, NOW_MS)
        assert key.text not in str(caught.value)
    assert await keys.snapshot() == before


async def test_rotation_gives_a_successor_and_a_grace_period(keys: KeyStore) -> None:
    """Contract, section 1: `key rotate ID --grace 24h`."""
    key, old = await keys.create("bot", "a", NOW_MS)
    new_key, new = await keys.rotate(key.id, NOW_MS + 1, 1_000)
    ended = await keys.find(old.sha256)
    assert ended is not None
    assert (ended.rotated_to, ended.expires_ms) == (new.id, NOW_MS + 1_001)
    assert await keys.find(hash_key(new_key.text)) == new
    assert (new.rotated_from, new.account, new.name) == (old.id, "bot", "a")
    with pytest.raises(KeyChangeRefused, match=new.id):
        await keys.rotate(key.id, NOW_MS + 2, 1_000)


async def test_concurrent_rotations_give_one_successor(keys: KeyStore) -> None:
    """P3: of two operators who rotate one key, one is told that it was done."""
    key, _ = await keys.create("bot", "a", NOW_MS)
    answers = await asyncio.gather(
        *(keys.rotate(key.id, NOW_MS, 1_000) for _ in range(8)), return_exceptions=True
    )
    assert sum(not isinstance(a, BaseException) for a in answers) == 1
    assert sum(isinstance(a, KeyChangeRefused) for a in answers) == 7
    assert len(await keys.records()) == 2


async def test_a_rotation_never_undoes_a_revocation(keys: KeyStore) -> None:
    """P1: compare and set: whichever comes first, the revoked key stays revoked."""
    made = [await keys.create("bot", str(n), NOW_MS) for n in range(20)]
    await asyncio.gather(
        *(keys.rotate(key.id, NOW_MS, 1_000) for key, _ in made),
        *(keys.revoke(key.id, NOW_MS) for key, _ in made),
        return_exceptions=True,
    )
    for _, record in made:
        after = await keys.find(record.sha256)
        assert after is not None
        assert after.revoked_ms == NOW_MS


async def test_a_taken_id_is_not_overwritten(client: Redis) -> None:
    """P1: eight characters may repeat; then another key is made, the old one stays whole."""
    once, again = secrets.token_bytes(40), secrets.token_bytes(32)
    ids_repeat = iter([once, once[:8] + again, secrets.token_bytes(40)])

    def random_bytes(count: int) -> bytes:
        return next(ids_repeat) if count == 40 else secrets.token_bytes(count)

    keys = KeyStore(client, random_bytes)
    first, record = await keys.create("bot", "a", NOW_MS)
    second, _ = await keys.create("bot", "b", NOW_MS)
    assert first.id != second.id
    assert await keys.find(record.sha256) == record


async def test_changes_since_an_epoch(keys: KeyStore) -> None:
    """P8: what a worker reads after a change grows with the change, not with the keys."""
    first, _ = await keys.create("bot", "a", NOW_MS)
    epoch = await keys.epoch()
    assert await keys.changes(epoch) == (epoch, {})
    _, second = await keys.create("bot", "b", NOW_MS)
    revoked = await keys.revoke(first.id, NOW_MS)
    answer = await keys.changes(epoch)
    assert answer is not None
    now, changed = answer
    assert now == await keys.epoch()
    assert changed == {second.id: second, first.id: revoked}


async def test_an_epoch_that_the_store_does_not_know(client: Redis, keys: KeyStore) -> None:
    """P1: a reader that saw lost changes, or is far behind, is told to read everything."""
    assert await keys.changes(0) is None
    first, _ = await keys.create("bot", "a", NOW_MS)
    epoch = await keys.epoch()
    assert await keys.changes(epoch + 1) is None
    assert await keys.changes(epoch) == (epoch, {})
    await client.zremrangebyrank(EPOCHS, 0, -1)
    assert await keys.changes(epoch) is None
    await client.zadd(EPOCHS, {str(-n): -n for n in range(EPOCHS_KEPT + 10)})
    await keys.revoke(first.id, NOW_MS)
    assert await client.zcard(EPOCHS) == EPOCHS_KEPT
    assert await client.zscore(EPOCHS, str(await keys.epoch())) is not None


async def test_unreadable_records_are_left_out(client: Redis, keys: KeyStore) -> None:
    """P1: a record of a newer gateway may hold a restriction; here its key is unknown."""
    _, good = await keys.create("bot", "a", NOW_MS)
    epoch = await keys.epoch()
    bad, record = await keys.create("bot", "b", NOW_MS)
    text = await client.hget(RECORDS, bad.id)
    assert isinstance(text, bytes)
    await client.hset(RECORDS, bad.id, text[:-1].decode() + ',"scopes":["x"]}')
    assert (await keys.snapshot())[1] == [good]
    assert await keys.find(record.sha256) is None
    assert await keys.changes(epoch) == (await keys.epoch(), {bad.id: None})


async def test_an_index_that_lies_finds_nothing(client: Redis, keys: KeyStore) -> None:
    """P1: a hash leads to the record of that hash or to none."""
    _, record = await keys.create("bot", "a", NOW_MS)
    await client.hset(INDEX, "f" * 64, record.id)
    assert await keys.find("f" * 64) is None


async def test_no_store_is_not_no_key() -> None:
    """Contract, section 4: 503 and 401 are told apart; no driver exception gets out."""
    client = open_client(NOWHERE, 100)
    keys = KeyStore(client)
    for call in (keys.epoch(), keys.snapshot(), keys.changes(1), keys.find("0" * 64),
                 keys.create("a", "b", 1), keys.revoke("a", 1)):  # fmt: skip
        with pytest.raises(StoreUnavailable):
            await call
    await client.aclose()


async def test_an_epoch_of_rubbish_is_unavailable(client: Redis, keys: KeyStore) -> None:
    """P1: what the gateway cannot read it does not guess."""
    await client.set(EPOCH, "seven")
    with pytest.raises(StoreUnavailable):
        await keys.epoch()
    with pytest.raises(StoreUnavailable):
        await keys.create("bot", "a", NOW_MS)
    assert await client.exists(RECORDS) == 0
