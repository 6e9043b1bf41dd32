"""The configurations that are measured."""

from __future__ import annotations

from typing import Any


def gateway(provider_port: int, key_sha256: str) -> str:
    """Everything on: contract, policy, rate limit, two budgets, PII and secret guardrails."""
    return f"""
type: gateway-config
name: gateway
environment: production
metadata: {{required: [team], allowed: {{environment: [production]}}}}
---
type: provider-account
name: openai-main
provider: openai
base_url: http://127.0.0.1:{provider_port}/v1
auth: {{api_key: {{file: provider-key}}}}
region: us
models:
  - id: gpt-4o-mini
    max_output_tokens: 16384
    price: {{input_per_mtok: 0.15, output_per_mtok: 0.6}}
---
type: virtual-account
name: bench
team: bench
tags: {{environment: production}}
models: ["openai-main/*"]
keys: [{{name: first, sha256: {key_sha256}}}]
---
type: gateway-rate-limiting-config
name: limits
rules: [{{id: rpm, when: {{}}, limit_to: 100000000, unit: requests_per_minute}}]
---
type: gateway-budget-config
name: budgets
rules:
  - {{id: team-day, when: {{subjects: ["team:bench"]}}, limit_to: 100000, unit: cost_per_day}}
  - {{id: all-day, when: {{}}, limit_to: 1000000, unit: cost_per_day}}
---
type: guardrail-config-group
name: global
guardrails:
  - {{name: pii, type: pii, operation: mutate, enforcing_strategy: enforce}}
  - {{name: secrets, type: secrets, operation: mutate, enforcing_strategy: enforce}}
---
type: gateway-guardrails-config
name: guardrails
rules:
  - id: all
    when: {{}}
    llm_input_guardrails: [global/pii, global/secrets]
    llm_output_guardrails: [global/pii, global/secrets]
"""


def plain_envoy(port: int, provider_port: int) -> dict[str, Any]:
    """An Envoy that only proxies."""
    manager = {
        "@type": "type.googleapis.com/envoy.extensions.filters.network."
        "http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "plain",
        "route_config": {
            "virtual_hosts": [
                {"name": "all", "domains": ["*"],
                 "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "provider",
                                                                "timeout": "60s"}}]}
            ]
        },
        "http_filters": [
            {"name": "envoy.filters.http.router",
             "typed_config": {"@type": "type.googleapis.com/"
                              "envoy.extensions.filters.http.router.v3.Router"}}
        ],
    }  # fmt: skip
    address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    upstream = {"socket_address": {"address": "127.0.0.1", "port_value": provider_port}}
    return {
        "static_resources": {
            "listeners": [
                {"name": "plain", "address": address,
                 "filter_chains": [{"filters": [{
                     "name": "envoy.filters.network.http_connection_manager",
                     "typed_config": manager}]}]}
            ],
            "clusters": [
                {"name": "provider", "type": "STATIC",
                 "load_assignment": {"cluster_name": "provider", "endpoints": [
                     {"lb_endpoints": [{"endpoint": {"address": upstream}}]}]}}
            ],
        }
    }  # fmt: skip
