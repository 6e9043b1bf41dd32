"""A small configuration to route in, and ways to ask."""

from __future__ import annotations

from extproc.config.load import load
from extproc.config.model import Config
from extproc.config.sources import Source
from extproc.routing.figures import Figures
from extproc.routing.plan import Router
from extproc.routing.values import Ask, Routed

ACCOUNTS = """
type: provider-account
name: a
provider: openai
base_url: http://127.0.0.1:1/v1
region: us
models:
  - {id: big, price: {input_per_mtok: 5}, quality_tier: high, model_family: gpt}
  - {id: small, price: {input_per_mtok: 1}, quality_tier: low, model_family: gpt}
---
type: provider-account
name: b
provider: anthropic
base_url: http://127.0.0.1:2
region: eu-west-1
models: [{id: big, price: {input_per_mtok: 3}, quality_tier: high, model_family: claude}]
---
type: provider-account
name: own
provider: openai-compatible
base_url: http://127.0.0.1:3/v1
kind: self_hosted
unpriced: allow
region: eu
models: [{id: llama, quality_tier: low, model_family: llama}]
---
type: provider-account
name: k
provider: openai
base_url: http://127.0.0.1:4/v1
keys:
  - {name: one, api_key: {env: ONE}, weight: 3}
  - {name: two, api_key: {env: TWO}, weight: 1}
models: [{id: m, price: {input_per_mtok: 1}}]
---
type: virtual-account
name: judge
models: ["*"]
---
"""
EVERYONE = frozenset({"*"})
MINUTE_MS = 60_000
NOW_MS = 1_800_000_000_000
"""A whole number of ten minutes, so that tests know where an epoch begins."""


def config_of(text: str) -> Config:
    loaded = load([Source("test.yaml", ACCOUNTS + text, "/")])
    assert isinstance(loaded, Config), [str(mistake) for mistake in loaded]
    return loaded


def rules_of(rules: str) -> str:
    return f"type: gateway-load-balancing-config\nname: routing\nrules:\n{rules}"


def router(rules: str, figures: Figures | None = None) -> Router:
    return Router(config_of(rules_of(rules)), figures)


def ask(model: str, draw: float = 0.0, **more: object) -> Ask:
    said = {"subjects": EVERYONE, "now_ms": NOW_MS, "in_scope": lambda name: True, **more}
    return Ask(model=model, draw=draw, **said)  # type: ignore[arg-type]


def names(routed: Routed | None) -> list[str]:
    assert routed is not None
    return [target.name for target in routed.targets]
