"""The benchmark mode of the provider stand-in: constant answers that SDKs accept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
from anthropic import AsyncAnthropic
from hypothesis import given
from hypothesis import strategies as st
from openai import AsyncOpenAI

from extproc.demo.provider import Provider, start
from extproc.demo.provider_fixed import Counts, FixedProtocol, can
from extproc.demo.provider_plan import Options

MESSAGES = [{"role": "user", "content": 'not a field: "stream": true'}]


@pytest.fixture(params=[{}, {"fixed_delay": 0.001}, {"fixed_pause": 0.001}])
async def provider(request: pytest.FixtureRequest) -> AsyncIterator[Provider]:
    running = await start(fixed=True, fixed_tokens=5, **request.param)
    yield running
    await running.stop()


async def test_openai_accepts_it(provider: Provider) -> None:
    """P8: what benchmarks measure is a valid answer, streamed or not, with usage."""
    async with AsyncOpenAI(base_url=f"{provider.url}/v1", api_key="sk-x", max_retries=0) as sdk:
        whole = await sdk.chat.completions.create(model="any", messages=MESSAGES)
        assert (whole.usage.prompt_tokens, whole.usage.completion_tokens) == (32, 5)
        text = whole.choices[0].message.content
        for options in ({"include_usage": True}, {"include_usage": False}):
            stream = await sdk.chat.completions.create(
                model="any", messages=MESSAGES, stream=True, stream_options=options
            )
            chunks = [chunk async for chunk in stream]
            deltas = [c.choices[0].delta.content or "" for c in chunks if c.choices]
            assert "".join(deltas) == text
            assert (chunks[-1].usage is not None) is options["include_usage"]
        vectors = await sdk.embeddings.create(model="any", input="x")
        assert len(vectors.data[0].embedding) == 256


async def test_anthropic_accepts_it(provider: Provider) -> None:
    """P8: the same for Anthropic's SDK."""
    fields = {"model": "any", "max_tokens": 10, "messages": MESSAGES}
    async with AsyncAnthropic(base_url=provider.url, api_key="sk-x", max_retries=0) as sdk:
        whole = await sdk.messages.create(**fields)
        async with sdk.messages.stream(**fields) as stream:
            final = await stream.get_final_message()
    assert final.content[0].text == whole.content[0].text
    assert (final.usage.input_tokens, final.usage.output_tokens) == (32, 5)


async def test_totals_count(provider: Provider) -> None:
    """P2: what was answered is counted, so a benchmark can be held against it."""
    async with aiohttp.ClientSession(provider.url) as http:
        for _ in range(3):
            async with http.post("/v1/messages", json={"messages": MESSAGES}) as response:
                assert response.status == 200
        async with http.get("/_control/totals") as response:
            totals = (await response.json())["all"]
        assert totals == {"requests": 3, "input_tokens": 96, "output_tokens": 15}
        async with http.post("/v1/other") as response:
            assert response.status == 404


class Wire:
    """What a protocol writes, in memory."""

    def __init__(self) -> None:
        self.written = b""

    def write(self, data: bytes) -> None:
        self.written += data

    def writelines(self, parts: list[bytes]) -> None:
        self.written += b"".join(parts)


CANNED = can(Options(fixed=True))
BODY = b'{"stream": true}'
SIZED = b"POST /v1/messages HTTP/1.1\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY)
CHUNKED = (
    b"POST /v1/messages?x=1 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"10\r\n" + BODY + b"\r\n0\r\n\r\n"
)
BODILESS = b"POST /v1/embeddings HTTP/1.1\r\nhost: x\r\n\r\n"


@given(st.lists(st.sampled_from([SIZED, CHUNKED, BODILESS]), max_size=4), st.data())
def test_any_split_of_the_bytes_gives_the_same_answers(
    requests: list[bytes], data: st.DataObject
) -> None:
    """P5: requests are read alike however their bytes arrive, one after another."""
    sent = b"".join(requests)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(sent)), max_size=6)))
    wire = Wire()
    protocol = FixedProtocol(CANNED, Options(fixed=True), Counts())
    protocol.connection_made(wire)  # type: ignore[arg-type]
    for start_at, end_at in zip([0, *cuts], [*cuts, len(sent)], strict=True):
        protocol.data_received(sent[start_at:end_at])
    stream = b"".join(CANNED.streams[b"/v1/messages", False])
    vectors = CANNED.whole[b"/v1/embeddings"]
    assert wire.written == b"".join(vectors if r == BODILESS else stream for r in requests)


async def test_a_client_that_leaves_stops_its_stream() -> None:
    """P8: a connection that is gone costs nothing more."""
    provider = await start(fixed=True, fixed_tokens=1000, fixed_pause=0.01)
    try:
        reader, writer = await asyncio.open_connection(provider.host, provider.port)
        writer.write(SIZED)
        assert (await reader.readline()) == b"HTTP/1.1 200 OK\r\n"
        writer.close()
        async with (
            aiohttp.ClientSession(provider.url) as http,
            http.get("/_control/totals") as response,
        ):
            assert (await response.json())["all"]["requests"] == 1
    finally:
        await provider.stop()
