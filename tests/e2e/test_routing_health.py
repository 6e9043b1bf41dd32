"""Where calls go when targets fail, keys are refused, sessions stick and data may not leave."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.documents import Documents, priced, rule
from tests.e2e.harness import MINI, SONNET, GatewayUnderTest
from tests.e2e.provider_child import ProviderUnderTest

pytestmark = pytest.mark.e2e
RESOLVED = "x-tfy-resolved-model"
A, B = "two/gpt-a", "two/gpt-b"


def documents(provider_url: str) -> Documents:
    made = Documents().sample(provider_url)
    models = [priced(name, 1, 1) for name in ("gpt-a", "gpt-b", "gpt-c", "gpt-d")]
    made.provider("two", f"{provider_url}/v1", models, region="eu")
    made.add("provider-account", "keyed", provider="openai", base_url=f"{provider_url}/v1",
             keys=[{"name": "dead", "api_key": {"env": "DEAD_KEY"}, "weight": 1000},
                   {"name": "live", "api_key": {"env": "OPENAI_API_KEY"}, "weight": 1}],
             models=[priced("gpt-k", 1, 1)])  # fmt: skip
    made.provider("on-prem", f"{provider_url}/v1", [priced("gpt-p", 1, 1)],
                  limits={"overflow_at": 1})  # fmt: skip
    sticky = rule("sticky", "prod/sticky", [{"target": A}, {"target": B}], "weight")
    sticky["sticky_routing"] = {
        "ttl_seconds": 600,
        "session_identifiers": [{"key": "x-session", "source": "headers"}],
    }
    made.add("gateway-load-balancing-config", "more", rules=[
        rule("health", "prod/health", [
            {"target": "two/gpt-c", "priority": 0}, {"target": "two/gpt-d", "priority": 1},
        ]),
        rule("resident", "prod/resident", [
            {"target": MINI, "priority": 0}, {"target": SONNET, "priority": 1},
        ]),
        rule("near", "prod/near", [
            {"target": MINI, "priority": 0}, {"target": A, "priority": 1},
        ]),
        rule("overflow", "prod/overflow", [
            {"target": "on-prem/gpt-p", "priority": 0}, {"target": A, "priority": 1},
        ]),
        sticky,
    ])  # fmt: skip
    made.bot("auto-bot", team="auto", models=["auto", "two/*"])
    made.bot("picky-bot", team="two", models=["keyed/*"], provider_keys=["keyed/live"])
    made.bot("keyless-bot", team="two", models=["keyed/*", "two/*"], provider_keys=[])
    made.bot("two-bot", team="two", models=["two/*", "keyed/*", "prod/*"])
    return made


@pytest.fixture(scope="module")
def process(place: Path, provider_process: ProviderUnderTest) -> Iterator[GatewayUnderTest]:
    made = documents(provider_process.url)
    with GatewayUnderTest(made, provider_process, place / "health") as running:
        yield running
    running.settle_accounts()


@pytest.fixture
async def routed(
    process: GatewayUnderTest, provider: ProviderUnderTest
) -> AsyncIterator[GatewayUnderTest]:
    yield process
    await process.close_clients()


async def resolved(gateway: GatewayUnderTest, account: str, model: str, **more: Any) -> str:
    answer = await gateway.chat(account, "x", model=model, **more)
    assert answer.status_code == 200, answer.text
    return str(answer.headers[RESOLVED])


async def test_a_target_that_failed_twice_goes_last(
    routed: GatewayUnderTest, provider: ProviderUnderTest
) -> None:
    """Route (reference 7.1): two failures put a target behind the others; workers share what they
    saw within a second or two, so that soon nobody asks it first."""
    await provider.fault("gpt-c", status=503)
    failed = 0
    async with asyncio.timeout(15):  # each failure says `retry-after`, and is heeded
        while failed < 2:
            assert await resolved(routed, "two-bot", "prod/health") == "two/gpt-d"
            failed = sum(one.model == "gpt-c" for one in await provider.requests())
    await provider.forget()
    async with asyncio.timeout(8):  # workers tell each other once a second
        while "two/gpt-c" in [await resolved(routed, "two-bot", "prod/health") for _ in range(6)]:
            pass
    found = [await resolved(routed, "two-bot", "prod/health") for _ in range(8)]
    assert set(found) == {"two/gpt-d"}, "well again, and still last for a while"


async def test_a_key_that_is_refused_rests(
    routed: GatewayUnderTest, provider: ProviderUnderTest
) -> None:
    """P4 and Route: each key has its own connection; a 401 leads to the next key of the same
    model, and the refused one is asked no more."""
    for _ in range(6):
        answer = await routed.chat("two-bot", "x", model="keyed/gpt-k")
        assert answer.status_code == 200, answer.text
    entry = await routed.entry(answer.headers["x-envelope-decision-id"])
    assert entry["served"]["key"] == "live"
    statuses = [one.status for one in await provider.requests()]
    assert statuses.count(200) == 6
    assert 1 <= statuses.count(401) <= 4, "each worker learns it once, or from the other"


async def test_an_account_may_be_held_to_some_keys(
    routed: GatewayUnderTest, provider: ProviderUnderTest
) -> None:
    """Contract 2 (`provider_keys`): no other key of the account is used; an empty list leaves none,
    and accounts with one credential are not concerned."""
    assert await resolved(routed, "picky-bot", "keyed/gpt-k") == "keyed/gpt-k"
    assert [one.status for one in await provider.requests()] == [200], "no other"
    answer = await routed.chat("keyless-bot", "x", model="keyed/gpt-k")
    assert answer.status_code == 403
    assert await resolved(routed, "keyless-bot", A) == A


async def test_a_session_keeps_its_target(routed: GatewayUnderTest) -> None:
    """Route: equal values of a sticky rule's identifiers lead to one target, over all workers."""
    for session in ("s-1", "s-2", "s-3"):
        headers = {"x-session": session}
        found = {
            await resolved(routed, "two-bot", "prod/sticky", headers=headers) for _ in range(5)
        }
        assert len(found) == 1


async def test_fallback_never_leaves_the_region(
    routed: GatewayUnderTest, provider: ProviderUnderTest
) -> None:
    """Contract 2: customer data goes to targets of region eu alone, also when these fail."""
    customers = {"x-tfy-metadata": '{"data_class": "customer_pii"}'}
    assert await resolved(routed, "support-bot", "prod/resident", headers=customers) == SONNET
    await provider.fault("claude-sonnet", status=503)
    answer = await routed.chat("support-bot", "x", model="prod/resident", headers=customers)
    assert answer.status_code == 503
    assert {one.model for one in await provider.requests()} == {"claude-sonnet"}


async def test_a_preferred_region_comes_first(routed: GatewayUnderTest) -> None:
    """Contract 3: `region_preference` orders, and does not forbid."""
    near = {"x-tfy-metadata": '{"region_preference": "eu", "team": "two"}'}
    assert await resolved(routed, "two-bot", "prod/near", headers=near) == A
    assert await resolved(routed, "two-bot", "prod/near") == MINI


async def test_a_caller_may_leave_the_name_open(routed: GatewayUnderTest) -> None:
    """Route: `auto` chooses among what the key may call by name, and only that."""
    assert (await resolved(routed, "auto-bot", "auto")).startswith("two/")
    answer = await routed.chat("support-bot", "x", model="auto")
    assert answer.status_code == 403


async def test_the_cloud_is_the_overflow(
    routed: GatewayUnderTest, provider: ProviderUnderTest
) -> None:
    """Route: while the first account is as full as it is to be, others serve, on every worker;
    when its call has ended it is first again."""
    assert await resolved(routed, "two-bot", "prod/overflow") == "on-prem/gpt-p"
    await provider.fault("gpt-p", count=1, delay=10.0)
    slow = asyncio.create_task(resolved(routed, "two-bot", "prod/overflow"))
    async with asyncio.timeout(9):
        while await provider.count() < 2:
            await asyncio.sleep(0.02)
        while {await resolved(routed, "two-bot", "prod/overflow") for _ in range(3)} != {A}:
            pass  # workers tell each other once a second
    assert not slow.done()
    assert await slow == "on-prem/gpt-p"
    async with asyncio.timeout(9):
        while await resolved(routed, "two-bot", "prod/overflow") == A:
            pass
