"""The input of a policy."""

from __future__ import annotations

import json
from pathlib import Path

from extproc.config.model import ModelSpec, ProviderAccount
from extproc.identity.principal import Principal
from extproc.llm.call import LlmCall
from extproc.policy.input import for_targets, shared_part
from extproc.routing.values import Target


def target(account: str, region: str | None) -> Target:
    model = ModelSpec(id="gpt-4o-mini")
    found = ProviderAccount(
        type="provider-account", name=account, provider="openai", base_url="http://127.0.0.1:1",
        region=region, models=(model,),
    )  # fmt: skip
    return Target(found, model)


def inputs(*targets: Target) -> list[dict]:  # type: ignore[type-arg]
    shared = shared_part(
        principal=Principal("virtual-account", "support-bot", "first", "support-ai",
                            models=("openai-main/*",), tags={"team": "support-ai"}),
        metadata={"team": "support-ai", "environment": "production", "data_class": "customer_pii"},
        environment="production",
        call=LlmCall("chat", "prod/engineering-assistant", False, 500, 1, ("search",)),
        dialect="openai", input_tokens=812, time="2026-11-20T15:04:05Z",
    )  # fmt: skip
    return for_targets(shared, targets)


CONTRACT = json.loads("""
{"principal": {"type": "virtual-account", "name": "support-bot", "team": "support-ai",
               "key": "first", "claims": {}},
 "metadata": {"team": "support-ai", "environment": "production", "data_class": "customer_pii"},
 "environment": "production",
 "request": {"operation": "chat", "dialect": "openai", "model": "prod/engineering-assistant",
             "stream": false, "input_tokens": 812, "max_tokens": 500, "tools": ["search"],
             "time": "2026-11-20T15:04:05Z"},
 "resource": {"model": "openai-main/gpt-4o-mini", "account": "openai-main", "provider": "openai",
              "region": "us", "kind": "external"}}
""")


def test_the_input_is_the_contracts() -> None:
    """Contract, policies: the sample input, plus a user's teams and mail address."""
    (found,) = inputs(target("openai-main", "us"))
    assert found["principal"].pop("teams") == []
    assert found["principal"].pop("email") is None
    assert found == CONTRACT


def test_each_target_has_its_own_resource_and_shares_the_rest() -> None:
    """P6: one input per candidate target; P8: the shared part is built once."""
    first, second = inputs(target("a", "eu"), target("b", None))
    assert first["resource"]["region"] == "eu"
    assert second["resource"] == {
        "model": "b/gpt-4o-mini", "account": "b", "provider": "openai", "region": None,
        "kind": "external",
    }  # fmt: skip
    assert first["principal"] is second["principal"]


def test_the_core_of_policies_does_no_io() -> None:
    """Style 2: what builds and reads values imports no driver."""
    folder = Path(__file__).parents[2] / "extproc" / "policy"
    for name in ("input.py", "decision.py", "values.py"):
        text = (folder / name).read_text()
        assert not any(f"import {x}" in text for x in ("aiohttp", "regorus", "grpc", "time", "os"))
