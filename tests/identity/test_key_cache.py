"""A worker's copy: revocations arrive, floods do not, and an old copy vouches for nothing."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from extproc.errors import Code, Refusal
from extproc.identity import directory as d
from extproc.identity.key_cache import (
    QUESTIONS_PER_SECOND,
    STALE_MS,
    UNKNOWN_MAX,
    KeyCache,
)
from extproc.identity.key_store import CHANGED, EPOCH, RECORDS, KeyStore
from extproc.identity.keys import hash_key
from extproc.identity.principal import Principal
from extproc.identity.record import KeyRecord, from_json
from extproc.store import PrivateStore, connect
from tests.identity.given import NOW_MS, Clock, config, minted

LISTED = "a-listed-key"
CONFIG = config(
    ({"name": "bot", "models": ("*",), "keys": ({"sha256": hash_key(LISTED)},)},),
)


class CountingStore(KeyStore):
    """The real store; it counts questions and can hold an answer back."""

    def __init__(self, client: Redis) -> None:
        super().__init__(client)
        self.asked = 0
        self.answered = asyncio.Event()
        self.hand_over = asyncio.Event()
        self.hand_over.set()

    async def find(self, sha256: str) -> KeyRecord | None:
        self.asked += 1
        record = await super().find(sha256)
        self.answered.set()
        await self.hand_over.wait()
        return record


class NotingStore(KeyStore):
    """The real store; `reached` counts the times it told its epoch."""

    reached = asyncio.Semaphore(0)

    async def epoch(self) -> int:
        epoch = await super().epoch()
        self.reached.release()
        return epoch


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def counting(client: Redis) -> CountingStore:
    return CountingStore(client)


@pytest.fixture
def cache(counting: CountingStore, clock: Clock) -> KeyCache:
    return KeyCache(counting, CONFIG, clock)


@pytest.fixture
async def broken(tmp_path: Path) -> AsyncIterator[tuple[PrivateStore, Redis]]:
    """A store of the test's own, to be taken away."""
    with tempfile.TemporaryDirectory(prefix="ev-") as run:
        store = PrivateStore(tmp_path, Path(run))
        await store.start()
        client = await connect(store.url, 500)
        yield store, client
        await client.aclose()
        await store.stop()


def code(answer: Principal | Refusal) -> Code | None:
    return answer.code if isinstance(answer, Refusal) else None


async def test_a_known_key_costs_no_question(
    keys: KeyStore, counting: CountingStore, cache: KeyCache
) -> None:
    """P8: after a refresh, keys are known without asking."""
    key, _ = await keys.create("bot", "a", NOW_MS)
    await cache.refresh()
    answer = await cache.authenticate(key.text, NOW_MS)
    assert isinstance(answer, Principal)
    assert (answer.name, answer.key) == ("bot", key.id)
    assert counting.asked == 0


async def test_a_key_made_since_the_last_refresh_works_at_once(
    keys: KeyStore, counting: CountingStore, cache: KeyCache
) -> None:
    """Contract, section 1: a key works as soon as it is shown; it is asked for once."""
    await cache.refresh()
    key, _ = await keys.create("bot", "a", NOW_MS)
    answers = [await cache.authenticate(key.text, NOW_MS) for _ in range(3)]
    assert all(isinstance(answer, Principal) for answer in answers)
    assert counting.asked == 1


async def test_a_crowd_with_one_new_key_asks_once(
    keys: KeyStore, counting: CountingStore, cache: KeyCache
) -> None:
    """P8: requests that wait for one answer share it, also when the first of them goes away."""
    await cache.refresh()
    key, _ = await keys.create("bot", "a", NOW_MS)
    counting.hand_over.clear()
    crowd = [asyncio.create_task(cache.authenticate(key.text, NOW_MS)) for _ in range(200)]
    await counting.answered.wait()
    crowd[0].cancel()
    counting.hand_over.set()
    answers = await asyncio.gather(*crowd[1:])
    assert all(isinstance(answer, Principal) for answer in answers)
    assert counting.asked == 1


async def test_a_revocation_counts_after_one_refresh(keys: KeyStore, cache: KeyCache) -> None:
    """Contract, section 5 (cases 6, 9): effective on every worker; refreshes come each second."""
    key, _ = await keys.create("bot", "a", NOW_MS)
    other, _ = await keys.create("bot", "b", NOW_MS)
    await cache.refresh()
    await keys.revoke(key.id, NOW_MS)
    await cache.refresh()
    assert await cache.authenticate(key.text, NOW_MS) == d.REVOKED_KEY
    assert isinstance(await cache.authenticate(other.text, NOW_MS), Principal)


async def test_an_answer_under_way_does_not_revive_a_revoked_key(
    keys: KeyStore, counting: CountingStore, cache: KeyCache
) -> None:
    """P1: read, then revoked and refreshed, then the old answer arrives: it is void."""
    await cache.refresh()
    key, _ = await keys.create("bot", "a", NOW_MS)
    counting.hand_over.clear()
    slow = asyncio.create_task(cache.authenticate(key.text, NOW_MS))
    await counting.answered.wait()
    await keys.revoke(key.id, NOW_MS)
    await cache.refresh()
    counting.hand_over.set()
    assert await slow == d.REVOKED_KEY
    assert await cache.authenticate(key.text, NOW_MS) == d.REVOKED_KEY


async def test_an_answer_from_before_a_flush_is_void(
    client: Redis, keys: KeyStore, counting: CountingStore, cache: KeyCache
) -> None:
    """P1: the store was emptied while the answer was under way."""
    await keys.create("bot", "old", NOW_MS)
    await cache.refresh()
    key, _ = await keys.create("bot", "a", NOW_MS)
    counting.hand_over.clear()
    slow = asyncio.create_task(cache.authenticate(key.text, NOW_MS))
    await counting.answered.wait()
    await client.flushall()
    await cache.refresh()
    counting.hand_over.set()
    assert await slow == d.UNKNOWN_KEY


async def test_rotation_has_its_grace_period(keys: KeyStore, cache: KeyCache) -> None:
    """Contract, section 1: both keys work, then the new one alone."""
    old, _ = await keys.create("bot", "a", NOW_MS)
    new, _ = await keys.rotate(old.id, NOW_MS, 1_000)
    await cache.refresh()
    for key in (old, new):
        assert isinstance(await cache.authenticate(key.text, NOW_MS + 999), Principal)
    assert await cache.authenticate(old.text, NOW_MS + 1_000) == d.EXPIRED_KEY
    assert isinstance(await cache.authenticate(new.text, NOW_MS + 1_000), Principal)


async def test_an_old_copy_vouches_for_nothing(
    keys: KeyStore, cache: KeyCache, clock: Clock
) -> None:
    """Contract, section 5: within 5 s, or not at all; keys of the configuration go on."""
    key, _ = await keys.create("bot", "a", NOW_MS)
    gone, _ = await keys.create("bot", "b", NOW_MS)
    await keys.revoke(gone.id, NOW_MS)
    await cache.refresh()
    clock.ms += STALE_MS - 1
    assert cache.fresh()
    assert isinstance(await cache.authenticate(key.text, NOW_MS), Principal)
    clock.ms += 1
    assert not cache.fresh()
    assert code(await cache.authenticate(key.text, NOW_MS)) == Code.STORE_UNAVAILABLE
    assert code(await cache.authenticate(minted(9).text, NOW_MS)) == Code.STORE_UNAVAILABLE
    assert isinstance(await cache.authenticate(LISTED, NOW_MS), Principal)
    assert await cache.authenticate("never-heard-of", NOW_MS) == d.UNKNOWN_KEY
    assert await cache.authenticate(gone.text, NOW_MS) == d.REVOKED_KEY
    await cache.refresh()
    assert isinstance(await cache.authenticate(key.text, NOW_MS), Principal)


async def test_the_age_counts_from_the_question(
    client: Redis, keys: KeyStore, clock: Clock
) -> None:
    """Contract, section 5: an answer that took long is as old as its question."""

    class Slow(KeyStore):
        async def epoch(self) -> int:
            epoch = await super().epoch()
            clock.ms += 400
            return epoch

    cache = KeyCache(Slow(client), CONFIG, clock)
    await cache.refresh()
    assert cache.age_ms(clock.ms) == 400


async def test_before_the_first_refresh_only_listed_keys_work(
    keys: KeyStore, counting: CountingStore, cache: KeyCache
) -> None:
    """P1: a worker that has not read the store yet does not say 401 for good keys."""
    key, _ = await keys.create("bot", "a", NOW_MS)
    assert not cache.fresh()
    assert code(await cache.authenticate(key.text, NOW_MS)) == Code.STORE_UNAVAILABLE
    assert isinstance(await cache.authenticate(LISTED, NOW_MS), Principal)
    assert counting.asked == 0


async def test_a_store_that_went_away_and_came_back(
    broken: tuple[PrivateStore, Redis], clock: Clock
) -> None:
    """P1: 503 while it is away, never 401; and it recovers by itself."""
    store, client = broken
    keys = NotingStore(client)
    cache = KeyCache(keys, CONFIG, clock)
    await cache.refresh()
    key, _ = await keys.create("bot", "a", NOW_MS)
    await store.stop()
    assert code(await cache.authenticate(key.text, NOW_MS)) == Code.STORE_UNAVAILABLE
    turns = asyncio.create_task(cache.run(interval_ms=0))
    clock.ms += STALE_MS
    assert not cache.fresh()
    keys.reached = asyncio.Semaphore(0)
    await store.start()
    async with asyncio.timeout(10):
        for _ in range(2):  # when the second refresh asks, the first is complete
            await keys.reached.acquire()
    assert isinstance(await cache.authenticate(key.text, NOW_MS), Principal)
    turns.cancel()


async def test_unknown_keys_are_remembered_until_the_epoch_moves(
    keys: KeyStore, counting: CountingStore, cache: KeyCache
) -> None:
    """P8: a client with a wrong key asks the store once, not with each request."""
    await cache.refresh()
    for _ in range(5):
        assert await cache.authenticate(minted(1).text, NOW_MS) == d.UNKNOWN_KEY
    assert counting.asked == 1
    await keys.create("bot", "a", NOW_MS)
    await cache.refresh()
    await cache.authenticate(minted(1).text, NOW_MS)
    assert counting.asked == 2


async def test_a_flood_of_invented_keys_is_bounded(
    keys: KeyStore, counting: CountingStore, cache: KeyCache, clock: Clock
) -> None:
    """P8: checksums can be computed by anybody; neither store nor memory grows with the flood."""
    key, _ = await keys.create("bot", "a", NOW_MS)
    await cache.refresh()
    for second in range(3):
        for n in range(1_000):
            answer = await cache.authenticate(minted(second * 1_000 + n).text, NOW_MS)
            assert code(answer) == Code.INVALID_API_KEY
        clock.ms += 1_000
    assert counting.asked == 3 * QUESTIONS_PER_SECOND
    assert isinstance(await cache.authenticate(key.text, NOW_MS), Principal)


async def test_what_is_remembered_of_unknown_keys_is_bounded(
    counting: CountingStore, cache: KeyCache, clock: Clock
) -> None:
    """P8: the memory of unknown keys has an end, oldest first."""
    await cache.refresh()
    for n in range(UNKNOWN_MAX + 10):
        if n % QUESTIONS_PER_SECOND == 0:
            clock.ms += 1_000
            await cache.refresh()
        await cache.authenticate(minted(n).text, NOW_MS)
    assert counting.asked == UNKNOWN_MAX + 10
    assert len(cache._unknown) == UNKNOWN_MAX
    clock.ms += 1_000
    await cache.authenticate(minted(UNKNOWN_MAX).text, NOW_MS)
    assert counting.asked == UNKNOWN_MAX + 10
    await cache.authenticate(minted(0).text, NOW_MS)
    assert counting.asked == UNKNOWN_MAX + 11


async def test_keys_of_another_shape_are_never_asked_for(
    counting: CountingStore, cache: KeyCache
) -> None:
    """P8: guessing costs the store nothing at all."""
    await cache.refresh()
    for text in ("sk-guess", minted(1).text[:-1] + "x", "ek_", LISTED + "x"):
        assert await cache.authenticate(text, NOW_MS) == d.UNKNOWN_KEY
    assert counting.asked == 0


@pytest.mark.parametrize("changes_after", [0, 1, 3])
async def test_a_store_that_lost_its_last_changes_is_read_anew(
    client: Redis, keys: KeyStore, cache: KeyCache, changes_after: int
) -> None:
    """P1: a key that the store has lost is no key here, however far its epoch has come since."""
    kept, _ = await keys.create("bot", "a", NOW_MS)
    saved = {name: await client.dump(name) for name in await client.keys("*")}
    lost, _ = await keys.create("bot", "b", NOW_MS)
    await cache.refresh()
    await client.flushall()
    for name, value in saved.items():
        assert value is not None
        await client.restore(name, 0, value)
    late = [await keys.create("bot", "c", NOW_MS) for _ in range(changes_after)]
    await cache.refresh()
    assert await cache.authenticate(lost.text, NOW_MS) == d.UNKNOWN_KEY
    for key in (kept, *(key for key, _ in late)):
        assert isinstance(await cache.authenticate(key.text, NOW_MS), Principal)


async def test_a_record_that_becomes_unreadable_is_dropped(
    client: Redis, keys: KeyStore, cache: KeyCache
) -> None:
    """P1: a newer gateway restricted the key in words this one does not know."""
    key, _ = await keys.create("bot", "a", NOW_MS)
    await cache.refresh()
    text = await client.hget(RECORDS, key.id)
    assert isinstance(text, bytes)
    assert from_json(text) is not None
    await client.hset(RECORDS, key.id, text[:-1].decode() + ',"only":"x"}')
    epoch = await client.incr(EPOCH)
    await client.zadd(CHANGED, {key.id: epoch})
    await cache.refresh()
    assert code(await cache.authenticate(key.text, NOW_MS)) == Code.INVALID_API_KEY


async def test_a_new_configuration_counts_at_once(keys: KeyStore, cache: KeyCache) -> None:
    """P7: an account that left takes its keys along, one that came brings them."""
    key, _ = await keys.create("bot", "a", NOW_MS)
    late, _ = await keys.create("late", "b", NOW_MS)
    await cache.refresh()
    assert await cache.authenticate(late.text, NOW_MS) == d.NO_ACCOUNT
    cache.use(config(({"name": "late"},)))
    assert await cache.authenticate(key.text, NOW_MS) == d.NO_ACCOUNT
    assert await cache.authenticate(LISTED, NOW_MS) == d.UNKNOWN_KEY
    assert isinstance(await cache.authenticate(late.text, NOW_MS), Principal)


async def test_two_workers_agree(client: Redis, keys: KeyStore, clock: Clock) -> None:
    """Contract, section 5: a revocation reaches every worker and replica."""
    workers = [KeyCache(KeyStore(client), CONFIG, clock) for _ in range(3)]
    key, _ = await keys.create("bot", "a", NOW_MS)
    for worker in workers:
        await worker.refresh()
        assert isinstance(await worker.authenticate(key.text, NOW_MS), Principal)
    await keys.revoke(key.id, NOW_MS)
    for worker in workers:
        await worker.refresh()
        assert await worker.authenticate(key.text, NOW_MS) == d.REVOKED_KEY
