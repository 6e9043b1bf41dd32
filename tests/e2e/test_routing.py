"""Virtual models: retries, fallback over providers and dialects, weights; by real Envoy."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.harness import MINI, SONNET, GatewayUnderTest
from tests.e2e.provider_child import ProviderUnderTest, Seen

pytestmark = pytest.mark.e2e

ASSISTANT, CLAUDE_FIRST = "prod/engineering-assistant", "prod/claude-first"
RESOLVED = "x-tfy-resolved-model"


def models(seen: list[Seen]) -> list[str]:
    return [request.model for request in seen]


async def test_the_first_target_serves_while_it_can(
    gateway: GatewayUnderTest, provider: ProviderUnderTest
) -> None:
    """Contract 2: priority 0 is asked first and, if it answers, alone."""
    answer = await gateway.chat("support-bot", "x", model=ASSISTANT)
    assert answer.status_code == 200
    assert answer.headers[RESOLVED] == MINI
    assert models(await provider.requests()) == ["gpt-4o-mini"]


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(("status", "tries"), [(429, 2), (500, 2), (502, 1), (503, 1)])
async def test_openai_fails_and_anthropic_answers(
    gateway: GatewayUnderTest, provider: ProviderUnderTest, status: int, tries: int, streamed: bool
) -> None:
    """Contract 2: a retry status leads on after one retry, a fallback status at once."""
    await provider.fault("gpt-4o-mini", status=status)
    client = gateway.openai("support-bot")
    fields: Any = {"model": ASSISTANT, "max_tokens": 20,
                   "messages": [{"role": "user", "content": "[[reply: all good]]"}]}  # fmt: skip
    if streamed:
        raw = await client.chat.completions.with_raw_response.create(stream=True, **fields)
        chunks = [c async for c in raw.parse()]
        text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    else:
        raw = await client.chat.completions.with_raw_response.create(**fields)
        text = raw.parse().choices[0].message.content
    assert text == "all good"
    assert raw.headers[RESOLVED] == SONNET
    seen = await provider.requests()
    assert models(seen) == ["gpt-4o-mini"] * tries + ["claude-sonnet"]
    entry = await gateway.entry(raw.headers["x-envelope-decision-id"])
    assert entry["plan"] == [MINI, SONNET]
    served = entry["served"]
    assert (served["model"], served["provider"]) == (SONNET, "anthropic")
    assert served["attempts"] == tries + 1
    assert entry["cost_nano_usd"] == seen[-1].input_tokens * 3000 + 2 * 15000


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("status", [429, 500, 503])
async def test_anthropic_fails_and_openai_answers(
    gateway: GatewayUnderTest, provider: ProviderUnderTest, status: int, streamed: bool
) -> None:
    """Contract 2: the other way round, for a caller of Anthropic's dialect."""
    await provider.fault("claude-sonnet", status=status)
    client = gateway.anthropic("support-bot")
    fields: Any = {"model": CLAUDE_FIRST, "max_tokens": 20,
                   "messages": [{"role": "user", "content": "[[reply: all good]]"}]}  # fmt: skip
    if streamed:
        async with client.messages.stream(**fields) as stream:
            text = "".join([piece async for piece in stream.text_stream])
            headers = stream.response.headers
    else:
        raw = await client.messages.with_raw_response.create(**fields)
        message: Any = await raw.parse()
        text, headers = message.content[0].text, raw.headers
    assert text == "all good"
    assert headers[RESOLVED] == MINI
    assert models(await provider.requests()) == ["claude-sonnet", "gpt-4o-mini"]


async def test_a_target_that_refuses_connections_is_passed_over(
    gateway: GatewayUnderTest, provider: ProviderUnderTest
) -> None:
    """Contract 2: no answer at all leads on as well."""
    answer = await gateway.chat("support-bot", "[[reply: here]]", model="prod/gone-first")
    assert answer.status_code == 200, answer.text
    assert answer.headers[RESOLVED] == MINI
    assert models(await provider.requests()) == ["gpt-4o-mini"]


async def test_a_chain_of_which_nobody_answers_is_an_upstream_error(
    gateway: GatewayUnderTest,
) -> None:
    """Contract 4: 502 `upstream_error`, recorded, nothing charged but what may have been used."""
    answer = await gateway.chat("extra-bot", "x", model="gone/gpt-gone")
    assert answer.status_code == 502
    assert answer.json()["error"]["code"] == "upstream_error"
    entry = await gateway.entry_of(answer)
    assert entry["decision"]["code"] == "upstream_error"
    assert entry.get("cost_nano_usd", 0) == 0


async def test_the_last_targets_error_is_the_callers(
    gateway: GatewayUnderTest, provider: ProviderUnderTest
) -> None:
    """Contract 4: an error of the provider itself keeps its status, in the caller's dialect."""
    await provider.fault("*", status=503)
    answer = await gateway.chat("support-bot", "x", model=ASSISTANT)
    assert answer.status_code == 503
    assert models(await provider.requests()) == ["gpt-4o-mini", "claude-sonnet"]
    assert "error" in answer.json() and "type" not in answer.json()
    assert answer.headers[RESOLVED] == SONNET


@pytest.mark.parametrize("status", [400, 404, 422])
async def test_a_status_that_is_not_listed_leads_nowhere(
    gateway: GatewayUnderTest, provider: ProviderUnderTest, status: int
) -> None:
    """Contract 2: a caller's own mistake is not repeated at the next provider."""
    await provider.fault("gpt-4o-mini", status=status)
    answer = await gateway.chat("support-bot", "x", model=ASSISTANT)
    assert answer.status_code == status
    assert answer.headers[RESOLVED] == MINI
    assert models(await provider.requests()) == ["gpt-4o-mini"]


async def test_a_target_is_tried_again(
    gateway: GatewayUnderTest, provider: ProviderUnderTest
) -> None:
    """Contract 2: `retry_config` gives the same target another chance; usage is charged once."""
    await provider.fault("gpt-4o-mini", 2, status=503)
    answer = await gateway.chat("support-bot", "[[reply: at last]]", model="prod/patient")
    assert answer.json()["choices"][0]["message"]["content"] == "at last"
    assert [request.status for request in await provider.requests()] == [503, 503, 200]
    entry = await gateway.entry_of(answer)
    served = entry["served"]
    assert (served["model"], served["provider"], served["attempts"]) == (MINI, "openai", 3)
    assert entry["usage"]["output_tokens"] == 2


async def test_retries_end(gateway: GatewayUnderTest, provider: ProviderUnderTest) -> None:
    """Contract 2: `attempts: 2` is two further attempts, not more."""
    await provider.fault("gpt-4o-mini", status=503)
    answer = await gateway.chat("support-bot", "x", model="prod/patient")
    assert answer.status_code == 503
    assert await provider.count() == 3


async def test_a_plan_of_one_attempt_is_one_attempt(
    gateway: GatewayUnderTest, provider: ProviderUnderTest
) -> None:
    """P2: a provider that may have worked is not asked again behind everybody's back."""
    await provider.fault("gpt-4o-mini", cut=0)
    answer = await gateway.chat("support-bot", "x")
    assert answer.status_code == 502
    assert await provider.count() == 1
    assert (await gateway.entry_of(answer))["served"]["attempts"] == 1


async def test_a_broken_connection_leads_to_the_next_target_only(
    gateway: GatewayUnderTest, provider: ProviderUnderTest
) -> None:
    """P2: a broken connection reads as 502 or 503: here it leads to the next target at once."""
    await provider.fault("*", cut=0)
    answer = await gateway.chat("support-bot", "x", model=ASSISTANT)
    assert answer.status_code == 502
    assert models(await provider.requests()) == ["gpt-4o-mini", "claude-sonnet"]


async def test_weights_choose(gateway: GatewayUnderTest, provider: ProviderUnderTest) -> None:
    """Contract 2: both of two equal targets are chosen (one in 2**39 runs would not see it)."""
    http = gateway.http()
    for _ in range(40):
        answer = await gateway.chat("extra-bot", "x", model="prod/even", http=http)
        assert answer.headers[RESOLVED] in ("extra/gpt-a", "extra/gpt-b")
    assert set(models(await provider.requests())) == {"gpt-a", "gpt-b"}


async def test_a_target_without_weight_is_never_chosen(
    gateway: GatewayUnderTest, provider: ProviderUnderTest
) -> None:
    """Contract 2: weight 0 gets no traffic."""
    http = gateway.http()
    for _ in range(20):
        answer = await gateway.chat("extra-bot", "x", model="prod/never-b", http=http)
        assert answer.headers[RESOLVED] == "extra/gpt-a"
    assert set(models(await provider.requests())) == {"gpt-a"}
