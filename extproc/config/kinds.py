"""What this version understands, and what belongs to the contract but not to this version yet.

Promises: a document, key or value of the second kind is a mistake that says so; it is never
ignored, for a rule that silently does nothing is worse than none.
"""

from __future__ import annotations

from collections.abc import Mapping

from extproc.config import model as m
from extproc.config.prompt_model import Prompt
from extproc.config.routing_model import FallbackConfig, GlobalSettings
from extproc.config.virtual_model import VirtualModelConfig

GATEWAY = "gateway-config"
BUDGETS = "gateway-budget-config"
RATES = "gateway-rate-limiting-config"
TENANT_BUDGETS = ("tenant-budget-config", "team-budget-config")
TENANT_RATES = "tenant-rate-limit-config/model"
CHANNEL = "notification-channel"
GUARDRAILS = "guardrail-config-group"
# Account document -> how a subject of that kind begins; each may have a `budget` of its own.
GRANTEES = {"team": "team", "user": "user", "virtual-account": "virtualaccount"}
ROUTING = "gateway-load-balancing-config"
VIRTUAL_MODEL = "provider-account/virtual-model"
FALLBACK = "gateway-fallback-config"
SETTINGS = "gateway-global-settings"
PROMPT = "chat_prompt"

KINDS: Mapping[str, type[m.Document]] = {
    GATEWAY: m.GatewayConfig,
    "provider-account": m.ProviderAccount,
    "team": m.Team,
    "user": m.User,
    "virtual-account": m.VirtualAccount,
    RATES: m.RateLimitConfig,
    BUDGETS: m.BudgetConfig,
    TENANT_RATES: m.TenantRateLimitConfig,
    **dict.fromkeys(TENANT_BUDGETS, m.TenantBudgetConfig),
    "gateway-request-caps-config": m.RequestCapsConfig,
    CHANNEL: m.NotificationChannel,
    ROUTING: m.RoutingConfig,
    VIRTUAL_MODEL: VirtualModelConfig,
    FALLBACK: FallbackConfig,
    SETTINGS: GlobalSettings,
    PROMPT: Prompt,
    GUARDRAILS: m.GuardrailGroup,
    "gateway-guardrails-config": m.GuardrailsConfig,
}

NOT_YET_KINDS = frozenset(
    {
        "gateway-metadata-config", "gateway-logging-config", "gateway-otel-config",
        "gateway-data-access-config", "gateway-data-routing-config",
        "tenant-rate-limit-config/mcp", "provider-account/guardrail-config-group",
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
    "PriceSpec": frozenset({"metric", "value"}),
    "VirtualAccount": frozenset({"permissions", "expiration_date", "auto_rotate", "ownedBy"}),
    "Team": frozenset({"keys"}),
    "BudgetRule": frozenset({"block_on_budget_exceed"}),
    "Alerts": frozenset({"send_to"}),
    "NotificationTarget": frozenset({"channels"}),
    "TenantWhen": frozenset({"mcp_servers"}),
    "TenantRateLimits": frozenset({"tool_calls_per_minute", "tool_calls_per_hour"}),
    "TenantRateLimitConfig": frozenset({"log_request_body_on_block"}),
    "GlobalSettings": frozenset(
        {"logging_settings", "semantic_cache_settings", "guardrail_settings"}
    ),
    "VirtualModelConfig": frozenset({"ownedBy"}),
    "GuardrailGroup": frozenset({"collaborators", "integrations", "ownedBy"}),
}

# Field name -> values that a later version will read.
NOT_YET_VALUES: Mapping[str, frozenset[str]] = {
    "kind": frozenset({"slack-bot"}),
    "type": frozenset({"slack-bot"}),
}
