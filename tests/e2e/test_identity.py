"""Who may call what: keys, their life, scope, metadata contract, environment pin."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest

from tests.e2e.harness import MINI, SONNET, GatewayUnderTest
from tests.e2e.provider_child import ProviderUnderTest

pytestmark = pytest.mark.e2e

BODY = {"model": MINI, "messages": [{"role": "user", "content": "x"}]}
PATH = "/v1/chat/completions"
REVOKED_WITHIN_S = 5.0


async def posted(gateway: GatewayUnderTest, headers: dict[str, str]) -> tuple[int, Any]:
    answer = await gateway.http().post(PATH, json=BODY, headers=headers)
    return answer.status_code, answer.json()


@pytest.mark.parametrize("name", ["x-api-key", "x-goog-api-key", "api-key", "x-bf-vk"])
async def test_a_key_in_any_of_its_headers(gateway: GatewayUnderTest, name: str) -> None:
    """Contract 3: each of these headers carries a key."""
    status, _ = await posted(gateway, {name: gateway.key("support-bot")})
    assert status == 200


async def test_the_same_key_twice_is_one_key(gateway: GatewayUnderTest) -> None:
    """Contract 3: only two that differ are refused."""
    key = gateway.key("support-bot")
    status, _ = await posted(gateway, {"authorization": f"Bearer {key}", "x-api-key": key})
    assert status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer"},
        {"authorization": "Basic GOOD"},
        {"authorization": "Bearer ek_nobody"},
        {"authorization": "Bearer LATE"},
        {"authorization": "Bearer GOOD", "x-api-key": "OTHER"},
        {"x-api-key": "GOOD", "api-key": "ek_nobody"},
        {"authorization": "Bearer GOOD, Bearer OTHER"},
    ],
    ids=["none", "empty", "basic", "unknown", "expired", "two", "good-and-bad", "list"],
)
async def test_every_wrong_key_is_refused_in_the_same_words(
    gateway: GatewayUnderTest, provider: ProviderUnderTest, headers: dict[str, str]
) -> None:
    """Contract 4: 401 `invalid_api_key`, one text for all; nothing reaches a provider (P1)."""
    names = {"GOOD": "support-bot", "OTHER": "narrow-bot", "LATE": "late-bot"}
    for word, account in names.items():
        headers = {k: v.replace(word, gateway.key(account)) for k, v in headers.items()}
    async with provider.untouched():
        status, body = await posted(gateway, headers)
        _, unknown = await posted(gateway, {"x-api-key": "nobody"})
    assert status == 401
    assert body["error"] | {"decision_id": ""} == unknown["error"] | {"decision_id": ""}
    assert body["error"]["code"] == "invalid_api_key"


async def test_two_key_lines_that_differ_are_refused(
    gateway: GatewayUnderTest, provider: ProviderUnderTest
) -> None:
    """Contract 3: two that differ are refused, also in two lines of one header."""
    key, other = gateway.key("support-bot"), gateway.key("narrow-bot")
    answer = await gateway.http().post(
        PATH, json=BODY,
        headers=[("authorization", f"Bearer {key}"), ("authorization", f"Bearer {other}")],
    )  # fmt: skip
    assert answer.status_code == 401
    assert await provider.count() == 0


# --- keys of the store ------------------------------------------------------------------------


async def test_a_created_key_works_at_once_and_a_revoked_one_ends(
    gateway: GatewayUnderTest, provider: ProviderUnderTest
) -> None:
    """Contract 5: a new key works; revocation takes effect on every worker within 5 seconds."""
    code, out, err = await gateway.cli("key", "create", "--account", "minted-bot", "--json")
    assert code == 0, err
    made = json.loads(out)
    headers = {"x-api-key": made["key"]}
    first = await gateway.http().post(PATH, json=BODY, headers=headers)
    assert first.status_code == 200
    assert (await gateway.entry_of(first))["principal"]["key"] == made["id"]
    code, _, err = await gateway.cli("key", "revoke", made["id"])
    assert code == 0, err
    await all_refuse(gateway, headers)
    async with provider.untouched():
        answers = await asyncio.gather(*(posted(gateway, headers) for _ in range(20)))
    assert {status for status, _ in answers} == {401}


async def all_refuse(gateway: GatewayUnderTest, headers: dict[str, str]) -> None:
    """Wait until many calls in a row are refused, so that every worker has been asked."""
    deadline, in_a_row = time.monotonic() + REVOKED_WITHIN_S, 0
    while in_a_row < 20:
        in_a_row = in_a_row + 1 if (await posted(gateway, headers))[0] == 401 else 0
        assert time.monotonic() < deadline, "still accepted 5 s after its revocation"


# --- scope -------------------------------------------------------------------------------------


async def test_not_granted_and_not_there_look_the_same(
    gateway: GatewayUnderTest, provider: ProviderUnderTest
) -> None:
    """Contract 4: 403, the same for a model that does not exist and one that is not granted."""
    async with provider.untouched():
        answers = [
            await gateway.chat("narrow-bot", "x", model=model)
            for model in (SONNET, "anthropic-main/no-such", "no-such/model", "prod/claude-first")
        ]
    bodies = [{**a.json()["error"], "decision_id": ""} for a in answers]
    assert {a.status_code for a in answers} == {403}
    assert all(body == bodies[0] for body in bodies)
    assert bodies[0]["code"] == "permission_denied"
    assert {tuple(sorted(set(a.headers) - {"date"})) for a in answers} == {
        tuple(sorted(set(answers[0].headers) - {"date"}))
    }


# --- metadata ----------------------------------------------------------------------------------


def metadata(**values: Any) -> dict[str, str]:
    return {"x-tfy-metadata": json.dumps(values)}


async def test_tags_win_over_what_the_caller_says(gateway: GatewayUnderTest) -> None:
    """Contract 2: a virtual account's tags win over the caller's metadata."""
    answer = await gateway.chat(
        "support-bot", "x", headers=metadata(team="other", environment="staging", ticket_id="7")
    )
    assert answer.status_code == 200
    entry = await gateway.entry_of(answer)
    assert entry["metadata"] == {"team": "support-ai", "environment": "production",
                                 "ticket_id": "7"}  # fmt: skip


@pytest.mark.parametrize(
    ("account", "headers", "status", "code"),
    [
        ("dev-bot", {}, 403, "permission_denied"),
        ("dev-bot", metadata(environment="production"), 403, "permission_denied"),
        ("unpinned-bot", {}, 403, "permission_denied"),
        ("unpinned-bot", metadata(environment="staging"), 403, "permission_denied"),
        ("unpinned-bot", metadata(environment="production"), 200, None),
        ("teamless-bot", {}, 400, "metadata_contract_violation"),
        ("teamless-bot", metadata(team=""), 400, "metadata_contract_violation"),
        ("teamless-bot", metadata(team=7), 400, "metadata_contract_violation"),
        ("teamless-bot", metadata(team="ops"), 200, None),
        ("support-bot", {"x-tfy-metadata": "no json"}, 400, "metadata_contract_violation"),
        ("support-bot", {"x-tfy-metadata": '{"a":"1","a":"2"}'}, 400,
         "metadata_contract_violation"),
    ],
)  # fmt: skip
async def test_the_metadata_contract(
    gateway: GatewayUnderTest, provider: ProviderUnderTest, account: str, headers: dict[str, str],
    status: int, code: str | None,
) -> None:  # fmt: skip
    """Contract 4: required metadata, allowed values and the environment pin hold."""
    answer = await gateway.chat(account, "x", headers=headers)
    assert answer.status_code == status
    assert answer.json().get("error", {}).get("code") == code
    assert await provider.count() == (status == 200)
