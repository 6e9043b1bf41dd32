"""The provider stand-in seen by Anthropic's own SDK."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import anthropic
import pytest
from anthropic import AsyncAnthropic

from extproc.demo.provider import Provider, start


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    running = await start()
    yield running
    await running.stop()


@pytest.fixture
async def client(provider: Provider) -> AsyncIterator[AsyncAnthropic]:
    async with AsyncAnthropic(base_url=provider.url, api_key="sk-ant-test", max_retries=0) as sdk:
        yield sdk


def ask(text: str, **fields: object) -> dict:
    messages = [{"role": "user", "content": text}]
    return {"model": "claude-sonnet", "max_tokens": 100, "messages": messages, **fields}


async def test_message_quotes_the_prompt(client: AsyncAnthropic) -> None:
    """Contract 3: a message is complete for the SDK; system words are input too."""
    answer = await client.messages.create(**ask("hello there", system="be brief"))
    assert answer.content[0].text == "You said: hello there"
    assert (answer.stop_reason, answer.model) == ("end_turn", "claude-sonnet")
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (4, 4)
    assert answer.usage.cache_read_input_tokens == 0


async def test_limits_and_stops(client: AsyncAnthropic) -> None:
    """P2: max_tokens and stop sequences end the answer and say so."""
    short = await client.messages.create(**ask("[[tokens: 50]]", max_tokens=3))
    assert (short.stop_reason, short.usage.output_tokens) == ("max_tokens", 3)
    stopped = await client.messages.create(**ask("[[reply: a STOP b]]", stop_sequences=["STOP"]))
    assert (stopped.stop_reason, stopped.stop_sequence) == ("stop_sequence", "STOP")
    assert stopped.content[0].text == "a "


async def test_pinned_usage_bills_cached_tokens(client: AsyncAnthropic, provider: Provider) -> None:
    """P2: Anthropic's input tokens stand beside cached ones; all of them are billed."""
    text = "[[usage: in=12,out=34,cached=5,cache_write=3]]"
    usage = (await client.messages.create(**ask(text))).usage
    assert (usage.input_tokens, usage.output_tokens) == (12, 34)
    assert (usage.cache_read_input_tokens, usage.cache_creation_input_tokens) == (5, 3)
    billed = provider.ledger.totals["claude-sonnet"]
    assert (billed.input_tokens, billed.output_tokens) == (20, 34)


async def test_stream_events_in_order(provider: Provider) -> None:
    """P5: the events of a stream, byte for byte in the API's order and framing."""
    headers = {"x-api-key": "sk-ant-test", "anthropic-version": "2023-06-01"}
    async with (
        aiohttp.ClientSession(provider.url, headers=headers) as session,
        session.post("/v1/messages", json=ask("hi", stream=True)) as response,
    ):
        raw = await response.text()
        assert response.content_type == "text/event-stream"
    frames = raw.split("\n\n")
    assert frames.pop() == ""
    assert [frame.split("\n")[0].removeprefix("event: ") for frame in frames] == [
        "message_start",
        "content_block_start",
        "ping",
        *["content_block_delta"] * 3,
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert all(frame.split("\n")[1].startswith("data: {") for frame in frames)


TOOLS = [{"name": name, "input_schema": {"type": "object"}} for name in "fg"]
PARALLEL = '[[reply: let me look]] [[tool: f {"city": "Paris"}]] [[tool: g {"x": [[1]]}]]'


@pytest.mark.parametrize("text", ["hi", PARALLEL, "[[tool: f]]", PARALLEL + "[[chars: 2]]"])
async def test_stream_accumulates_to_the_whole_message(client: AsyncAnthropic, text: str) -> None:
    """P5: text, tool calls, stop reason and usage of a stream are those of the whole message."""
    whole = await client.messages.create(**ask(text, tools=TOOLS))
    async with client.messages.stream(**ask(text, tools=TOOLS)) as stream:
        final = await stream.get_final_message()
    assert final.stop_reason == whole.stop_reason
    assert final.usage.output_tokens == whole.usage.output_tokens
    shown = [
        [(b.type, getattr(b, "text", None), getattr(b, "input", None)) for b in answer.content]
        for answer in (final, whole)
    ]
    assert shown[0] == shown[1]


async def test_tools_come_after_text_and_end_with_their_result(client: AsyncAnthropic) -> None:
    """P5: blocks in order; an agent that answers the calls gets a text, not the calls again."""
    first = await client.messages.create(**ask(PARALLEL, tools=TOOLS))
    assert [block.type for block in first.content] == ["text", "tool_use", "tool_use"]
    assert first.stop_reason == "tool_use"
    assert first.content[2].input == {"x": [[1]]}
    results = [
        {"type": "tool_result", "tool_use_id": block.id, "content": "12 degrees"}
        for block in first.content[1:]
    ]
    messages = [
        {"role": "user", "content": PARALLEL},
        {"role": "assistant", "content": first.content},
        {"role": "user", "content": results},
    ]
    second = await client.messages.create(
        model="claude-sonnet", max_tokens=100, messages=messages, tools=TOOLS
    )
    assert second.content[0].text == "The tool said: 12 degrees 12 degrees"


async def test_a_forced_tool_is_called(client: AsyncAnthropic) -> None:
    """Contract 3: `tool_choice` leaves the model no way around."""
    answer = await client.messages.create(**ask("hi", tools=TOOLS, tool_choice={"type": "any"}))
    assert answer.content[0].name == "f"


async def test_counting_tokens_costs_nothing(client: AsyncAnthropic, provider: Provider) -> None:
    """Contract 3: count_tokens answers the input count and bills none of it."""
    counted = await client.messages.count_tokens(
        model="claude-sonnet", messages=[{"role": "user", "content": "one two three"}]
    )
    assert counted.input_tokens == 3
    assert provider.ledger.totals["claude-sonnet"].input_tokens == 0


async def test_models(client: AsyncAnthropic) -> None:
    """Contract 3: with Anthropic's headers the model list has Anthropic's shape."""
    assert "claude-sonnet" in [model.id async for model in client.models.list()]


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (400, anthropic.BadRequestError, "invalid_request_error"),
        (401, anthropic.AuthenticationError, "authentication_error"),
        (403, anthropic.PermissionDeniedError, "permission_error"),
        (404, anthropic.NotFoundError, "not_found_error"),
        (429, anthropic.RateLimitError, "rate_limit_error"),
        (500, anthropic.InternalServerError, "api_error"),
        (529, anthropic.APIStatusError, "overloaded_error"),
    ],
)
async def test_scripted_status(
    client: AsyncAnthropic, status: int, error: type[anthropic.APIStatusError], kind: str
) -> None:
    """Contract 4: an error of the provider has its status and Anthropic's shape."""
    with pytest.raises(error) as caught:
        await client.messages.create(**ask(f"[[status: {status}]]"))
    body = caught.value.body
    assert (body["type"], body["error"]["type"]) == ("error", kind)
    assert caught.value.status_code == status
    assert body["request_id"] == caught.value.request_id


@pytest.mark.parametrize(
    ("left_out", "status", "message"),
    [
        ("x-api-key", 401, "x-api-key header is required"),
        ("anthropic-version", 400, "anthropic-version: header is required"),
        ("max_tokens", 400, "max_tokens: Field required"),
        ("messages", 400, "messages: Field required"),
    ],
)
async def test_what_is_required(
    provider: Provider, left_out: str, status: int, message: str
) -> None:
    """P1: key, version, max_tokens and messages are required, in the API's words."""
    headers = {"x-api-key": "sk-ant-test", "anthropic-version": "2023-06-01"}
    body = ask("hi")
    headers.pop(left_out, None)
    body.pop(left_out, None)
    async with (
        aiohttp.ClientSession(provider.url, headers=headers) as session,
        session.post("/v1/messages", json=body) as response,
    ):
        assert response.status == status
        assert (await response.json())["error"]["message"] == message


@pytest.mark.parametrize(
    "fields",
    [
        {"max_completion_tokens": 5},
        {"temperature": 1.0},
        {"max_tokens": True},
        {"max_tokens": 0},
        {"messages": [{"role": "system", "content": "x"}]},
        {"messages": []},
    ],
)
async def test_what_the_api_does_not_know_is_refused(client: AsyncAnthropic, fields: dict) -> None:
    """Contract 4: a gateway that forwards a field of another dialect is found out."""
    with pytest.raises(anthropic.BadRequestError):
        await client.messages.create(**ask("hi"), extra_body=fields)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"x-api-key": "sk-a", "anthropic-version": "2023-06-01"}, 200),
        ({"authorization": "Bearer sk-a", "anthropic-version": "2026-10-21"}, 400),
        ({"x-api-key": "no", "authorization": "Bearer sk-a"}, 401),
        ({"x-api-key": "sk-a", "anthropic-version": "1999-01-01"}, 400),
    ],
)
async def test_versions_and_both_ways_of_sending_a_key(
    provider: Provider, headers: dict, status: int
) -> None:
    """Contract 3: the key comes in either header; version 2026-10-21 has no temperature."""
    body = ask("hi", temperature=0.5)
    async with (
        aiohttp.ClientSession(provider.url, headers=headers) as session,
        session.post("/v1/messages", json=body) as response,
    ):
        assert response.status == status


async def test_a_system_message_follows_a_user_message(client: AsyncAnthropic) -> None:
    """Contract 3: newer models take system messages inside the conversation; words count."""
    later = {"messages": [{"role": "user", "content": "a b"}, {"role": "system", "content": "c"}]}
    answer = await client.messages.create(**{**ask(""), **later})
    assert (answer.content[0].text, answer.usage.input_tokens) == ("You said: a b", 3)


async def test_a_cut_stream_raises(client: AsyncAnthropic, provider: Provider) -> None:
    """P2: a connection that breaks midway raises; what had been generated is billed."""
    stream = await client.messages.create(**ask("[[tokens: 9]][[cut: 5]]", stream=True))
    with pytest.raises(Exception, match=r"(?i)connection|incomplete|closed"):
        [event async for event in stream]
    billed = provider.ledger.totals["claude-sonnet"]
    assert (billed.cut, billed.output_tokens) == (1, 2)


async def test_an_error_inside_a_stream_raises(client: AsyncAnthropic) -> None:
    """P5: a stream that began with 200 may end with an error event."""
    stream = await client.messages.create(**ask("[[stream-error: 4]]", stream=True))
    with pytest.raises(anthropic.APIStatusError, match="Overloaded"):
        [event async for event in stream]
