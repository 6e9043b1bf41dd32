"""Warnings about valid configurations."""

from extproc.config.advice import advice
from extproc.config.load import load
from extproc.config.model import Config
from tests.config.vectors import one, sources_of

TEXT = """type: gateway-config
name: gateway
---
type: provider-account
name: far
provider: openai
base_url: http://models.example.com/v1
auth: {api_key: {env: K}}
models: [{id: m}]
---
type: user
name: ann
email: ann@example.com
---
type: virtual-account
name: bot
---
type: gateway-rate-limiting-config
name: limits
rules:
  - {id: ben, when: {subjects: ["user:ben@example.com"]}, limit_to: 1, unit: requests_per_day}
  - {id: all, when: {}, limit_to: 1, unit: requests_per_day}
  - {id: never, when: {models: ["near/*"]}, limit_to: 1, unit: requests_per_day}
---
type: gateway-guardrails-config
name: guardrails
rules: [{id: inert, when: {}}]
"""


def test_what_is_probably_not_meant_is_told():
    """Contract, section 1 (`check`): valid, and still worth a word, with its line."""
    config = load(one(TEXT))
    assert isinstance(config, Config)
    assert sorted((found.line, found.message) for found in advice(config)) == [
        (4, "the credential of 'far' travels unencrypted (http)"),
        (15, "'bot' lists no models: it may call none"),
        (21, "nobody here is 'user:ben@example.com'"),
        (23, "no model matches 'near/*'"),
        (23, "rule 'never' never runs: 'all' before it matches all that it matches"),
        (27, "rule 'inert' names no guardrail"),
    ]


def test_the_contract_sample_needs_no_advice():
    """Contract, section 2: the sample is as it should be."""
    config = load(sources_of("ok", "contract-sample"))
    assert isinstance(config, Config)
    # `prod/*` in a grant and plain http to loopback are fine.
    assert advice(config) == []


def test_defaults_without_a_gateway_document_are_told():
    """Style 8: a relaxation is visible."""
    config = load(sources_of("ok", "no-gateway-config"))
    assert isinstance(config, Config)
    (found,) = advice(config)
    assert found.message.startswith("no gateway-config")
