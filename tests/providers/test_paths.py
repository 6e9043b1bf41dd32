"""Where a call goes at each provider."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from extproc.config.provider_model import ModelSpec, ProviderAccount
from extproc.providers.paths import upstream_path


@dataclass(frozen=True)
class Fixed:
    """A dialect that has only a path."""

    own: str

    def upstream_path(self, model: str, *, stream: bool) -> str:
        return self.own


def account(provider: str, **said: Any) -> ProviderAccount:
    return ProviderAccount(type="provider-account", name="a", provider=provider, models=(), **said)


CHAT, MESSAGES, GENERATE = "/chat/completions", "/v1/messages", "/models/m:generateContent"


@pytest.mark.parametrize(
    ("given", "own", "path"),
    [
        (account("openai"), CHAT, "/v1/chat/completions"),
        (account("openai", base_url="http://h:1/v1/"), CHAT, "/v1/chat/completions"),
        (account("openai-compatible", base_url="http://h/api/v1"), CHAT, "/api/v1" + CHAT),
        (account("anthropic"), MESSAGES, "/v1/messages"),
        (account("anthropic", base_url="http://h/v1"), MESSAGES, "/v1/messages"),
        (account("anthropic", base_url="http://h/proxy"), MESSAGES, "/proxy/v1/messages"),
        (
            account("azure-openai", base_url="https://r.example/openai/v1"),
            CHAT,
            "/openai/v1" + CHAT,
        ),
        (account("azure-openai", base_url="https://r.example"), CHAT, "/openai/v1" + CHAT),
        (
            account("azure-openai", base_url="https://r.example", api_version="2024-10-21"),
            CHAT,
            "/openai/deployments/m/chat/completions?api-version=2024-10-21",
        ),
        (account("google-gemini"), GENERATE, "/v1beta" + GENERATE),
        (account("google-gemini", base_url="http://h"), GENERATE, "/v1beta" + GENERATE),
        (account("google-gemini", base_url="http://h/v1"), GENERATE, "/v1" + GENERATE),
        (
            account("google-vertex", region="eu", project="p"),
            GENERATE,
            "/v1/projects/p/locations/eu/publishers/google" + GENERATE,
        ),
        (account("aws-bedrock", region="eu-west-1"), "/model/m/converse", "/model/m/converse"),
        (account("cohere", base_url="http://h/v2"), "/v2/chat", "/v2/chat"),
    ],
)
def test_the_path(given: ProviderAccount, own: str, path: str) -> None:
    """Provider: a base URL with and without the version that the dialect's path begins with."""
    found = upstream_path(given, ModelSpec(id="m"), Fixed(own), stream=False)  # type: ignore[arg-type]
    assert found == path


def test_the_address_has_the_region() -> None:
    """Provider: addresses that name a region take the account's own."""
    assert account("aws-bedrock", region="eu-west-1").url.endswith("eu-west-1.amazonaws.com")
    with pytest.raises(ValueError, match="region"):
        account("aws-bedrock")
