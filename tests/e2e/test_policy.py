"""The shipped policy, asked once per candidate target."""

from __future__ import annotations

import pytest

from tests.e2e.harness import MINI, SONNET, GatewayUnderTest
from tests.e2e.provider_child import ProviderUnderTest

pytestmark = pytest.mark.e2e

CUSTOMER = {"x-tfy-metadata": '{"data_class": "customer_pii"}'}


async def test_customer_data_does_not_leave_the_region(
    gateway: GatewayUnderTest, provider: ProviderUnderTest
) -> None:
    """Contract 2: `data_class: customer_pii` reaches targets of region `eu` only."""
    async with provider.untouched():
        answer = await gateway.chat("support-bot", "x", model=MINI, headers=CUSTOMER)
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "permission_denied"
    entry = await gateway.entry_of(answer)
    assert entry["policy"]["allow"] is False and entry["policy"]["targets"][MINI]["reasons"]


async def test_a_target_that_is_not_allowed_falls_out_of_the_plan(
    gateway: GatewayUnderTest, provider: ProviderUnderTest
) -> None:
    """Contract 3: what remains of the plan serves, also when it then fails."""
    model = "prod/engineering-assistant"
    answer = await gateway.chat("support-bot", "x", model=model, headers=CUSTOMER)
    assert answer.status_code == 200
    assert answer.headers["x-tfy-resolved-model"] == SONNET
    assert (await gateway.entry_of(answer))["plan"] == [SONNET]
    await provider.fault("claude-sonnet", status=503)
    answer = await gateway.chat("support-bot", "x", model=model, headers=CUSTOMER)
    assert answer.status_code == 503
    assert {request.model for request in await provider.requests()} == {"claude-sonnet"}
