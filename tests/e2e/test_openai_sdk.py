"""The official openai SDK, unchanged but for base URL and key, through real Envoy."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest

from tests.e2e.harness import MINI, SONNET, GatewayUnderTest
from tests.e2e.provider_child import ProviderUnderTest

pytestmark = pytest.mark.e2e

TOOLS: Any = [
    {"type": "function", "function": {"name": name, "parameters": {
        "type": "object", "properties": {"q": {"type": "string"}}}}}
    for name in ("search", "weather")
]  # fmt: skip
CALLS = '[[tool: search {"q": "rain"}]] [[tool: weather {"q": "Oslo"}]]'
EXPECTED = [("search", {"q": "rain"}), ("weather", {"q": "Oslo"})]


def ask(prompt: str) -> Any:
    return [{"role": "user", "content": prompt}]


@pytest.mark.parametrize("base", ["/v1", "/openai/v1"])
@pytest.mark.parametrize("model", [MINI, SONNET])
async def test_a_whole_answer(gateway: GatewayUnderTest, base: str, model: str) -> None:
    """Contract 3: an official SDK works after changing base URL and key alone."""
    client = gateway.openai("support-bot", base)
    answer = await client.chat.completions.create(
        model=model, messages=ask("[[reply: fine weather]] hi"), max_tokens=20
    )
    assert answer.choices[0].message.content == "fine weather"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None and answer.usage.completion_tokens == 2


@pytest.mark.parametrize("model", [MINI, SONNET])
@pytest.mark.parametrize("asked", [False, True])
async def test_a_stream(gateway: GatewayUnderTest, model: str, asked: bool) -> None:
    """P5: a stream brings the same text; a usage chunk comes only to those who asked for it."""
    client = gateway.openai("support-bot")
    options: Any = {"stream_options": {"include_usage": True}} if asked else {}
    text, usages, empty = "", [], 0
    async for chunk in await client.chat.completions.create(
        model=model, messages=ask("[[tokens: 40]]"), max_tokens=100, stream=True, **options
    ):
        empty += not chunk.choices
        text += "".join(choice.delta.content or "" for choice in chunk.choices)
        usages += [chunk.usage] if chunk.usage else []
    assert len(text.split()) == 40
    assert [usage.completion_tokens for usage in usages] == ([40] if asked else [])
    assert empty == asked


@pytest.mark.parametrize("model", [MINI, SONNET])
async def test_parallel_tool_calls(gateway: GatewayUnderTest, model: str) -> None:
    """P5: tool calls come whole, in order, with their arguments."""
    client = gateway.openai("support-bot")
    answer = await client.chat.completions.create(
        model=model, messages=ask(CALLS), tools=TOOLS, max_tokens=50
    )
    calls: Any = answer.choices[0].message.tool_calls
    assert [(c.function.name, json.loads(c.function.arguments)) for c in calls] == EXPECTED
    assert answer.choices[0].finish_reason == "tool_calls"


@pytest.mark.parametrize("model", [MINI, SONNET])
async def test_parallel_tool_calls_streamed(gateway: GatewayUnderTest, model: str) -> None:
    """P5: the same tool calls come out of a stream's deltas."""
    client = gateway.openai("support-bot")
    names: dict[int, str] = {}
    arguments: dict[int, str] = {}
    async for chunk in await client.chat.completions.create(
        model=model, messages=ask(CALLS), tools=TOOLS, max_tokens=50, stream=True
    ):
        for call in chunk.choices[0].delta.tool_calls or ():
            assert call.function is not None
            names[call.index] = names.get(call.index, "") + (call.function.name or "")
            so_far = arguments.get(call.index, "")
            arguments[call.index] = so_far + (call.function.arguments or "")
    assert [(names[i], json.loads(arguments[i])) for i in sorted(names)] == EXPECTED


@pytest.mark.parametrize("model", [MINI, SONNET])
async def test_the_agent_loop_ends(gateway: GatewayUnderTest, model: str) -> None:
    """Contract 3: a tool's result goes back to the model that called it."""
    client = gateway.openai("support-bot")
    messages = ask(CALLS)
    first = await client.chat.completions.create(
        model=model, messages=messages, tools=TOOLS, max_tokens=50
    )
    message = first.choices[0].message
    results = [{"role": "tool", "tool_call_id": call.id, "content": "sunny"}
               for call in message.tool_calls or ()]  # fmt: skip
    again: Any = [*messages, message.model_dump(exclude_none=True), *results]
    second = await client.chat.completions.create(
        model=model, messages=again, tools=TOOLS, max_tokens=50
    )
    assert "sunny" in (second.choices[0].message.content or "")


async def test_embeddings(gateway: GatewayUnderTest) -> None:
    """P5: embeddings are governed and answered like chats."""
    client = gateway.openai("extra-bot")
    raw = await client.embeddings.with_raw_response.create(
        model="extra/text-embedding-3-small", input=["one two", "three"]
    )
    answer = raw.parse()
    assert [len(item.embedding) for item in answer.data] == [1536, 1536]
    entry = await gateway.entry(raw.headers["x-envelope-decision-id"])
    assert entry["usage"]["input_tokens"] == 3
    assert entry["cost_nano_usd"] == 3 * 20


async def test_the_list_of_models_is_what_the_key_may_call(gateway: GatewayUnderTest) -> None:
    """Contract 3: `/v1/models` names what this key may call, nothing else."""
    narrow = [m.id async for m in gateway.openai("narrow-bot").models.list()]
    assert narrow == [MINI]
    support = {m.id async for m in gateway.openai("support-bot").models.list()}
    assert {MINI, SONNET, "prod/engineering-assistant"} <= support
    assert not any(name.startswith("extra/") for name in support)


# --- errors: the SDK raises its own classes ----------------------------------------------------


async def test_an_unknown_key_is_an_authentication_error(gateway: GatewayUnderTest) -> None:
    """Contract 4: 401 `invalid_api_key`, with the decision id in body and header."""
    with pytest.raises(openai.AuthenticationError) as caught:
        await gateway.openai("support-bot", key="sk-nobody").models.list()
    assert caught.value.code == "invalid_api_key"
    body: Any = caught.value.body
    assert body["decision_id"] == caught.value.response.headers["x-envelope-decision-id"]


async def test_a_model_out_of_scope_is_a_permission_error(gateway: GatewayUnderTest) -> None:
    """Contract 4: 403 `permission_denied`."""
    with pytest.raises(openai.PermissionDeniedError) as caught:
        await gateway.openai("narrow-bot").chat.completions.create(model=SONNET, messages=ask("x"))
    assert caught.value.code == "permission_denied"


async def test_an_ill_typed_field_is_a_bad_request(gateway: GatewayUnderTest) -> None:
    """Contract 4: 400 `invalid_request`, naming the field."""
    wrong: Any = [{"role": "nobody", "content": "x"}]
    with pytest.raises(openai.BadRequestError) as caught:
        await gateway.openai("support-bot").chat.completions.create(model=MINI, messages=wrong)
    assert caught.value.code == "invalid_request"
    assert caught.value.param == "messages[0].role"


async def test_a_used_up_limit_is_a_rate_limit_error(gateway: GatewayUnderTest) -> None:
    """Contract 4: 429 `rate_limit_exceeded` names its rule and says when to come again."""
    client = gateway.openai("tight-bot")
    for _ in range(2):
        caught = None
        try:
            await client.chat.completions.create(model=MINI, messages=ask("x"))
        except openai.RateLimitError as error:
            caught = error
    assert caught is not None and caught.code == "rate_limit_exceeded"
    assert "tight" in caught.message
    # An hour, and at most the piece of it by which a sliding window is rounded up.
    assert 0 < int(caught.response.headers["retry-after"]) <= 3600 * 61 / 60 + 1


@pytest.mark.parametrize("status", [400, 401, 404, 422, 429, 500, 503])
async def test_a_providers_error_keeps_its_status(gateway: GatewayUnderTest, status: int) -> None:
    """Contract 4: an error of the provider itself keeps its status."""
    with pytest.raises(openai.APIStatusError) as caught:
        await gateway.openai("support-bot").chat.completions.create(
            model=MINI, messages=ask(f"[[status: {status}]]")
        )
    assert caught.value.status_code == status
    assert caught.value.message
    entry = await gateway.entry(caught.value.response.headers["x-envelope-decision-id"])
    assert entry["decision"]["outcome"] == "upstream_error"
    assert entry["decision"]["http_status"] == status


async def test_a_provider_that_refuses_the_key_does_not_show_it(
    gateway: GatewayUnderTest, provider: ProviderUnderTest
) -> None:
    """P4: the provider quotes the key it refused; that key is the gateway's, not the caller's."""
    answer = await gateway.chat("support-bot", "[[status: 401]]")
    assert answer.status_code == 401
    assert provider.openai_key[-4:] not in answer.text and "Incorrect API key" not in answer.text


@pytest.mark.parametrize("cut", [0, 5])
async def test_a_stream_that_breaks_off_is_an_error(gateway: GatewayUnderTest, cut: int) -> None:
    """P5: half a stream never looks like a whole one."""
    with pytest.raises(openai.APIError):
        stream = await gateway.openai("support-bot").chat.completions.create(
            model=MINI, messages=ask(f"[[tokens: 30]] [[cut: {cut}]]"), stream=True
        )
        async for _ in stream:
            pass
    await gateway.reserved_is_zero("team-day")
