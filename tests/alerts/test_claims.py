"""One claim per alert and target, in a real store."""

from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis

from extproc.alerts.claims import PREFIX, Busy, Claims, Mine, Sent
from extproc.store_client import StoreUnavailable, open_client
from tests.ledger.conftest import PrivateStore


async def test_one_of_many_gets_it(client: Redis) -> None:
    """P2, alerts: gateways that ask at once: one sends."""
    gateways = [Claims(client, f"gateway-{n}") for n in range(10)]
    found = await asyncio.gather(*(g.take("a", 60_000) for g in gateways))
    assert sum(isinstance(one, Mine) for one in found) == 1
    assert sum(isinstance(one, Busy) for one in found) == 9


async def test_who_has_it_keeps_it(client: Redis) -> None:
    """P2, alerts: the holder renews its lease; the others hear how long it still is."""
    mine, other = Claims(client, "mine"), Claims(client, "other")
    assert await mine.take("a", 60_000) == Mine()
    assert await mine.take("a", 300_000) == Mine()
    match await other.take("a", 60_000):
        case Busy(again_ms=left_ms):
            assert 60_000 < left_ms <= 300_000
        case found:
            pytest.fail(str(found))


async def test_a_claim_whose_holder_died_lapses(client: Redis) -> None:
    """P2, alerts: a crash repeats rather than loses."""
    assert await Claims(client, "dead").take("a", 60_000) == Mine()
    assert 0 < await client.pttl(PREFIX + "a") <= 60_000
    await client.delete(PREFIX + "a")  # its time is over
    assert await Claims(client, "alive").take("a", 60_000) == Mine()


async def test_what_was_sent_stays_sent_and_is_forgotten_in_the_end(client: Redis) -> None:
    """P2, alerts: for everybody, the lower thresholds too; keys do not pile up."""
    mine, other = Claims(client, "mine"), Claims(client, "other")
    await mine.take("high", 60_000)
    await mine.sent(["high", "low"], 86_400_000)
    for claims in (mine, other):
        assert await claims.take("high", 60_000) == Sent()
        assert await claims.take("low", 60_000) == Sent()
    for name in ("high", "low"):
        assert 86_000_000 < await client.pttl(PREFIX + name) <= 86_400_000


async def test_forgotten_scripts_are_taught_again(client: Redis) -> None:
    """P2, alerts: SCRIPT FLUSH, or a new primary."""
    claims = Claims(client, "mine")
    await claims.take("a", 60_000)
    await client.script_flush()
    assert await claims.take("a", 60_000) == Mine()


async def test_a_store_that_is_gone_says_so_and_nothing_else(own_store: PrivateStore) -> None:
    """P4, alerts: no claim, no message; the error names no address."""
    client = open_client(own_store.url, 500)
    claims = Claims(client, "mine")
    own_store.stop()
    for call in (claims.take("a", 1), claims.sent(["a"], 1)):
        with pytest.raises(StoreUnavailable) as raised:
            await call
        assert own_store.folder not in str(raised.value)
    await client.aclose()


async def test_another_programs_key_is_no_claim(client: Redis) -> None:
    """P2, alerts: what the store answers beyond our words is no permission."""
    await client.hset(PREFIX + "a", "x", "y")
    with pytest.raises(StoreUnavailable):
        await Claims(client, "mine").take("a", 60_000)
