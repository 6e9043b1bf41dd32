"""More calls than the gateway wants to hold: the rest is refused at once, and recorded."""

from __future__ import annotations

import asyncio

import pytest

from tests.e2e.conftest import Start
from tests.e2e.faults import BOT, SPEND, documents, envoy_holds, money, refusal, serves
from tests.e2e.provider_child import ProviderUnderTest

pytestmark = pytest.mark.e2e

ROOM = 3


async def test_beyond_the_cap(start_gateway: Start, provider: ProviderUnderTest) -> None:
    """Contract 4: `overloaded` with `retry-after` beyond the cap; room again when a call ends."""
    capped = {"listener": {"concurrent_requests_max": ROOM}}
    gateway = start_gateway(documents(provider.url, gateway=capped), workers=1)
    held = [
        asyncio.create_task(gateway.chat(BOT, "[[hang]]", model=SPEND)) for _ in range(ROOM)
    ]  # fmt: skip
    await envoy_holds(gateway, ROOM)
    while await provider.count() < ROOM:
        await provider.busy()
    async with provider.untouched():
        answers = [await gateway.chat(BOT, "x", model=SPEND) for _ in range(3)]
        answers.append(await gateway.chat(BOT, "x", model=SPEND, path="/v1/messages"))
    for answer in answers:
        assert refusal(answer) == (503, "overloaded")
        assert int(answer.headers["retry-after"]) >= 1
        entry = await gateway.entry_of(answer)
        assert entry["decision"]["outcome"] == "refused"
        assert entry["decision"]["code"] == "overloaded"
    assert answers[-1].json()["type"] == "error"
    held.pop().cancel()
    await serves(gateway)
    for call in held:
        call.cancel()
    await envoy_holds(gateway, 0)
    assert await money(gateway) > 0
