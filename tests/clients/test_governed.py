"""The promises on every way there is: every SDK at every provider, whole and streamed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.clients.callers import CALLERS
from tests.clients.cases import Case
from tests.clients.conftest import Open
from tests.clients.stand_in import TARGETS, AllProviders
from tests.e2e.harness import GatewayUnderTest

pytestmark = pytest.mark.e2e
CARD, EMAIL = "4111 1111 1111 1111", "ada@example.com"

callers = pytest.mark.parametrize("caller", CALLERS)
targets = pytest.mark.parametrize("target", TARGETS)
streams = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


async def last_entry(gateway: GatewayUnderTest, account: str, seen: int) -> dict[str, Any]:
    """The entry that comes after the first `seen` of this account."""
    async with asyncio.timeout(15):
        while len(found := of(gateway, account)) <= seen:
            await asyncio.sleep(0.02)
    return found[-1]


def of(gateway: GatewayUnderTest, account: str) -> list[dict[str, Any]]:
    return [e for e in gateway.entries() if e.get("principal", {}).get("name") == account]


@callers
@targets
@streams
async def test_what_is_personal_does_not_reach_the_provider(
    gateway: GatewayUnderTest, provider: AllProviders, sdk: Open,
    caller: str, target: str, stream: bool,
) -> None:  # fmt: skip
    """P5: input guardrails hold whatever the caller speaks and whoever is asked. P2, P3: the entry
    has the provider's own usage, without a flag, and its cost."""
    before = len(of(gateway, "redacting-bot"))
    case = Case("personal", f"[[reply: done]] write to {EMAIL}, card {CARD}")
    heard = await sdk(caller, "redacting-bot").ask(TARGETS[target], case, stream=stream)
    assert heard.text == "done"
    (seen,) = await provider.requests()
    assert EMAIL not in seen.body and "4111" not in seen.body
    assert "[EMAIL]" in seen.body and "[CARD]" in seen.body
    entry = await last_entry(gateway, "redacting-bot", before)
    assert entry["served"]["model"] == TARGETS[target]
    usage = entry["usage"]
    assert usage["source"] == "provider" and "flags" not in usage
    assert entry["cost_nano_usd"] == usage["input_tokens"] * 1_000 + usage["output_tokens"] * 2_000
    assert {f["label"] for f in entry["guardrails"]["llm_input"]["findings"]} == {"EMAIL", "CARD"}


@callers
@targets
@streams
async def test_what_a_model_says_is_censored(
    gateway: GatewayUnderTest, provider: AllProviders, sdk: Open,
    caller: str, target: str, stream: bool,
) -> None:  # fmt: skip
    """P5: output guardrails hold on every dialect's answers, in every repeat of a stream."""
    case = Case("said", f"[[chars: 3]] [[reply: it is {CARD}, I think]]")
    heard = await sdk(caller, "censoring-bot").ask(TARGETS[target], case, stream=stream)
    assert heard.text == "it is [CARD], I think"
