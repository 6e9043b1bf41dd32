"""Provider accounts: what one document can be judged by alone, and what is known of providers."""

from __future__ import annotations

import json
from typing import Any, get_args
from urllib.parse import urlsplit

import pytest
from genai_prices.data_snapshot import get_snapshot

from extproc.config.load import load
from extproc.config.model import Config, ProviderAccount
from extproc.config.sources import Source
from extproc.config.upstream_headers import never_set
from extproc.dataplane.credentials import connections
from extproc.llm.call import Family
from extproc.llm.dialects import PROVIDER_DIALECTS
from extproc.providers.presets import PRESETS, AuthStyle, Preset
from tests.dataplane.stand import Json, configured

DIALECTS = frozenset(PROVIDER_DIALECTS)
SECRET = {"env": "A_KEY"}


def document(provider: str = "openai-compatible", **fields: Any) -> Json:
    """`None` leaves a field out."""
    said = {"type": "provider-account", "name": "one", "provider": provider, "unpriced": "allow",
            "base_url": "https://h.example/v1", "models": [{"id": "m"}], **fields}  # fmt: skip
    return {name: value for name, value in said.items() if value is not None}


def account(provider: str = "openai-compatible", **fields: Any) -> ProviderAccount:
    return configured([document(provider, **fields)]).accounts["one"]


def mistakes(provider: str = "openai-compatible", **fields: Any) -> list[str]:
    loaded = load([Source("a.yaml", json.dumps(document(provider, **fields)), "/")])
    assert not isinstance(loaded, Config)
    return [str(mistake) for mistake in loaded]


# --- presets ---------------------------------------------------------------------------------


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS.keys())
def test_every_preset_is_whole(preset: Preset) -> None:
    """Provider: known dialects, a page that was followed, an address over TLS or none."""
    assert preset.speaks and set(preset.speaks) <= DIALECTS
    assert len(set(preset.speaks)) == len(preset.speaks)
    assert preset.family in get_args(Family)
    assert preset.auth in get_args(AuthStyle)
    assert preset.source or preset.name == "openai-compatible"
    if preset.base_url:
        parts = urlsplit(preset.base_url.replace("{region}", "r"))
        assert parts.scheme == "https" and parts.hostname and not parts.query
        assert not preset.base_url.endswith("/")


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS.keys())
def test_quirks_do_not_contradict(preset: Preset) -> None:
    """Provider: a field is renamed or left out, never both; nothing that governs is left out."""
    assert not set(preset.rename) & set(preset.drop)
    assert not set(preset.rename.values()) & set(preset.drop)
    assert not {"model", "messages", "input", "stream", "max_tokens", "tools"} & set(preset.drop)


def test_names_in_the_price_list_exist() -> None:
    """P2: a preset that names its prices finds them."""
    known = {provider.id for provider in get_snapshot().providers}
    named = {preset.prices for preset in PRESETS.values() if preset.prices}
    assert named <= known


# --- addresses -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("provider", "region", "url"),
    [
        ("google-vertex", "eu", "https://eu-aiplatform.googleapis.com/v1"),
        ("google-vertex", "global", "https://aiplatform.googleapis.com/v1"),
        ("aws-bedrock", "eu-west-1", "https://bedrock-runtime.eu-west-1.amazonaws.com"),
        ("groq", None, "https://api.groq.com/openai/v1"),
    ],
)
def test_a_provider_has_an_address(provider: str, region: str | None, url: str) -> None:
    """Contract 2: `base_url` may be left out where the provider has one."""
    fields = {"region": region} if region else {}
    assert account(provider, base_url=None, project="p", **fields).url == url


def test_a_host_cannot_be_smuggled_into_an_address() -> None:
    """P4: `region` is a part of a host name; it is only letters, digits and hyphens."""
    assert mistakes("aws-bedrock", base_url=None, region="evil.example/")


@pytest.mark.parametrize("provider", ["vllm", "ollama", "azure-openai", "openai-compatible"])
def test_who_has_no_address_must_be_given_one(provider: str) -> None:
    """P7: an account without any address does not load."""
    assert any("base_url" in text for text in mistakes(provider, base_url=None))


# --- credentials -----------------------------------------------------------------------------

AWS = {"aws": {"access_key_id": SECRET, "secret_access_key": SECRET}}


@pytest.mark.parametrize(
    ("provider", "auth", "style"),
    [
        ("openai", {"api_key": SECRET}, "bearer"),
        ("anthropic", {"api_key": SECRET}, "x-api-key"),
        ("aws-bedrock", {"api_key": SECRET}, "bearer"),
        ("aws-bedrock", AWS, "aws"),
        ("aws-bedrock", {"aws_chain": True}, "aws"),
        ("google-vertex", {"api_key": SECRET}, "x-goog-api-key"),
        ("google-vertex", {"gcp": {}}, "gcp"),
        ("ollama", None, "none"),
        ("vllm", {"api_key": SECRET}, "bearer"),
    ],
)
def test_how_a_call_proves_who_calls(provider: str, auth: Json | None, style: str) -> None:
    """Provider: by the kind of credential and the place that the provider gives it."""
    found = account(provider, auth=auth, region="eu-west-1", project="p")
    assert found.auth_style == style


@pytest.mark.parametrize(
    ("provider", "fields", "field"),
    [
        ("openai", {"auth": AWS}, "auth"),
        ("openai", {"auth": {"gcp": {}}}, "auth"),
        ("aws-bedrock", {"auth": {"gcp": {}}, "region": "eu-west-1"}, "auth"),
        ("aws-bedrock", {"auth": AWS}, "region"),
        ("google-vertex", {"auth": {"gcp": {}}}, "project"),
        ("openai", {"auth": {"api_key": SECRET}, "keys": [{"name": "a", "api_key": SECRET}]},
         "keys"),
        ("openai", {"keys": [{"name": "a", "api_key": SECRET}] * 2}, "keys"),
        ("openai", {"name": "a.key.b"}, "name"),
        ("openai", {"base_url": "http://h", "tls": {"ca_file": "/ca.pem"}}, "tls"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant(provider: str, fields: Json, field: str) -> None:
    """P7: a credential that its provider does not take, and what would never be used."""
    assert any(field in text for text in mistakes(provider, **fields))


def test_every_key_has_a_connection_of_its_own() -> None:
    """P4: two keys never share a connection, and neither has the account's own name."""
    keys = [{"name": n, "api_key": {"env": n.upper()}} for n in ("one", "two")]
    found = connections(account("openai", keys=keys))
    assert [(c.name, c.api_key and c.api_key.env) for c in found] == [
        ("one.key.one", "ONE"), ("one.key.two", "TWO"),
    ]  # fmt: skip


# --- headers ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "x"}, {"x-api-key": "x"}, {"host": "x"}, {"content-length": "1"},
        {"x-envelope-sent": "1"}, {"x-envoy-max-retries": "1"}, {"x-amz-date": "1"}, {":path": "x"},
        {"X-Upper": "x"}, {"x a": "x"}, {"x-a": ""}, {"x-a": "a\nb"}, {"x-a": " a"}, {"x-a": "ü"},
    ],
)  # fmt: skip
def test_headers_that_no_account_may_set(headers: Json) -> None:
    """P4: credentials and what is the gateway's own do not come in by `headers`."""
    assert any("headers" in text for text in mistakes(headers=headers))


def test_who_is_billed_is_the_accounts_to_say() -> None:
    """Contract 2: a caller's `openai-organization` is removed; an account's own is sent."""
    found = account("openai", headers={"openai-organization": "org", "x-desk": 'a "b" 50%'})
    assert dict(found.headers) == {"openai-organization": "org", "x-desk": 'a "b" 50%'}
    assert not never_set("openai-organization")
    assert never_set("x-tfy-metadata") and never_set("cookie")
