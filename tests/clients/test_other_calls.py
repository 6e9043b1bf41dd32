"""OpenAI's other endpoints through a real gateway, by its own SDK; and embeddings of others."""

from __future__ import annotations

from typing import Any

import pytest
from google import genai
from google.genai import types as genai_types

from tests.clients.other_calls import HEARD, MODELS
from tests.clients.stand_in import AllProviders
from tests.e2e.harness import GatewayUnderTest

pytestmark = pytest.mark.e2e

OFFERED = ("others", "compatible-others")
RANKED = ("compatible-others", "rankings")
CALLED = [(name, account) for name in HEARD
          for account in (RANKED if name == "rerank" else OFFERED)]  # fmt: skip


@pytest.mark.parametrize(("name", "account"), CALLED)
async def test_an_endpoint_of_openais(
    gateway: GatewayUnderTest, provider: AllProviders, name: str, account: str
) -> None:
    """Contract 3: each path of OpenAI's API that the gateway governs, answered like the API."""
    call, wanted = HEARD[name]
    client: Any = gateway.openai("all-bot")
    assert await call(client, f"{account}/{MODELS[name]}") == wanted
    assert await provider.count() == 1


@pytest.mark.parametrize("model", ["vectors/text-embedding-3-small", "embeds/embed-v4.0",
                                   "google-vectors/gemini-embedding-001"])  # fmt: skip
async def test_embeddings_of_any_provider(gateway: GatewayUnderTest, model: str) -> None:
    """Contract 3: embeddings are asked in one dialect, whoever makes them."""
    answer = await gateway.openai("all-bot").embeddings.create(
        model=model, input=["one", "two"], encoding_format="float"
    )
    assert [one.index for one in answer.data] == [0, 1]
    assert len(answer.data[0].embedding) > 100


async def test_googles_sdk_embeds(gateway: GatewayUnderTest) -> None:
    """Contract 3: `embedContent` and `batchEmbedContents`."""
    options = genai_types.HttpOptions(base_url=gateway.url)
    sdk = genai.Client(api_key=gateway.key("all-bot"), http_options=options).aio
    found = await sdk.models.embed_content(
        model="google-vectors/gemini-embedding-001", contents=["one", "two"]
    )
    assert found.embeddings is not None and len(found.embeddings) == 2
    await sdk.aclose()


@pytest.mark.parametrize("account", ["all-bot", "narrow-bot"])
async def test_each_sdk_lists_what_its_key_may_call(
    gateway: GatewayUnderTest, account: str
) -> None:
    """Contract 3: `/v1/models` in OpenAI's and in Anthropic's shape."""
    listed = {model.id async for model in gateway.openai(account).models.list()}
    assert ("anthropic/claude-sonnet" in listed) is (account == "all-bot")
    same = {model.id async for model in gateway.anthropic(account).models.list()}
    assert same == listed
