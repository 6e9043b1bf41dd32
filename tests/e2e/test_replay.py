"""`envelope policy replay` over the log of a real gateway."""

from __future__ import annotations

import json

import pytest

from tests.e2e.harness import MINI, GatewayUnderTest
from tests.e2e.provider_child import ProviderUnderTest

pytestmark = pytest.mark.e2e

CUSTOMER = {"x-tfy-metadata": '{"data_class": "customer_pii"}'}
CLOSED = "package envelope.authz\n\nimport rego.v1\n\ndefault allow := false\n"


async def test_the_whole_session_comes_out_as_recorded(
    gateway: GatewayUnderTest, provider: ProviderUnderTest
) -> None:
    """P6: whatever this gateway has decided so far follows from its log and its archive; a bundle
    that allows nothing would have refused every call that went through."""
    answers = [
        await gateway.chat("support-bot", "x", model=MINI),
        await gateway.chat("support-bot", "x", model=MINI, headers=CUSTOMER),
        await gateway.chat("narrow-bot", "x", model="openai-main/nothing"),
        await gateway.chat("tight-bot", "x", model=MINI),
        await gateway.chat("tight-bot", "x", model=MINI),
        await gateway.chat("broke-bot", "x", model=MINI),
        await gateway.chat("strict-bot", "AKIAIOSFODNN7EXAMPLE ghp_" + "a1B2" * 9, model=MINI),
        await gateway.chat("extra-bot", "x", model="prod/even"),
    ]
    ids = {(await gateway.entry_of(answer))["decision_id"] for answer in answers}
    code, out, err = await gateway.cli("policy", "replay", "--json")
    report = json.loads(out)
    assert (code, report["differences"]) == (0, []), err
    assert report["same"] == report["decided"] >= len(ids)
    assert {"permission_denied", "budget_exceeded", "let_through"} <= report["by_code"].keys()
    closed = gateway.folder / "closed"
    closed.mkdir(exist_ok=True)
    (closed / "authz.rego").write_text(CLOSED)
    code, out, err = await gateway.cli(
        "policy", "replay", "--policy", str(closed), "--fail-on-change", "--json"
    )
    changes = json.loads(out)
    assert code == 1 and 3 <= changes["newly_refused"] <= report["by_code"]["let_through"], err
    assert changes["newly_allowed"] == changes["other_target"] == 0
