"""A model whose own maximum nobody knows: what was reserved is what the provider is told (P2)."""

from __future__ import annotations

import pytest

from extproc.exchange.bounds import OUTPUT_TOKENS_UNKNOWN
from tests.e2e.conftest import Start
from tests.e2e.documents import Documents
from tests.e2e.provider_child import ProviderUnderTest

pytestmark = pytest.mark.e2e

MODEL = {"id": "gpt-4o-mini", "price": {"input_per_mtok": 1, "output_per_mtok": 1}}
BUDGET = {"id": "day", "limit_to": 10, "unit": "cost_per_day",
          "when": {"subjects": ["team:counted"]}}  # fmt: skip


def documents(provider_url: str) -> Documents:
    made = Documents().add("gateway-config", "gateway", environment="production")
    made.provider("open", f"{provider_url}/v1", [MODEL])
    made.bot("counted-bot", team="counted", models=["open/*"])
    made.bot("free-bot", team="free", models=["open/*"])
    return made.add("gateway-budget-config", "budgets", rules=[BUDGET])


async def test_a_budget_makes_the_reserved_maximum_binding(
    start_gateway: Start, provider: ProviderUnderTest
) -> None:
    """P2: the bound is sent along, so no answer can cost more than was reserved for it."""
    gateway = start_gateway(documents(provider.url), workers=1)
    sent: dict[str, dict[str, object]] = {}
    for bot in ("counted-bot", "free-bot"):
        await provider.forget()
        assert (await gateway.chat(bot, "x", model="open/gpt-4o-mini")).status_code == 200
        sent[bot] = (await provider.request()).json
    assert sent["counted-bot"]["max_completion_tokens"] == OUTPUT_TOKENS_UNKNOWN
    assert "max_completion_tokens" not in sent["free-bot"]
