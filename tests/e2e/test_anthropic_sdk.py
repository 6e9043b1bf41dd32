"""The official anthropic SDK, unchanged but for base URL and key, through real Envoy."""

from __future__ import annotations

from typing import Any

import anthropic
import pytest

from tests.e2e.harness import MINI, SONNET, GatewayUnderTest
from tests.e2e.provider_child import ProviderUnderTest

pytestmark = pytest.mark.e2e

TOOLS: Any = [
    {"name": name, "input_schema": {"type": "object", "properties": {"q": {"type": "string"}}}}
    for name in ("search", "weather")
]
CALLS = '[[tool: search {"q": "rain"}]] [[tool: weather {"q": "Oslo"}]]'
EXPECTED = [("search", {"q": "rain"}), ("weather", {"q": "Oslo"})]


def ask(prompt: str) -> Any:
    return [{"role": "user", "content": prompt}]


@pytest.mark.parametrize("base", ["", "/anthropic"])
@pytest.mark.parametrize("model", [SONNET, MINI])
async def test_a_whole_answer(gateway: GatewayUnderTest, base: str, model: str) -> None:
    """Contract 3: an official SDK works after changing base URL and key alone."""
    answer = await gateway.anthropic("support-bot", base).messages.create(
        model=model, max_tokens=20, messages=ask("[[reply: fine weather]] hi")
    )
    assert [block.text for block in answer.content if block.type == "text"] == ["fine weather"]
    assert answer.stop_reason == "end_turn"
    assert answer.usage.output_tokens == 2


@pytest.mark.parametrize("model", [SONNET, MINI])
async def test_a_stream(gateway: GatewayUnderTest, model: str) -> None:
    """P5: a stream brings the same text and the usage at its end."""
    async with gateway.anthropic("support-bot").messages.stream(
        model=model, max_tokens=100, messages=ask("[[tokens: 40]]")
    ) as stream:
        text = "".join([piece async for piece in stream.text_stream])
        message = await stream.get_final_message()
    assert len(text.split()) == 40
    assert message.usage.output_tokens == 40
    assert message.stop_reason == "end_turn"


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("model", [SONNET, MINI])
async def test_parallel_tool_calls(gateway: GatewayUnderTest, model: str, streamed: bool) -> None:
    """P5: tool calls come whole, in order, with their arguments, streamed or not."""
    client = gateway.anthropic("support-bot")
    fields: Any = {"model": model, "max_tokens": 50, "messages": ask(CALLS), "tools": TOOLS}
    if streamed:
        async with client.messages.stream(**fields) as stream:
            message = await stream.get_final_message()
    else:
        message = await client.messages.create(**fields)
    calls = [(b.name, b.input) for b in message.content if b.type == "tool_use"]
    assert calls == EXPECTED
    assert message.stop_reason == "tool_use"


@pytest.mark.parametrize("model", [SONNET, MINI])
async def test_the_agent_loop_ends(gateway: GatewayUnderTest, model: str) -> None:
    """Contract 3: a tool's result goes back to the model that called it."""
    client = gateway.anthropic("support-bot")
    fields: Any = {"model": model, "max_tokens": 50, "tools": TOOLS}
    messages = ask(CALLS)
    first = await client.messages.create(messages=messages, **fields)
    results = [{"type": "tool_result", "tool_use_id": block.id, "content": "sunny"}
               for block in first.content if block.type == "tool_use"]  # fmt: skip
    content: Any = [block.model_dump(exclude_none=True) for block in first.content]
    again = [*messages, {"role": "assistant", "content": content},
             {"role": "user", "content": results}]  # fmt: skip
    second = await client.messages.create(messages=again, **fields)
    assert any("sunny" in block.text for block in second.content if block.type == "text")


async def test_an_unknown_key_is_an_authentication_error(gateway: GatewayUnderTest) -> None:
    """Contract 4: the body follows the caller's dialect, `code` beside `type`."""
    with pytest.raises(anthropic.AuthenticationError) as caught:
        await gateway.anthropic("support-bot", key="sk-nobody").messages.create(
            model=SONNET, max_tokens=5, messages=ask("x")
        )
    body: Any = caught.value.body
    assert body["type"] == "error" and body["error"]["code"] == "invalid_api_key"


async def test_a_model_out_of_scope_is_a_permission_error(gateway: GatewayUnderTest) -> None:
    """Contract 4: 403 in Anthropic's shape."""
    with pytest.raises(anthropic.PermissionDeniedError) as caught:
        await gateway.anthropic("narrow-bot").messages.create(
            model=SONNET, max_tokens=5, messages=ask("x")
        )
    body: Any = caught.value.body
    assert body["error"]["code"] == "permission_denied"


@pytest.mark.parametrize("model", [SONNET, MINI])
@pytest.mark.parametrize("status", [400, 429, 500, 529])
async def test_a_providers_error_keeps_its_status(
    gateway: GatewayUnderTest, model: str, status: int
) -> None:
    """Contract 4: an error of the provider keeps its status, in the caller's dialect."""
    with pytest.raises(anthropic.APIStatusError) as caught:
        await gateway.anthropic("support-bot").messages.create(
            model=model, max_tokens=5, messages=ask(f"[[status: {status}]]")
        )
    assert caught.value.status_code == status
    body: Any = caught.value.body
    assert body["type"] == "error" and body["error"]["message"]


async def test_the_callers_api_version_reaches_the_provider(
    gateway: GatewayUnderTest, provider: ProviderUnderTest
) -> None:
    """Contract 3: a passed-through body goes with the version it was written for."""
    client = gateway.anthropic("support-bot", default_headers={"anthropic-version": "2023-01-01"})
    await client.messages.create(model=SONNET, max_tokens=5, messages=ask("x"))
    assert (await provider.request()).headers["anthropic-version"] == "2023-01-01"
