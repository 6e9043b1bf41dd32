"""Kept prompts, shadow calls, the caller's own time limits and retries; by real Envoy."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.e2e.documents import Documents, rule
from tests.e2e.harness import MINI, SONNET, GatewayUnderTest
from tests.e2e.provider_child import ProviderUnderTest

pytestmark = pytest.mark.e2e

SHADOWED, PROMPTED, TIMED = "prod/shadowed", "prod/prompted", "prod/timed"
CARD = "4111 1111 1111 1111"


def documents(provider_url: str) -> Documents:
    made = Documents().sample(provider_url).unmoved()
    made.bot("shadow-bot", team="shadow", models=["anthropic-main/*"])
    shadowed = rule("shadowed", SHADOWED, [{"target": MINI}])
    shadowed["shadow"] = {"target": SONNET, "percent": 100, "account": "shadow-bot"}
    terse = {"prompt_version_fqn": "support/answer:2"}
    prompted = rule("prompted", PROMPTED, [
        {"target": MINI, "priority": 0, "fallback_status_codes": ["503"]},
        {"target": SONNET, "priority": 1, "override_params": terse},
    ])  # fmt: skip
    timed = rule("timed", TIMED, [
        {"target": MINI, "priority": 0, "fallback_status_codes": ["408", "503"]},
        {"target": SONNET, "priority": 1},
    ])  # fmt: skip
    made.add("gateway-load-balancing-config", "more", rules=[shadowed, prompted, timed])
    for version, text in ((1, "Be kind to {{name}}."), (2, "Be terse with {{name}}.")):
        made.add("chat_prompt", "support/answer", version=version, version_alias=f"v{version}",
                 messages=[{"role": "system", "content": text}],
                 model_configuration={"model": PROMPTED, "parameters": {"max_tokens": 40}},
                 variables={"name": "everybody"})  # fmt: skip
    return made


@pytest.fixture(scope="module")
def running(place: Any, provider_process: ProviderUnderTest) -> Any:
    with GatewayUnderTest(
        documents(provider_process.url), provider_process, place / "prompts"
    ) as gateway:
        yield gateway
    gateway.settle_accounts()


@pytest.fixture
async def prompts(
    running: GatewayUnderTest, provider: ProviderUnderTest
) -> AsyncIterator[GatewayUnderTest]:
    yield running
    await running.close_clients()


async def asked(provider: ProviderUnderTest, count: int) -> list[Any]:
    """Requests at the provider, once there are so many."""
    async with asyncio.timeout(20):
        while len(seen := await provider.requests()) < count:
            await asyncio.sleep(0.02)
    return seen


async def test_a_copy_is_a_call_of_its_own(
    prompts: GatewayUnderTest, provider: ProviderUnderTest
) -> None:
    """P2, P3: the copy is charged and recorded apart, redacted like the original, which does not
    change."""
    answer = await prompts.chat("support-bot", f"[[reply: fine]] {CARD}", model=SHADOWED)
    assert answer.json()["choices"][0]["message"]["content"] == "fine"
    seen = await asked(provider, 2)
    assert sorted(one.model for one in seen) == ["claude-sonnet", "gpt-4o-mini"]
    assert all(CARD not in one.body for one in seen)
    original = answer.headers["x-envelope-decision-id"]
    copy = await copy_of(prompts, original)
    assert copy["principal"]["name"] == "shadow-bot"
    assert copy["served"]["model"] == SONNET
    assert copy["cost_nano_usd"] > 0
    entry = await prompts.entry(original)
    assert entry["principal"]["name"] == "support-bot"
    assert entry["served"]["model"] == MINI


async def copy_of(gateway: GatewayUnderTest, decision_id: str) -> Any:
    async with asyncio.timeout(20):
        while True:
            for entry in gateway.entries():
                if entry.get("metadata", {}).get("envelope_shadow_of") == decision_id:
                    return entry
            await asyncio.sleep(0.05)


async def test_a_prompt_by_name(prompts: GatewayUnderTest, provider: ProviderUnderTest) -> None:
    """Contract: the gateway renders `prompt_version_fqn` and `prompt_variables`."""
    answer = await prompts.chat(
        "support-bot", "[[reply: yes]]", prompt_version_fqn="chat_prompt:support/answer:v1",
        prompt_variables={"name": f"Ann {CARD}"}, model=PROMPTED,
    )  # fmt: skip
    assert answer.status_code == 200
    (seen,) = await provider.requests()
    assert "Be kind to Ann [CARD]." in seen.body, "variables are guarded like other words"
    assert "prompt_version_fqn" not in seen.body


async def test_a_target_has_a_prompt_of_its_own(
    prompts: GatewayUnderTest, provider: ProviderUnderTest
) -> None:
    """Contract: `override_params.prompt_version_fqn` takes the place of the caller's prompt."""
    await provider.fault("gpt-4o-mini", status=503)
    answer = await prompts.chat(
        "support-bot", "[[reply: yes]]", prompt_version_fqn="support/answer:1",
        prompt_variables={"name": f"Bob {CARD}"}, model=PROMPTED,
    )  # fmt: skip
    assert answer.status_code == 200
    first, second = await provider.requests()
    assert "Be kind to Bob [CARD]." in first.body
    assert "Be terse with Bob [CARD]." in second.body
    assert "Be kind" not in second.body


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ({"prompt_version_fqn": "support/answer:9"}, "names no prompt"),
        ({"prompt_version_fqn": "support/answer:1", "prompt_variables": {"nam": "x"}}, "has 'nam'"),
        ({"prompt_version_fqn": 3}, "names no prompt"),
    ],
)
async def test_what_is_wrong_with_a_prompt(
    prompts: GatewayUnderTest, said: dict[str, Any], text: str
) -> None:
    """Contract, section 4: 400 with the field's name; nothing is sent."""
    answer = await prompts.chat("support-bot", "x", model=PROMPTED, **said)
    assert answer.status_code == 400
    assert text in answer.json()["error"]["message"]


async def test_variables_need_a_prompt(prompts: GatewayUnderTest) -> None:
    """Contract, section 4: what would be dropped in silence is refused by name."""
    answer = await prompts.chat("support-bot", "x", prompt_variables={"name": "x"})
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "prompt_variables"


async def test_the_first_token_may_be_waited_for_so_long(
    prompts: GatewayUnderTest, provider: ProviderUnderTest
) -> None:
    """Contract: `x-tfy-ttft-timeout-ms` ends an attempt that has not begun to answer; the next
    target is asked."""
    await provider.fault("gpt-4o-mini", delay=5.0)
    answer = await prompts.chat(
        "support-bot", "[[reply: yes]]", model=TIMED, headers={"x-tfy-ttft-timeout-ms": "300"}
    )
    assert answer.status_code == 200
    assert answer.headers["x-tfy-resolved-model"] == SONNET


async def test_the_callers_own_retries(
    prompts: GatewayUnderTest, provider: ProviderUnderTest
) -> None:
    """Contract: `x-tfy-retry-config` says how often the same target is tried."""
    await provider.fault("gpt-4o-mini", status=418)
    retry = '{"attempts": 2, "onStatusCodes": [418]}'
    answer = await prompts.chat("support-bot", "x", headers={"x-tfy-retry-config": retry})
    assert answer.status_code == 418
    assert len(await provider.requests()) == 3


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-tfy-ttft-timeout-ms", "soon"),
        ("x-tfy-request-timeout", "0"),
        ("x-tfy-retry-config", "2"),
        ("x-tfy-retry-config", '{"attempts": 99}'),
        ("x-tfy-retry-config", '{"attempts": 1, "delay": 5}'),
    ],
)
async def test_an_ill_formed_wish_is_refused(
    prompts: GatewayUnderTest, name: str, value: str
) -> None:
    """Contract, section 4: 400 that names the header."""
    answer = await prompts.chat("support-bot", "x", headers={name: value})
    assert answer.status_code == 400
    assert name in answer.json()["error"]["message"]
