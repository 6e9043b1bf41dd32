"""The store forgets, and is told again: refusals meanwhile, and not a nano-dollar is lost (P2)."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from redis.asyncio import Redis

from extproc.ledger.epoch import EPOCH_KEY
from tests.e2e.faults import (
    BOT,
    CALLS,
    MONEY,
    SPEND,
    documents,
    gateway_of,
    latest,
    money,
    refusal,
    reserved,
    serves,
    stream,
)
from tests.e2e.harness import GatewayUnderTest
from tests.e2e.processes import OwnStore, kill_gateway, kill_worker, suspended, until
from tests.e2e.provider_child import ProviderUnderTest
from tests.e2e.twins import copied

pytestmark = pytest.mark.e2e

AWAY = (503, "store_unavailable")
RECOVERY_MS = 1_000


@pytest.fixture
def store(place: Path) -> Iterator[OwnStore]:
    with OwnStore(place) as running:
        yield running


@pytest.fixture
def shop(
    store: OwnStore, place: Path, provider_process: ProviderUnderTest
) -> Iterator[GatewayUnderTest]:
    """A gateway with one worker, on a store of its own."""
    settings = {"store": {"url": store.url}, "limits": {"recovery_ms": RECOVERY_MS}}
    made = documents(provider_process.url, gateway=settings)
    with gateway_of(made, provider_process, place, workers=1) as running:
        yield running


async def shown(gateway: GatewayUnderTest) -> dict[str, int]:
    """Rule id -> what `envelope limits --json` says is used."""
    code, out, err = await gateway.cli("limits", "--json")
    assert code == 0, err
    return {row["rule_id"]: row.get("used_nano_usd", row["used"]) for row in json.loads(out)}


async def spend(gateway: GatewayUnderTest, *words: int) -> int:
    """Make calls of so many words; what their entries say they cost, together."""
    answers = [await gateway.chat(BOT, f"[[tokens: {n}]]", model=SPEND) for n in words]
    assert {answer.status_code for answer in answers} == {200}
    return sum([(await gateway.entry_of(answer))["cost_nano_usd"] for answer in answers])


async def refused(gateway: GatewayUnderTest, provider: ProviderUnderTest) -> None:
    """Contract 4, P1: 503 `store_unavailable`, with a time to come back, and nothing is sent."""
    async with provider.untouched():
        answer = await gateway.chat(BOT, "x", model=SPEND)
    assert refusal(answer) == AWAY
    assert int(answer.headers["retry-after"]) >= 1


async def serves_and_shows(gateway: GatewayUnderTest, before: dict[str, int]) -> None:
    """Calls are answered again, and one call later everything is as before and that one call."""
    answer = await serves(gateway, meanwhile="store_unavailable")
    cost = (await gateway.entry_of(answer))["cost_nano_usd"]
    await gateway.reserved_is_zero()
    assert await shown(gateway) == {MONEY: before[MONEY] + cost, CALLS: before[CALLS] + 1}


# --- everything is lost while the gateway runs ---------------------------------------------------


async def test_flushed_while_calls_run(
    store: OwnStore, shop: GatewayUnderTest, provider: ProviderUnderTest
) -> None:
    """P2: FLUSHALL costs `recovery_ms` of refusals; then the spend is there, and so is what was
    reserved for a stream that went on all the time."""
    cost = await spend(shop, 3, 11, 40)
    before = await money(shop)
    assert before == cost

    async def flushed() -> None:
        held = await reserved(shop)
        assert held > 0
        async with shop.store() as client:
            await client.flushall()
        await refused(shop, provider)
        nonlocal cost
        answer = await serves(shop, meanwhile="store_unavailable")
        cost += (await shop.entry_of(answer))["cost_nano_usd"]
        await until(lambda: _is_reserved(shop, held), "the stream's reservation is back")

    seen = await stream(shop, "[[tokens: 200]] [[pause: 0.02]]", after=10, act=flushed)
    assert seen.finished and seen.clean
    cost += (await shop.entry(seen.decision_id))["cost_nano_usd"]
    assert await money(shop) == cost
    assert await shown(shop) == {MONEY: cost, CALLS: 5}


async def _is_reserved(gateway: GatewayUnderTest, amount: int) -> bool:
    return await reserved(gateway) == amount


async def test_an_old_copy_is_put_back(
    store: OwnStore, shop: GatewayUnderTest, provider: ProviderUnderTest
) -> None:
    """P2: a store from before does not make spent money new, nor is a call that has been settled
    since reserved again for good."""
    await spend(shop, 5)
    call = asyncio.create_task(shop.chat(BOT, "[[hang]]", model=SPEND))
    await provider.busy()
    await store.stop()
    shutil.copytree(store.data, store.folder / "old")
    await store.start()
    await serves(shop, meanwhile="store_unavailable")
    entries = len(shop.entries())
    call.cancel()
    await latest(shop, entries)
    await spend(shop, 50)
    await shop.reserved_is_zero()
    before = await shown(shop)
    await store.stop()
    shutil.rmtree(store.data)
    shutil.copytree(store.folder / "old", store.data)
    await store.start()
    await serves_and_shows(shop, before)


@pytest.mark.parametrize("end", ["stopped", "killed"])
async def test_gateway_and_store_begin_again_without_the_data(
    store: OwnStore, shop: GatewayUnderTest, end: str
) -> None:
    """P2: the store's folder is deleted while nothing runs: the gateway's own copy has it all."""
    await spend(shop, 3, 11, 40)
    await shop.reserved_is_zero()
    before = await shown(shop)
    if end == "stopped":
        assert await asyncio.to_thread(shop.stop) == 0
        await store.stop()
    else:
        await copied(shop)
        await kill_gateway(shop)
        await store.kill()
    shutil.rmtree(store.data)
    await store.start()
    await shop.start_again()
    await serves_and_shows(shop, before)


# --- the store is not fit, or away at a bad moment -----------------------------------------------


async def test_a_store_that_may_evict(
    store: OwnStore, shop: GatewayUnderTest, provider: ProviderUnderTest
) -> None:
    """P2: an eviction policy that is changed at run time: refused until it is set back, and the
    command says why."""
    await spend(shop, 3)
    await shop.reserved_is_zero()
    before = await shown(shop)
    async with shop.store() as client:
        await client.config_set("maxmemory-policy", "allkeys-lru")
        await until(lambda: _is_stopped(client), "the gateway has noticed")
        await refused(shop, provider)
        code, _, err = await shop.cli("limits")
        assert code == 1 and "noeviction" in err
        await client.config_set("maxmemory-policy", "noeviction")
    await serves_and_shows(shop, before)


async def _is_stopped(client: Redis) -> bool:
    return bool(await client.hexists(EPOCH_KEY, "stop"))


async def test_a_store_without_memory(
    store: OwnStore, shop: GatewayUnderTest, provider: ProviderUnderTest
) -> None:
    """P1, P2: a full store takes no new call, but what a running one has used."""
    cost = await spend(shop, 3)
    call = asyncio.create_task(shop.chat(BOT, "[[delay: 1]] [[tokens: 9]]", model=SPEND))
    await provider.busy()
    async with shop.store() as client:
        await client.config_set("maxmemory", 1)
        await refused(shop, provider)
        cost += (await shop.entry_of(await call))["cost_nano_usd"]
        await until(lambda: _is_reserved(shop, 0), "it is settled")
        await client.config_set("maxmemory", 0)
    answer = await serves(shop, meanwhile="store_unavailable")
    cost += (await shop.entry_of(answer))["cost_nano_usd"]
    assert await money(shop) == cost


@pytest.mark.parametrize("away", ["suspended", "killed"])
async def test_killed_before_the_store_took_the_settlement(
    store: OwnStore, shop: GatewayUnderTest, provider: ProviderUnderTest, away: str
) -> None:
    """P2: a worker dies with a call answered and not settled: its slate knows what it used."""
    before = await money(shop)
    call = asyncio.create_task(
        shop.chat(BOT, "[[delay: 0.5]] [[tokens: 7]]", model=SPEND, max_tokens=400)
    )
    await provider.busy()
    held = await reserved(shop)
    if away == "suspended":
        async with suspended(store.pid):
            cost = await _answered_by_the_last_of(shop, call)
    else:
        await store.kill()
        cost = await _answered_by_the_last_of(shop, call)
        await store.start()
    assert await money(shop) - before == cost
    assert held > cost > 0


async def _answered_by_the_last_of(
    gateway: GatewayUnderTest, call: asyncio.Task[httpx2.Response]
) -> int:
    """The call is answered, then its worker is killed; what the entry says it cost."""
    answer = await call
    assert answer.status_code == 200
    cost = int((await gateway.entry_of(answer))["cost_nano_usd"])
    await kill_worker(gateway)
    return cost
