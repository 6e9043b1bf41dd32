"""The provider stand-in seen by OpenAI's own SDK."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import aiohttp
import openai
import pytest
from openai import AsyncOpenAI

from extproc.demo.provider import Provider, start


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    running = await start()
    yield running
    await running.stop()


@pytest.fixture
async def client(provider: Provider) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(
        base_url=f"{provider.url}/v1", api_key="sk-test-0123456789abcdef", max_retries=0
    ) as sdk:
        yield sdk


def ask(text: str, **fields: object) -> dict:
    return {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": text}], **fields}


async def test_chat_quotes_the_prompt_and_counts_words(client: AsyncOpenAI) -> None:
    """Contract 3: a chat answer is complete for the SDK, its usage the words it holds."""
    answer = await client.chat.completions.create(**ask("my mail is a@b.example"))
    assert answer.choices[0].message.content == "You said: my mail is a@b.example"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.model == "gpt-4o-mini-2024-07-18"
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (4, 6)
    assert answer.usage.total_tokens == 10


async def test_content_parts_and_system_texts_count(client: AsyncOpenAI) -> None:
    """P2: every text sent is input; the last user message is the prompt."""
    parts = [{"type": "text", "text": "one two"}, {"type": "text", "text": "three"}]
    answer = await client.chat.completions.create(
        model="any-model",
        messages=[
            {"role": "system", "content": "be brief"},
            {"role": "user", "content": "earlier [[status: 500]]"},
            {"role": "assistant", "content": "yes"},
            {"role": "user", "content": parts},
        ],
    )
    assert answer.model == "any-model"
    assert answer.choices[0].message.content == "You said: one two three"
    assert answer.usage.prompt_tokens == 2 + 3 + 1 + 3


async def test_limits_stops_and_choices(client: AsyncOpenAI) -> None:
    """P2: max tokens, stop sequences and `n` shape the answer and its usage."""
    create = client.chat.completions.create
    short = await create(**ask("[[tokens: 50]]", max_completion_tokens=7, max_tokens=9))
    assert short.choices[0].finish_reason == "length"
    assert short.usage.completion_tokens == 7 == len(short.choices[0].message.content.split())
    stopped = await create(**ask("[[reply: one two STOP three]]", stop=["STOP"], n=2))
    assert [c.message.content for c in stopped.choices] == ["one two ", "one two "]
    assert [c.index for c in stopped.choices] == [0, 1]
    assert stopped.usage.completion_tokens == 4


async def test_stream_with_usage(client: AsyncOpenAI, provider: Provider) -> None:
    """P5: a stream carries the same text; `usage` only in the last chunk, which has no choices."""
    options = {"include_usage": True}
    stream = await client.chat.completions.create(
        **ask("hello there", stream=True, stream_options=options)
    )
    chunks = [chunk async for chunk in stream]
    deltas = [chunk.choices[0].delta for chunk in chunks[:-1]]
    assert "".join(delta.content or "" for delta in deltas) == "You said: hello there"
    assert deltas[0].role == "assistant"
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].choices == []
    assert chunks[-1].usage.completion_tokens == 4
    assert all("usage" in c.model_fields_set and c.usage is None for c in chunks[:-1])
    assert provider.ledger.totals["gpt-4o-mini"].output_tokens == 4


async def test_stream_without_usage_has_no_usage_key(client: AsyncOpenAI) -> None:
    """P2: what a caller did not ask for is not there; a gateway has to ask for it."""
    stream = await client.chat.completions.create(**ask("hi", stream=True))
    chunks = [chunk async for chunk in stream]
    assert all("usage" not in chunk.model_fields_set for chunk in chunks)
    assert all(chunk.choices for chunk in chunks)


@pytest.mark.parametrize("chars", ["", "[[chars: 1]]"])
async def test_stream_of_choices_bills_all_of_them(
    client: AsyncOpenAI, provider: Provider, chars: str
) -> None:
    """P2: `n` choices of a stream are generated and billed each."""
    options = {"include_usage": True}
    text = f"[[reply: one two three]]{chars}"
    stream = await client.chat.completions.create(
        **ask(text, stream=True, n=3, stream_options=options)
    )
    texts = ["", "", ""]
    async for chunk in stream:
        for choice in chunk.choices:
            texts[choice.index] += choice.delta.content or ""
    assert texts == ["one two three"] * 3
    assert chunk.usage.completion_tokens == 9
    assert provider.ledger.totals["gpt-4o-mini"].output_tokens == 9


TOOLS = [{"type": "function", "function": {"name": name, "parameters": {}}} for name in "fg"]
PARALLEL = 'go [[tool: f {"city": "Paris", "n": [[1]]}]] [[tool: g {"x": "y"}]]'


async def test_parallel_tool_calls(client: AsyncOpenAI) -> None:
    """P5: tool calls carry ids, names and JSON arguments; content is null beside them."""
    answer = await client.chat.completions.create(**ask(PARALLEL, tools=TOOLS))
    message = answer.choices[0].message
    assert answer.choices[0].finish_reason == "tool_calls"
    assert message.content is None
    assert [call.function.name for call in message.tool_calls] == ["f", "g"]
    assert json.loads(message.tool_calls[0].function.arguments) == {"city": "Paris", "n": [[1]]}
    assert len({call.id for call in message.tool_calls}) == 2


@pytest.mark.parametrize("text", [PARALLEL, '[[tool: f {"city": "Paris", "n": [[1]]}]]'])
async def test_streamed_tool_calls_are_the_same(client: AsyncOpenAI, text: str) -> None:
    """P5: the SDK's own accumulation of a stream gives the tool calls of the whole answer."""
    whole = await client.chat.completions.create(**ask(text, tools=TOOLS))
    async with client.chat.completions.stream(**ask(text, tools=TOOLS)) as stream:
        final = await stream.get_final_completion()
    expected = [call.function for call in whole.choices[0].message.tool_calls]
    got = [call.function for call in final.choices[0].message.tool_calls]
    assert [(c.name, c.arguments) for c in got] == [(c.name, c.arguments) for c in expected]
    assert final.choices[0].finish_reason == "tool_calls"


async def test_a_tool_result_ends_the_loop(client: AsyncOpenAI) -> None:
    """Contract (demo): an agent that answers the tool call gets a text, not the call again."""
    first = await client.chat.completions.create(**ask("[[tool: f {}]]", tools=TOOLS))
    call = first.choices[0].message
    messages = [
        {"role": "user", "content": "[[tool: f {}]]"},
        call.model_dump(exclude_none=True),
        {"role": "tool", "tool_call_id": call.tool_calls[0].id, "content": "12 degrees"},
    ]
    second = await client.chat.completions.create(model="gpt-4o", messages=messages, tools=TOOLS)
    assert second.choices[0].message.content == "The tool said: 12 degrees"


async def test_a_forced_tool_is_called(client: AsyncOpenAI) -> None:
    """Contract 3: `tool_choice` leaves the model no way around."""
    answer = await client.chat.completions.create(
        **ask("hi", tools=TOOLS, tool_choice={"type": "function", "function": {"name": "g"}})
    )
    assert answer.choices[0].message.tool_calls[0].function.name == "g"


@pytest.mark.parametrize(
    ("directive", "expected"),
    [
        ("in=12,out=34,cached=5,reasoning=3", (12, 34, 5, 3)),
        ("negative", (-7, -5, 0, 0)),
    ],
)
async def test_pinned_usage(client: AsyncOpenAI, directive: str, expected: tuple[int, ...]) -> None:
    """P2: usage says what the script says, absurd or not."""
    answer = await client.chat.completions.create(**ask(f"hi [[usage: {directive}]]"))
    usage = answer.usage
    assert expected == (
        usage.prompt_tokens,
        usage.completion_tokens,
        usage.prompt_tokens_details.cached_tokens,
        usage.completion_tokens_details.reasoning_tokens,
    )


async def test_hidden_usage_is_still_billed(client: AsyncOpenAI, provider: Provider) -> None:
    """P2: a provider that says nothing, or lies, bills what it generated all the same."""
    hidden = await client.chat.completions.create(**ask("a b [[usage: none]]"))
    assert hidden.usage is None
    await client.chat.completions.create(**ask("a b [[usage: negative]]"))
    billed = provider.ledger.totals["gpt-4o-mini"]
    assert (billed.input_tokens, billed.output_tokens) == (8, 8)


@pytest.mark.parametrize("encoding", ["float", "base64"])
async def test_embeddings(client: AsyncOpenAI, encoding: str) -> None:
    """Contract 3: one unit vector per input, the same for the same text; usage counts words."""
    answer = await client.embeddings.create(
        model="text-embedding-3-small",
        input=["one two", "three", "one two"],
        dimensions=8,
        encoding_format=encoding,
    )
    if encoding == "base64":
        assert all(isinstance(item.embedding, str) for item in answer.data)
    assert answer.data[0].embedding == answer.data[2].embedding != answer.data[1].embedding
    assert [item.index for item in answer.data] == [0, 1, 2]
    assert (answer.usage.prompt_tokens, answer.usage.total_tokens) == (5, 5)
    decoded = await client.embeddings.create(model="m", input="one two", dimensions=8)
    assert sum(x * x for x in decoded.data[0].embedding) == pytest.approx(1)


async def test_models(client: AsyncOpenAI) -> None:
    """Contract 3: the model list is a list of models."""
    assert "gpt-4o-mini" in [model.id async for model in client.models.list()]


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, openai.BadRequestError),
        (401, openai.AuthenticationError),
        (403, openai.PermissionDeniedError),
        (404, openai.NotFoundError),
        (429, openai.RateLimitError),
        (500, openai.InternalServerError),
        (503, openai.InternalServerError),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_scripted_status(
    client: AsyncOpenAI, status: int, error: type[openai.APIStatusError], stream: bool
) -> None:
    """Contract 4: an error of the provider has its status and OpenAI's shape, streamed or not."""
    with pytest.raises(error) as caught:
        await client.chat.completions.create(**ask(f"[[status: {status}]]", stream=stream))
    assert caught.value.status_code == status
    assert set(caught.value.body) == {"message", "type", "param", "code"}
    assert ("retry-after" in caught.value.response.headers) is (status in (429, 503))


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer tk-x"}, {"api-key": "sk-x"}])
async def test_a_wrong_key_is_refused(provider: Provider, headers: dict) -> None:
    """P1: without a provider key there is no answer."""
    async with (
        aiohttp.ClientSession(provider.url, headers=headers) as session,
        session.post("/v1/chat/completions", json=ask("hi")) as response,
    ):
        assert response.status == 401
        assert (await response.json())["error"]["type"] == "invalid_request_error"
    assert provider.ledger.totals[""].refused == 1


async def test_only_the_configured_key_and_models() -> None:
    """P4: with a key configured, every other one is refused and not quoted whole."""
    provider = await start(openai_key="sk-right", models=("gpt-4o",))
    try:
        url, wrong_key = f"{provider.url}/v1", "sk-wrong-0123456789"
        async with AsyncOpenAI(base_url=url, api_key=wrong_key, max_retries=0) as sdk:
            with pytest.raises(openai.AuthenticationError) as wrong:
                await sdk.chat.completions.create(**ask("hi"))
        assert wrong.value.code == "invalid_api_key"
        assert wrong_key not in wrong.value.message
        async with AsyncOpenAI(base_url=url, api_key="sk-right", max_retries=0) as sdk:
            with pytest.raises(openai.NotFoundError) as unknown:
                await sdk.chat.completions.create(**ask("hi"))
        assert unknown.value.code == "model_not_found"
    finally:
        await provider.stop()


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"max_tokens_to_sample": 5}, "max_tokens_to_sample"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"messages": [{"role": "ai", "content": "x"}]}, "messages[0].role"),
        ({"messages": []}, "messages"),
    ],
)
async def test_what_the_api_does_not_know_is_refused(
    client: AsyncOpenAI, fields: dict, param: str
) -> None:
    """Contract 4: a gateway that forwards a field of another dialect is found out."""
    with pytest.raises(openai.BadRequestError) as caught:
        await client.chat.completions.create(**ask("hi"), extra_body=fields)
    assert caught.value.param == param


async def test_a_cut_stream_raises(client: AsyncOpenAI, provider: Provider) -> None:
    """P2: a connection that breaks after three frames raises; those frames were billed."""
    seen = []
    stream = await client.chat.completions.create(**ask("[[tokens: 9]][[cut: 3]]", stream=True))
    with pytest.raises(Exception, match=r"(?i)connection|incomplete|closed"):
        async for chunk in stream:
            seen.append(chunk)
    assert len(seen) == 3
    billed = provider.ledger.totals["gpt-4o-mini"]
    assert (billed.cut, billed.completed, billed.output_tokens) == (1, 0, 2)


async def test_an_error_inside_a_stream_raises(client: AsyncOpenAI) -> None:
    """P5: a provider may fail midway inside a stream that began with 200."""
    stream = await client.chat.completions.create(**ask("[[stream-error: 2]]", stream=True))
    seen = []
    with pytest.raises(openai.APIError):
        async for chunk in stream:
            seen.append(chunk)
    assert len(seen) == 2


@pytest.mark.parametrize("cut", [0, 1])
async def test_a_cut_answer_raises(client: AsyncOpenAI, cut: int) -> None:
    """P2: a whole answer can break off before or within its body."""
    with pytest.raises(openai.APIConnectionError):
        await client.chat.completions.create(**ask(f"[[cut: {cut}]]"))
