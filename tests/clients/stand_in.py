"""The stand-in with one key a provider, and the configuration that leads to all of them."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from extproc.server.child import Child, python
from tests.clients.other_calls import MODELS
from tests.e2e.documents import Documents, priced
from tests.e2e.provider_child import ProviderUnderTest

VENDORS = ("openai", "anthropic", "azure", "compatible", "gemini", "vertex", "bedrock", "cohere",
           "aws_id", "aws_secret", "vertex_public")  # fmt: skip
TARGETS = {
    "openai": "openai/gpt-5",
    "azure": "azure/gpt-5",
    "azure-deployments": "azure-deployments/gpt-4o",
    "compatible": "compatible/deepseek-chat",
    "anthropic": "anthropic/claude-sonnet",
    "gemini": "gemini/gemini-3-pro-preview",
    "vertex": "vertex/gemini-2.5-flash",
    "vertex-claude": "vertex/claude-sonnet-4-5@20250929",
    "vertex-express": "vertex-express/gemini-2.5-flash",
    "bedrock": "bedrock/eu.anthropic.claude-sonnet-4-5-v1:0",
    "bedrock-key": "bedrock-key/eu.anthropic.claude-sonnet-4-5-v1:0",
    "cohere": "cohere/command-a-03-2025",
}
"""A model of every provider, by the name under which the tests speak of it."""


class AllProviders(ProviderUnderTest):
    """`keys`: the only credential each provider accepts, so that every answer proves that the
    gateway put on the right one."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.keys = {vendor: f"sk-{vendor}-{secrets.token_hex(12)}" for vendor in VENDORS}
        self.keys["aws_id"] = "AKID" + secrets.token_hex(8).upper()
        signing = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.keys["vertex_public"] = signing.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ).decode()  # fmt: skip
        self.openai_key, self.anthropic_key = self.keys["openai"], self.keys["anthropic"]
        self._ready, self.log = folder / "provider.json", folder / "provider.log"
        named = [part for vendor in VENDORS
                 for part in (f"--{vendor}-key-env", f"STAND_IN_{vendor}")]  # fmt: skip
        command = python("extproc.demo.provider", "--port", "0", "--ready-file",
                         str(self._ready), *named)  # fmt: skip
        keys = {f"STAND_IN_{vendor}": key for vendor, key in self.keys.items()}
        self._child = Child("provider", command, env={**environment, **keys}, log=self.log)
        self.url = self._wait()
        self.keys["google-account"] = _google_account(signing, self.url)

    async def understood(self) -> list[dict[str, Any]]:
        """What the provider made of each request since `forget()`, oldest first."""
        found = await self._ask("GET", "requests?settled=1")
        return [one["understood"] for one in found["requests"]]


def _google_account(key: rsa.RSAPrivateKey, url: str) -> str:
    """The JSON key file of a service account whose tokens the stand-in makes."""
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                            serialization.NoEncryption())  # fmt: skip
    return json.dumps({
        "type": "service_account", "project_id": "demo", "private_key_id": "k1",
        "private_key": pem.decode(), "client_email": "gateway@demo.iam.gserviceaccount.com",
        "token_uri": f"{url}/token",
    })  # fmt: skip


class EveryProvider(Documents):
    """One account a provider, one caller who may use them all, and callers who may not."""

    def __init__(self, provider: AllProviders) -> None:
        super().__init__()
        self._secrets = provider.keys
        self.add("gateway-config", "gateway", environment="production")
        url = provider.url
        self._account("openai", "openai", f"{url}/v1", "gpt-5", "gpt-4o-mini")
        self._account("openai", "openai", f"{url}/v1", "text-embedding-3-small", name="vectors")
        self._account("azure-openai", "azure", f"{url}/openai/v1", "gpt-5")
        self._account("azure-openai", "azure", url, "gpt-4o", name="azure-deployments",
                      api_version="2024-10-21")  # fmt: skip
        self._account("openai-compatible", "compatible", f"{url}/compatible/v1", "deepseek-chat")
        self._account("anthropic", "anthropic", url, "claude-sonnet")
        self._account("google-gemini", "gemini", f"{url}/v1beta", "gemini-3-pro-preview")
        self._vertex(url)
        self._bedrock(url)
        self._account("cohere", "cohere", url, "command-a-03-2025")
        self._others(url)
        self._callers()

    def _others(self, url: str) -> None:
        """What does not write: embeddings, images, sound, rankings."""
        others = sorted(set(MODELS.values()) - {"rerank-v3.5"})
        self._account("openai", "openai", f"{url}/v1", *others, name="others")
        self._account("openai-compatible", "compatible", f"{url}/compatible/v1",
                      *others, "rerank-v3.5", name="compatible-others")  # fmt: skip
        self._account("cohere", "cohere", url, "rerank-v3.5", name="rankings")
        self._account("cohere", "cohere", url, "embed-v4.0", name="embeds")
        self._account("google-gemini", "gemini", f"{url}/v1beta", "gemini-embedding-001",
                      name="google-vectors")  # fmt: skip

    def _account(
        self, kind: str, vendor: str, url: str, *models: str, name: str = "", **fields: Any
    ) -> None:
        fields = {"auth": {"api_key": {"file": f"secrets/{vendor}"}}, **fields}
        priced_models = [priced(model, 1, 2, 8192) for model in models]
        self.add("provider-account", name or vendor, provider=kind, base_url=url,
                 models=priced_models, **fields)  # fmt: skip

    def _vertex(self, url: str) -> None:
        claude = {**priced("claude-sonnet-4-5@20250929", 1, 2, 8192), "publisher": "anthropic"}
        self.add("provider-account", "vertex", provider="google-vertex", base_url=f"{url}/v1",
                 project="demo", region="europe-west1",
                 auth={"gcp": {"service_account": {"file": "secrets/google-account"}}},
                 models=[priced("gemini-2.5-flash", 1, 2, 8192), claude])  # fmt: skip

        self._account("google-vertex", "vertex", f"{url}/v1", "gemini-2.5-flash",
                      name="vertex-express")  # fmt: skip

    def _bedrock(self, url: str) -> None:
        model = TARGETS["bedrock"].partition("/")[2]
        signed = {"access_key_id": {"file": "secrets/aws_id"},
                  "secret_access_key": {"file": "secrets/aws_secret"}}  # fmt: skip
        self._account("aws-bedrock", "bedrock", url, model, region="eu-central-1",
                      auth={"aws": signed})  # fmt: skip
        self._account("aws-bedrock", "bedrock", url, model, name="bedrock-key",
                      region="eu-central-1")  # fmt: skip

    def _callers(self) -> None:
        self.bot("all-bot", team="all", models=["*/*"])
        self.bot("narrow-bot", team="narrow", models=["openai/gpt-4o-mini"])
        self.bot("tight-bot", team="tight", models=["*/*"])
        self.bot("guarded-bot", team="guarded", models=["*/*"])
        self.bot("redacting-bot", team="redacting", models=["*/*"])
        self.bot("censoring-bot", team="censoring", models=["*/*"])
        self.add("gateway-rate-limiting-config", "limits", rules=[
            {"id": "tight", "when": {"subjects": ["team:tight"]}, "limit_to": 1,
             "unit": "requests_per_hour", "rate_limit_applies_per": ["model"]},
        ])  # fmt: skip
        self.add("guardrail-config-group", "house", guardrails=[
            {"name": "no-pii", "type": "pii", "operation": "validate"},
            {"name": "less-pii", "type": "pii", "operation": "mutate"},
        ])  # fmt: skip
        self.add("gateway-guardrails-config", "guardrails", rules=[
            {"id": "guarded", "when": {"subjects": ["team:guarded"]},
             "llm_input_guardrails": ["house/no-pii"]},
            {"id": "redacting", "when": {"subjects": ["team:redacting"]},
             "llm_input_guardrails": ["house/less-pii"]},
            {"id": "censoring", "when": {"subjects": ["team:censoring"]},
             "llm_output_guardrails": ["house/less-pii"]},
        ])  # fmt: skip

    def write(self, folder: Path) -> Path:
        super().write(folder)
        (folder / "secrets").mkdir(exist_ok=True)
        for vendor, key in self._secrets.items():
            (folder / "secrets" / vendor).write_text(key + "\n")
        return folder
