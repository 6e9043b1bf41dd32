"""Guardrails through real Envoy: redaction on the way in, withholding on the way back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.e2e.harness import MINI, SONNET, GatewayUnderTest
from tests.e2e.provider_child import ProviderUnderTest

pytestmark = pytest.mark.e2e

EMAIL, CARD = "ada.lovelace@example.com", "4111 1111 1111 1111"
TOKEN = "ghp_" + "a1B2c3D4e5" * 4
APPLIED = "x-tfy-guardrails-applied"


def adding(hook: str, *names: str) -> dict[str, str]:
    return {"x-tfy-guardrails": json.dumps({f"{hook}_guardrails": names})}


@pytest.mark.parametrize("model", [MINI, SONNET])
async def test_personal_data_never_reaches_the_provider(
    gateway: GatewayUnderTest, provider: ProviderUnderTest, model: str
) -> None:
    """Contract 2: `global/pii-redaction` changes the prompt before a provider sees it."""
    answer = await gateway.chat("support-bot", f"Write to {EMAIL}, card {CARD}.", model=model)
    assert answer.status_code == 200
    body = (await provider.request()).body
    assert EMAIL not in body and CARD not in body
    assert "Write to" in body
    assert json.loads(answer.headers[APPLIED])["global/pii-redaction"] == "mutate"


async def test_tool_arguments_are_looked_at_too(
    gateway: GatewayUnderTest, provider: ProviderUnderTest
) -> None:
    """P5: personal data in tool results and tool arguments is redacted; the JSON stays JSON."""
    call = {"id": "c1", "type": "function",
            "function": {"name": "mail", "arguments": json.dumps({"to": EMAIL})}}  # fmt: skip
    messages = [
        {"role": "user", "content": "x"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": f"sent to {EMAIL}"},
    ]
    answer = await gateway.http().post(
        "/v1/chat/completions", json={"model": MINI, "messages": messages},
        headers={"x-api-key": gateway.key("support-bot")},
    )  # fmt: skip
    assert answer.status_code == 200
    seen = await provider.request()
    assert EMAIL not in seen.body
    json.loads(seen.json["messages"][1]["tool_calls"][0]["function"]["arguments"])


@pytest.mark.parametrize("model", [MINI, SONNET])
@pytest.mark.parametrize("how", ["", "[[chars: 1]]", "[[split: 1]]"])
@pytest.mark.parametrize("streamed", [False, True])
async def test_secrets_never_reach_the_caller(
    gateway: GatewayUnderTest, model: str, how: str, streamed: bool
) -> None:
    """P5: a secret in the answer is withheld, whole or streamed, however its bytes are cut."""
    prompt = f"[[reply: the token is {TOKEN} keep it]] {how}"
    answer = await gateway.chat("support-bot", prompt, model=model, stream=streamed, max_tokens=50)
    assert answer.status_code == 200
    text = whole_text(answer.text) if streamed else message(answer.json())
    assert TOKEN[:12] not in text
    assert text.startswith("the token is ") and text.endswith(" keep it")
    entry = await gateway.entry_of(answer)
    assert entry["guardrails"]["llm_output"]["outcomes"] == {"global/secrets-detection": "mutate"}
    if not streamed:
        assert json.loads(answer.headers[APPLIED])["global/secrets-detection"] == "mutate"


def message(answer: Any) -> str:
    return str(answer["choices"][0]["message"]["content"])


def whole_text(stream: str) -> str:
    """The text of a streamed OpenAI answer that came to its end."""
    data = [line[6:] for line in stream.splitlines() if line.startswith("data: ")]
    assert data[-1] == "[DONE]", stream[-500:]
    chunks = [json.loads(d) for d in data[:-1]]
    return "".join(c["choices"][0]["delta"].get("content") or "" for c in chunks if c["choices"])


@pytest.mark.parametrize("how", ["", "[[split: 1]]"])
async def test_an_untouched_stream_passes_byte_for_byte(
    gateway: GatewayUnderTest, how: str
) -> None:
    """P5: what nobody had to change comes as the same words, to the last."""
    answer = await gateway.chat("support-bot", f"[[tokens: 200]] {how}", stream=True)
    assert len(whole_text(answer.text).split()) == 200


async def test_a_caller_may_add_a_guardrail(
    gateway: GatewayUnderTest, provider: ProviderUnderTest
) -> None:
    """Contract 3: `x-tfy-guardrails` adds; what the rules demand still runs."""
    answer = await gateway.chat(
        "support-bot", f"{EMAIL} {TOKEN}", headers=adding("llm_input", "extra/secrets-in")
    )
    assert answer.status_code == 200
    body = (await provider.request()).body
    assert TOKEN not in body and EMAIL not in body
    applied = json.loads(answer.headers[APPLIED])
    assert applied["extra/secrets-in"] == applied["global/pii-redaction"] == "mutate"


async def test_a_caller_cannot_remove_one(
    gateway: GatewayUnderTest, provider: ProviderUnderTest
) -> None:
    """Contract 3: an empty list takes nothing away."""
    answer = await gateway.chat("support-bot", EMAIL, headers=adding("llm_input"))
    assert answer.status_code == 200
    assert EMAIL not in (await provider.request()).body


@pytest.mark.parametrize(
    "value",
    ['{"llm_input_guardrails": ["global/no-such"]}', '{"no_such_hook": []}', "[]", "{", '"x"'],
)
async def test_an_unreadable_wish_is_refused(
    gateway: GatewayUnderTest, provider: ProviderUnderTest, value: str
) -> None:
    """Contract 3: an unknown name is 400."""
    async with provider.untouched():
        answer = await gateway.chat("support-bot", "x", headers={"x-tfy-guardrails": value})
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "invalid_request"


async def test_a_validating_guardrail_blocks_the_request(
    gateway: GatewayUnderTest, provider: ProviderUnderTest
) -> None:
    """Contract 4: 400 `guardrail_blocked`; the text names the guardrail and quotes nothing (P4)."""
    async with provider.untouched():
        answer = await gateway.chat("strict-bot", f"use {TOKEN}")
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["code"] == "guardrail_blocked"
    assert "extra/no-secrets" in error["message"] and TOKEN not in answer.text


async def test_a_validating_guardrail_blocks_the_answer(gateway: GatewayUnderTest) -> None:
    """Contract 4: the same for what the provider says; its tokens are charged all the same (P2)."""
    answer = await gateway.chat("strict-bot", split_token())
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "guardrail_blocked"
    assert TOKEN not in answer.text
    entry = await gateway.entry_of(answer)
    assert entry["decision"]["code"] == "guardrail_blocked"
    assert entry["usage"]["output_tokens"] > 0 and entry["cost_nano_usd"] > 0


async def test_a_validating_guardrail_ends_a_stream(gateway: GatewayUnderTest) -> None:
    """P5: a stream ends with an error event; nothing of the provider follows, not even [DONE]."""
    answer = await gateway.chat("strict-bot", split_token(), stream=True)
    assert answer.status_code == 200
    data = [line[6:] for line in answer.text.splitlines() if line.startswith("data: ")]
    assert json.loads(data[-1])["error"]["code"] == "guardrail_blocked"
    assert TOKEN[:12] not in answer.text and "[DONE]" not in answer.text
    entry = await gateway.entry_of(answer)
    assert entry["decision"]["code"] == "guardrail_blocked"


def split_token() -> str:
    """A prompt that holds no secret, for an answer that does: the escape hides its first letter."""
    return '[[tool: save {"key": "\\u0067' + TOKEN[1:] + '"}]]'
