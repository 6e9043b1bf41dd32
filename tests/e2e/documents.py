"""Configurations for tests: documents as values, keys minted on the way, one folder written.

    documents = Documents().sample(provider_url)        # the contract's sample, `support-bot`
    documents.bot("narrow-bot", team="narrow", models=["openai-main/*"])
    documents.add("gateway-rate-limiting-config", "more", rules=[...])
    documents.write(folder)                             # folder/*.yaml, ready for `--config`
    documents.keys["narrow-bot"]                        # the text of its key

Only hashes of keys are written, as in production. Any document of the contract can be `add`ed.
"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import yaml

from extproc.identity.keys import RANDOM_BYTES, mint

Json = dict[str, Any]
SAMPLE = Path(__file__).with_name("contract_sample.yaml")
PRODUCTION = {"environment": "production"}


class Documents:
    """A configuration in the making. `keys`: account name -> key text."""

    def __init__(self) -> None:
        self.keys: dict[str, str] = {}
        self.files: dict[str, str] = {}
        self._added: list[Json] = []

    def sample(self, provider_url: str) -> Documents:
        """The contract's sample configuration, both providers at one address."""
        text = SAMPLE.read_text().replace("PROVIDER_URL", provider_url)
        self.files["gateway.yaml"] = text.replace(
            "SHA256_OF_support-bot", self._mint("support-bot")
        )
        return self

    def unmoved(self) -> Documents:
        """Failures of one test do not change the order of targets in another."""
        text = self.files["gateway.yaml"]
        still = "environment: production\nrouting: {health_window_ms: 0}\n"
        self.files["gateway.yaml"] = text.replace("environment: production\n", still, 1)
        return self

    def add(self, kind: str, name: str, **fields: Any) -> Documents:
        """Any document: its `type`, its `name`, the rest of it."""
        self._added.append({"type": kind, "name": name, **fields})
        return self

    def provider(
        self, name: str, base_url: str, models: list[Json], vendor: str = "openai", **fields: Any
    ) -> Documents:
        """A provider account. Its key is the environment's OPENAI_API_KEY or the file's."""
        secret = {"env": "OPENAI_API_KEY"} if vendor == "openai" else {"file": "secrets/anthropic"}
        return self.add("provider-account", name, provider=vendor, base_url=base_url,
                        auth={"api_key": secret}, models=models, **fields)  # fmt: skip

    def bot(
        self, name: str, *, team: str | None, models: list[str], tags: Json | None = None,
        expires: str | None = None, **more: Any,
    ) -> Documents:  # fmt: skip
        """A virtual account with one key named `first`. `tags` default to production."""
        key: Json = {"name": "first", "sha256": self._mint(name)}
        if expires is not None:
            key["expires"] = expires
        fields: Json = {"tags": PRODUCTION if tags is None else tags, "models": models, **more}
        if team is not None:
            fields["team"] = team
        return self.add("virtual-account", name, keys=[key], **fields)

    def write(self, folder: Path) -> Path:
        """Write everything below `folder` (created); it is what `--config` wants."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in self.files.items():
            (folder / name).write_text(text)
        if self._added:
            text = yaml.safe_dump_all(self._added, sort_keys=False)
            (folder / "more.yaml").write_text(text)
        return folder

    def _mint(self, account: str) -> str:
        """Mint this account's key, remember its text, give its SHA-256."""
        key = mint(secrets.token_bytes(RANDOM_BYTES))
        self.keys[account] = key.text
        return key.sha256


def priced(model: str, input_usd: float, output_usd: float, most: int = 4096) -> Json:
    """A model entry. Prices in USD per million tokens."""
    return {
        "id": model,
        "max_output_tokens": most,
        "price": {"input_per_mtok": input_usd, "output_per_mtok": output_usd},
    }


def rule(name: str, model: str, targets: list[Json], kind: str = "priority") -> Json:
    """A routing rule for one virtual model."""
    return {"id": name, "type": f"{kind}-based-routing", "when": {"models": [model]},
            "load_balance_targets": targets}  # fmt: skip
