"""What this version understands, and what belongs to the contract but not to this version yet.

Promises: a document, key or value of the second kind is a mistake that says so; it is never
ignored, for a rule that silently does nothing is worse than none.
"""

from __future__ import annotations

from collections.abc import Mapping

from extproc.config import model as m

GATEWAY = "gateway-config"
ROUTING = "gateway-load-balancing-config"

KINDS: Mapping[str, type[m.Document]] = {
    GATEWAY: m.GatewayConfig,
    "provider-account": m.ProviderAccount,
    "team": m.Team,
    "user": m.User,
    "virtual-account": m.VirtualAccount,
    "gateway-rate-limiting-config": m.RateLimitConfig,
    "gateway-budget-config": m.BudgetConfig,
    ROUTING: m.RoutingConfig,
    "guardrail-config-group": m.GuardrailGroup,
    "gateway-guardrails-config": m.GuardrailsConfig,
}

NOT_YET_KINDS = frozenset(
    {
        "gateway-metadata-config", "gateway-fallback-config", "gateway-global-settings",
        "gateway-logging-config", "gateway-otel-config", "gateway-data-access-config",
        "gateway-data-routing-config", "tenant-budget-config", "team-budget-config",
        "tenant-rate-limit-config/model", "tenant-rate-limit-config/mcp",
        "provider-account/virtual-model", "provider-account/guardrail-config-group",
        "mcp-server", "mcp-server/remote", "mcp-server/virtual", "mcp-server/openapi",
        "mcp-server/stdio", "role",
    }
)  # fmt: skip

# Model name -> keys of its documents that a later version will read.
NOT_YET_KEYS: Mapping[str, frozenset[str]] = {
    "GatewayConfig": frozenset({"headers", "header_names", "cache", "jwt", "mcp", "alerts"}),
    "Store": frozenset({"tls", "username", "password"}),
    "Audit": frozenset({"durability", "content", "content_capture", "sinks", "retention"}),
    "LimitDefaults": frozenset({"defaults"}),
    "SecretRef": frozenset({"vault", "aws", "gcp", "azure"}),
    "ProviderAccount": frozenset({"collaborators", "integrations"}),
    "PriceSpec": frozenset({"input_tiers", "output_tiers", "audio_per_mtok"}),
    "VirtualAccount": frozenset(
        {"provider_keys", "budget", "permissions", "expiration_date", "auto_rotate", "ownedBy"}
    ),
    "User": frozenset({"budget"}),
    "Team": frozenset({"budget", "keys"}),
    "BudgetRule": frozenset({"alerts", "block_on_budget_exceed"}),
    "RoutingRule": frozenset({"sticky_routing"}),
    "LoadBalanceTarget": frozenset({"sla_cutoff", "headers_override", "metadata_match"}),
    "GuardrailGroup": frozenset({"collaborators", "integrations", "ownedBy"}),
    "PiiSettings": frozenset({"pii_categories", "style"}),
}

# Field name -> values that a later version will read.
NOT_YET_VALUES: Mapping[str, frozenset[str]] = {
    "provider": frozenset(
        {
            "azure-openai", "google-gemini", "google-vertex", "aws-bedrock", "groq", "mistral",
            "cohere", "cerebras", "ollama",
        }
    ),
    "unit": frozenset(
        {"cost_per_week", "cost_per_month", "cost_per_quarter", "tokens_per_month"}
    ),
    "type": frozenset(
        {
            "latency-based-routing",
            "prompt-injection", "content-moderation", "regex", "topics", "metadata",
            "sql-sanitizer", "code-safety", "json-schema", "prompt-leak", "length", "language",
            "opa", "cedar", "judge", "webhook", "openai-moderations", "azure-content-safety",
            "bedrock-guardrails", "patronus", "presidio",
        }
    ),
}  # fmt: skip
