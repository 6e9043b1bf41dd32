"""OpenAI's other endpoints in the provider stand-in, seen by its own SDK; and Google's and Cohere's
embeddings, counts and rankings, seen by theirs."""

from __future__ import annotations

from collections.abc import AsyncIterator

import cohere
import httpx
import openai
import pytest
from google import genai
from google.genai import types as genai_types

from extproc.demo.provider import Provider, start
from tests.clients.other_calls import HEARD, MODELS


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    running = await start()
    yield running
    await running.stop()


@pytest.mark.parametrize("base", ["/v1", "/compatible/v1"])
@pytest.mark.parametrize("name", HEARD)
async def test_other_endpoints(provider: Provider, name: str, base: str) -> None:
    """Contract 3, stand-in: OpenAI's endpoints beside chat, and those of compatible servers."""
    call, wanted = HEARD[name]
    url = provider.url + ("/compatible/v1" if name == "rerank" else base)
    async with openai.AsyncOpenAI(base_url=url, api_key="sk-x", max_retries=0) as sdk:
        assert await call(sdk, MODELS[name]) == wanted


async def test_googles_other_methods(provider: Provider) -> None:
    """Contract 3, stand-in: embeddings (one and several) and counts, as google-genai asks."""
    options = genai_types.HttpOptions(base_url=provider.url, api_version="v1beta")
    sdk = genai.Client(api_key="AIza-x", http_options=options).aio
    several = await sdk.models.embed_content(model="gemini-embedding-001", contents=["a", "b"])
    assert several.embeddings is not None and len(several.embeddings) == 2
    counted = await sdk.models.count_tokens(model="gemini-2.5-flash", contents="one two")
    assert counted.total_tokens == 2
    await sdk.aclose()


async def test_coheres_other_methods(provider: Provider) -> None:
    """Contract 3, stand-in: embeddings and rankings, as Cohere's SDK asks."""
    async with httpx.AsyncClient() as http:
        sdk = cohere.AsyncClientV2(api_key="x", base_url=provider.url, httpx_client=http)
        found = await sdk.embed(model="embed-v4.0", input_type="search_query", texts=["a", "b"],
                                embedding_types=["float"])  # fmt: skip
        assert found.embeddings.float_ is not None and len(found.embeddings.float_) == 2
        ranked = await sdk.rerank(model="rerank-v3.5", query="blue", documents=["red", "blue"])
        assert [one.index for one in ranked.results] == [1, 0]
