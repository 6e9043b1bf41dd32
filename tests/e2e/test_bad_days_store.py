"""The store is away, silent or back: calls are refused in the contract's words, money stays whole."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.e2e.faults import (
    BOT,
    CALLS,
    MONEY,
    SPEND,
    SPEND_OUT,
    OwnStore,
    documents,
    gateway_of,
    money,
    outcome,
    refusal,
    reserved,
    serves,
    stream,
    suspended,
)
from tests.e2e.harness import DECISION_ID, GatewayUnderTest
from tests.e2e.provider_child import ProviderUnderTest

pytestmark = pytest.mark.e2e

AWAY = (503, "store_unavailable")


@asynccontextmanager
async def both(
    provider: ProviderUnderTest, place: Path
) -> AsyncIterator[tuple[OwnStore, GatewayUnderTest]]:
    """A store of the test's own and a gateway on it."""
    async with OwnStore(place) as store:
        made = documents(provider.url, gateway={"store": {"url": store.url}})
        async with gateway_of(made, provider, place) as gateway:
            yield store, gateway


async def refused_and_recorded(gateway: GatewayUnderTest, provider: ProviderUnderTest) -> None:
    """Contract 4, P1, P3: 503 `store_unavailable`, nothing sent, one entry that says so."""
    async with provider.untouched():
        answer = await gateway.chat(BOT, "x", model=SPEND)
    assert refusal(answer) == AWAY
    assert int(answer.headers["retry-after"]) >= 1
    decision = (await gateway.entry_of(answer))["decision"]
    assert (decision["outcome"], decision["code"]) == ("refused", "store_unavailable")


async def test_away_at_the_start(provider: ProviderUnderTest, place: Path) -> None:
    """P1: the gateway comes up, refuses every call, and serves as soon as the store is there."""
    store = OwnStore(place)
    made = documents(provider.url)
    async with gateway_of(made, provider, place, arguments=("--store", store.url)) as gateway:
        await refused_and_recorded(gateway, provider)
        async with store:
            await serves(gateway, meanwhile="store_unavailable")
            assert await money(gateway) > 0
            await asyncio.to_thread(gateway.stop)


async def test_killed_between_two_calls(provider: ProviderUnderTest, place: Path) -> None:
    """P1, P2: refused while it is away; what was spent before is still spent after."""
    async with both(provider, place) as (store, gateway):
        await gateway.chat(BOT, "one two three", model=SPEND)
        before = await money(gateway)
        await store.kill()
        await refused_and_recorded(gateway, provider)
        await store.start()
        assert await money(gateway) == before > 0
        answer = await serves(gateway, meanwhile="store_unavailable")
        cost = (await gateway.entry_of(answer))["cost_nano_usd"]
        assert await money(gateway) == before + cost


@pytest.mark.parametrize("streamed", [False, True])
async def test_killed_before_a_call_is_settled(
    provider: ProviderUnderTest, place: Path, streamed: bool
) -> None:
    """P2, P5: the caller gets its answer; the settlement waits for the store and is written once."""
    async with both(provider, place) as (store, gateway):
        call = asyncio.create_task(
            gateway.chat(BOT, "[[delay: 1]]", model=SPEND, stream=streamed, max_tokens=50)
        )
        await provider.busy()
        assert await reserved(gateway) > 0
        await store.kill()
        answer = await call
        assert answer.status_code == 200
        entry = await gateway.entry_of(answer)
        await store.start()
        assert await money(gateway) == entry["cost_nano_usd"] > 0
        assert (await gateway.counter(CALLS)).spent == 1


async def test_killed_in_the_middle_of_a_stream(provider: ProviderUnderTest, place: Path) -> None:
    """P2, P5: a stream that was allowed goes on to its end and is settled when the store is back."""
    async with both(provider, place) as (store, gateway):
        seen = await stream(gateway, "[[tokens: 50]] [[pause: 0.01]]", after=5, act=store.kill)
        assert seen.status == 200 and seen.finished and seen.clean
        entry = await gateway.entry(seen.decision_id)
        assert entry["decision"]["outcome"] == "allowed"
        await store.start()
        assert await money(gateway) == entry["cost_nano_usd"] >= 50 * SPEND_OUT


async def test_silent(provider: ProviderUnderTest, place: Path) -> None:
    """P1, P2: a store that hangs is `store_unavailable`; what it took meanwhile is given back."""
    async with both(provider, place) as (store, gateway):
        async with suspended(store.pid):
            await refused_and_recorded(gateway, provider)
        await serves(gateway, meanwhile="store_unavailable")
        spent = await money(gateway)
        entries = [e for e in gateway.entries() if e["decision"]["outcome"] == "allowed"]
        assert spent == sum(e["cost_nano_usd"] for e in entries)


async def test_the_gateway_leaves_while_the_store_is_away(
    provider: ProviderUnderTest, place: Path
) -> None:
    """P2: an open settlement keeps nobody from leaving; the next gateway charges it in full."""
    async with OwnStore(place) as store:
        brief = {"store": {"url": store.url}, "limits": {"reservation_ttl_ms": 1000}}
        made = documents(provider.url, gateway=brief)
        async with gateway_of(made, provider, place, workers=1) as gateway:
            call = asyncio.create_task(
                gateway.chat(BOT, "[[delay: 0.5]]", model=SPEND, max_tokens=50)
            )
            await provider.busy()
            held = await reserved(gateway)
            await store.kill()
            answer = await call
            assert answer.status_code == 200
            assert await outcome(gateway, answer.headers[DECISION_ID]) == "allowed"
            assert await asyncio.to_thread(gateway.stop) == 0
        await store.start()
        async with gateway_of(made, provider, place, workers=1) as again:
            cost = (await again.entry_of(await serves(again)))["cost_nano_usd"]
            (counter,) = [c for c in await again.limits() if c.rule_id == MONEY]
            assert counter.spent + counter.reserved >= held
            assert await money(again) == held + cost
