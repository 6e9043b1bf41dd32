"""Rate limits and budgets: exact under concurrency, conserved, shown in headers (P2)."""

from __future__ import annotations

import asyncio
import re
from collections import Counter

import pytest

from tests.e2e.conftest import FLAT_OUTPUT, ROOM
from tests.e2e.harness import MINI, GatewayUnderTest
from tests.e2e.provider_child import ProviderUnderTest

pytestmark = pytest.mark.e2e

CALLS = 3 * ROOM
SPEND_IN, SPEND_OUT = 3000, 7000
"""Nano-USD per token of `extra/gpt-spend`."""


async def test_a_rate_limit_is_exact(
    gateway: GatewayUnderTest, provider: ProviderUnderTest
) -> None:
    """P2: 300 calls at once against room for 100: exactly 100 pass, over all workers."""
    http = gateway.http()
    calls = (gateway.chat("rpm-bot", "x", http=http) for _ in range(CALLS))
    answers = await asyncio.gather(*calls)
    assert Counter(a.status_code for a in answers) == {200: ROOM, 429: CALLS - ROOM}
    assert await provider.count() == ROOM
    refused = next(a for a in answers if a.status_code == 429)
    assert refused.json()["error"]["code"] == "rate_limit_exceeded"
    assert 0 < int(refused.headers["retry-after"]) <= 62
    counter = await gateway.counter("rpm")
    assert (counter.spent, counter.reserved, counter.left) == (ROOM, 0, 0)


async def test_a_budget_is_exact(gateway: GatewayUnderTest, provider: ProviderUnderTest) -> None:
    """P2: 300 calls at once against money for 100: exactly 100 pass, and all of it is spent."""
    await provider.fault("gpt-flat", usage=f"in=5,out={FLAT_OUTPUT}")
    http = gateway.http()
    calls = (
        gateway.chat("budget-bot", "x", model="extra/gpt-flat", max_tokens=FLAT_OUTPUT, http=http)
        for _ in range(CALLS)
    )
    answers = await asyncio.gather(*calls)
    assert Counter(a.status_code for a in answers) == {200: ROOM, 429: CALLS - ROOM}
    assert await provider.count() == ROOM
    refused = next(a for a in answers if a.status_code == 429)
    assert refused.json()["error"]["code"] == "budget_exceeded"
    assert 0 < int(refused.headers["retry-after"]) <= 86_400
    counter = await gateway.counter("room")
    assert (counter.spent, counter.reserved, counter.left) == (counter.limit, 0, 0)


@pytest.mark.parametrize("streamed", [False, True])
async def test_what_is_spent_is_what_the_provider_billed(
    gateway: GatewayUnderTest, provider: ProviderUnderTest, streamed: bool
) -> None:
    """P2: usage is charged exactly once, at its price, whatever had been reserved."""
    before = await spent(gateway)
    http = gateway.http()
    recorded = 0
    for words in (3, 11, 40):
        answer = await gateway.chat(
            "spend-bot", f"one two three [[tokens: {words}]]", model="extra/gpt-spend",
            stream=streamed, http=http,
        )  # fmt: skip
        assert answer.status_code == 200
        recorded += (await gateway.entry_of(answer))["cost_nano_usd"]
    billed = await provider.totals("gpt-spend")
    assert billed["output_tokens"] == 54
    expected = billed["input_tokens"] * SPEND_IN + billed["output_tokens"] * SPEND_OUT
    counter = await gateway.counter("spend")
    assert counter.spent - before == expected == recorded


async def spent(gateway: GatewayUnderTest) -> int:
    await gateway.reserved_is_zero("spend")
    return sum(c.spent for c in await gateway.limits() if c.rule_id == "spend")


async def test_a_retry_is_charged_once(
    gateway: GatewayUnderTest, provider: ProviderUnderTest
) -> None:
    """P2: refused attempts cost nothing; the one that answered is charged."""
    await gateway.reserved_is_zero("team-rpm")
    before = next((c.spent for c in await gateway.limits() if c.rule_id == "team-rpm"), 0)
    await provider.fault("gpt-4o-mini", 2, status=503)
    answer = await gateway.chat("support-bot", "x", model="prod/patient")
    assert answer.status_code == 200
    assert (await gateway.counter("team-rpm")).spent == before + 1


async def test_a_client_that_leaves_pays_for_what_it_got(
    gateway: GatewayUnderTest, provider: ProviderUnderTest
) -> None:
    """P2: an abandoned stream is settled, for no less than the words that were seen."""
    before = await spent(gateway)
    messages = [{"role": "user", "content": "[[tokens: 2000]] [[pause: 0.01]]"}]
    body = {"model": "extra/gpt-spend", "stream": True, "max_tokens": 2000, "messages": messages}
    headers = {"x-api-key": gateway.key("spend-bot")}
    async with (
        gateway.http() as http,
        http.stream("POST", "/v1/chat/completions", json=body, headers=headers) as answer,
    ):
        seen = 0
        async for line in answer.aiter_lines():
            seen += line.startswith("data:")
            if seen == 20:
                break
    (request,) = await provider.requests()
    assert request.outcome == "aborted" and request.output_tokens < 2000
    counter = await gateway.counter("spend")
    assert counter.spent - before >= 15 * SPEND_OUT
    entry = await gateway.entry(answer.headers["x-envelope-decision-id"])
    assert entry["decision"]["outcome"] == "aborted"
    assert entry["cost_nano_usd"] == counter.spent - before


async def test_what_is_refused_uses_nothing(gateway: GatewayUnderTest) -> None:
    """P2: a call refused for any other reason leaves its caller's limits as they were."""
    refusals = [
        await gateway.chat("unused-bot", "x", model="anthropic-main/claude-sonnet"),
        await gateway.chat("unused-bot", "x", headers={"x-tfy-guardrails": "{"}),
        await gateway.chat("unused-bot", "x", stream="yes"),
        await gateway.chat(
            "unused-bot", "mail ada@example.com",
            headers={"x-tfy-guardrails": '{"llm_input_guardrails": ["extra/no-pii"]}'},
        ),
    ]  # fmt: skip
    assert [a.status_code for a in refusals] == [403, 400, 400, 400]
    await gateway.reserved_is_zero("unused")
    used = sum(c.spent for c in await gateway.limits() if c.rule_id == "unused")
    assert used == 0


async def test_a_budget_without_room_refuses(
    gateway: GatewayUnderTest, provider: ProviderUnderTest
) -> None:
    """P2: the worst case must fit; the text names the rule and no balance (P4)."""
    async with provider.untouched():
        answer = await gateway.chat("broke-bot", "x")
    assert answer.status_code == 429
    error = answer.json()["error"]
    assert error["code"] == "budget_exceeded" and "broke" in error["message"]
    assert not re.search(r"\d", error["message"])
    counters = [c for c in await gateway.limits() if c.rule_id == "broke"]
    assert all(c.spent == c.reserved == 0 for c in counters)


async def test_rate_limit_headers(gateway: GatewayUnderTest) -> None:
    """Contract 3: `ratelimit` and `ratelimit-policy` tell quota, window and what is left."""
    http = gateway.http()
    first = await gateway.chat("support-bot", "x", http=http)
    second = await gateway.chat("support-bot", "x", http=http)
    assert first.headers["ratelimit-policy"] == '"team-rpm";q=600;w=60'
    left = [int(a.headers["ratelimit"].partition("r=")[2].partition(";")[0])
            for a in (first, second)]  # fmt: skip
    assert left[1] == left[0] - 1
    assert '"team-rpm"' in second.headers["ratelimit"]


async def test_the_command_shows_the_same_counters(gateway: GatewayUnderTest) -> None:
    """Contract 1: `envelope limits --json` tells used, reserved and left."""
    await gateway.chat("support-bot", "x", model=MINI)
    counter = await gateway.counter("team-day")
    code, out, err = await gateway.cli("limits", "--json")
    assert code == 0, err
    assert f'"used_nano_usd": {counter.spent}' in out
