"""The store is away, silent or back: refusals in the contract's words, and money stays whole."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.faults import (
    BOT,
    CALLS,
    SPEND,
    SPEND_OUT,
    documents,
    envoy_holds,
    gateway_of,
    money,
    refusal,
    reserved,
    serves,
    stream,
)
from tests.e2e.harness import GatewayUnderTest
from tests.e2e.processes import OwnStore, suspended, until
from tests.e2e.provider_child import ProviderUnderTest

pytestmark = pytest.mark.e2e

AWAY = (503, "store_unavailable")


@pytest.fixture(scope="module")
def both(
    place: Path, provider_process: ProviderUnderTest
) -> Iterator[tuple[OwnStore, GatewayUnderTest]]:
    """A gateway on a store that the tests may kill; at first there is none."""
    store = OwnStore(place)
    made = documents(
        provider_process.url, gateway={"store": {"url": store.url, "timeout_ms": 1500}}
    )
    with gateway_of(made, provider_process, place) as running:
        yield store, running
        store.__exit__()


@pytest.fixture
def store(both: tuple[OwnStore, GatewayUnderTest]) -> OwnStore:
    return both[0]


@pytest.fixture
async def shop(
    both: tuple[OwnStore, GatewayUnderTest], provider: ProviderUnderTest
) -> GatewayUnderTest:
    """The gateway, with its store running."""
    store, running = both
    if not store.alive():
        await store.start()
        await serves(running, meanwhile="store_unavailable")
    return running


async def refused_and_recorded(gateway: GatewayUnderTest, provider: ProviderUnderTest) -> None:
    """Contract 4, P1, P3: 503 `store_unavailable`, nothing sent, one entry that says so."""
    async with provider.untouched():
        answer = await gateway.chat(BOT, "x", model=SPEND)
    assert refusal(answer) == AWAY
    assert int(answer.headers["retry-after"]) >= 1
    decision = (await gateway.entry_of(answer))["decision"]
    assert (decision["outcome"], decision["code"]) == ("refused", "store_unavailable")


async def test_away_at_the_start(
    both: tuple[OwnStore, GatewayUnderTest], provider: ProviderUnderTest
) -> None:
    """P1: the gateway comes up, refuses every call, and serves as soon as the store is there."""
    store, gateway = both
    assert not store.alive()
    await refused_and_recorded(gateway, provider)
    await store.start()
    answer = await serves(gateway, meanwhile="store_unavailable")
    assert await money(gateway) == (await gateway.entry_of(answer))["cost_nano_usd"] > 0


async def test_killed_between_two_calls(
    store: OwnStore, shop: GatewayUnderTest, provider: ProviderUnderTest
) -> None:
    """P1, P2: refused while it is away; what was spent before is still spent after."""
    await shop.chat(BOT, "one two three", model=SPEND)
    before = await money(shop)
    await store.kill()
    await refused_and_recorded(shop, provider)
    await store.start()
    assert await money(shop) == before > 0
    answer = await serves(shop, meanwhile="store_unavailable")
    cost = (await shop.entry_of(answer))["cost_nano_usd"]
    assert await money(shop) == before + cost


@pytest.mark.parametrize("streamed", [False, True])
async def test_killed_before_a_call_is_settled(
    store: OwnStore, shop: GatewayUnderTest, provider: ProviderUnderTest, streamed: bool
) -> None:
    """P2, P5: the caller gets its answer; the settlement waits for the store, and counts once."""
    before, calls = await money(shop), (await shop.counter(CALLS)).spent
    call = asyncio.create_task(
        shop.chat(BOT, "[[delay: 0.5]]", model=SPEND, stream=streamed, max_tokens=50)
    )
    await provider.busy()
    assert await reserved(shop) > 0
    await store.kill()
    answer = await call
    assert answer.status_code == 200
    entry = await shop.entry_of(answer)
    await store.start()
    assert await money(shop) - before == entry["cost_nano_usd"] > 0
    assert (await shop.counter(CALLS)).spent == calls + 1


async def test_killed_in_the_middle_of_a_stream(
    store: OwnStore, shop: GatewayUnderTest, provider: ProviderUnderTest
) -> None:
    """P2, P5: a stream that was allowed goes on to its end, and is settled when that can be."""
    before = await money(shop)
    seen = await stream(shop, "[[tokens: 50]] [[pause: 0.01]]", after=5, act=store.kill)
    assert seen.status == 200 and seen.finished and seen.clean
    entry = await shop.entry(seen.decision_id)
    assert entry["decision"]["outcome"] == "allowed"
    await store.start()
    assert await money(shop) - before == entry["cost_nano_usd"] >= 50 * SPEND_OUT


async def test_silent(store: OwnStore, shop: GatewayUnderTest, provider: ProviderUnderTest) -> None:
    """P1, P2: a store that hangs is `store_unavailable`; what it took meanwhile is given back."""
    before = await money(shop)
    async with suspended(store.pid):
        await refused_and_recorded(shop, provider)
    answer = await serves(shop, meanwhile="store_unavailable")
    cost = (await shop.entry_of(answer))["cost_nano_usd"]
    assert await money(shop) - before == cost


async def test_the_caller_leaves_while_the_store_hangs(
    store: OwnStore, shop: GatewayUnderTest, provider: ProviderUnderTest
) -> None:
    """P1, P2: nothing is sent for a caller who is gone; what was reserved for it is given back."""
    await shop.entry_of(await serves(shop))  # nothing else is on its way into the log
    before, entries = await money(shop), len(shop.entries())
    async with provider.untouched(), suspended(store.pid):
        call = asyncio.create_task(shop.chat(BOT, "x", model=SPEND))
        await envoy_holds(shop, 1)
        call.cancel()
        await envoy_holds(shop, 0)
    answer = await serves(shop, meanwhile="store_unavailable")
    cost = (await shop.entry_of(answer))["cost_nano_usd"]
    assert await money(shop) - before == cost

    def of_the_call() -> list[str]:  # two workers: its entry may follow that of a later call
        outcomes = [entry["decision"]["outcome"] for entry in shop.entries()[entries:]]
        return [outcome for outcome in outcomes if outcome == "aborted"]

    await until(lambda: len(of_the_call()) == 1, "the entry of the call")


async def test_the_gateway_leaves_while_the_store_is_away(
    place: Path, provider: ProviderUnderTest
) -> None:
    """P2: an open settlement keeps nobody from leaving; the next gateway charges it in full."""
    store = OwnStore(place)
    await store.start()
    brief = {"store": {"url": store.url}, "limits": {"reservation_ttl_ms": 1000}}
    gateway = GatewayUnderTest(
        documents(provider.url, gateway=brief), provider, store.folder / "gateway", workers=1
    )
    gateway.start()
    call = asyncio.create_task(gateway.chat(BOT, "[[delay: 0.5]]", model=SPEND, max_tokens=50))
    await provider.busy()
    held = await reserved(gateway)
    await store.kill()
    assert (await call).status_code == 200
    assert await asyncio.to_thread(gateway.stop) == 0
    await store.start()
    gateway.start()
    answer = await serves(gateway)
    cost = (await gateway.entry_of(answer))["cost_nano_usd"]
    assert await money(gateway) == held + cost
    assert await asyncio.to_thread(gateway.stop) == 0
    await store.stop()
