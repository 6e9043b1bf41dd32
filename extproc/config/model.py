"""What a configuration can say: one frozen model per document type of the contract.

Shapes only. Reading files, line numbers and cross references live in `load.py`. Unknown keys are
mistakes everywhere (`extra="forbid"`); defaults deny.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._@:/-]*$")]


class Document(BaseModel):
    """Base of every part: frozen, strict, no unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=True)


class SecretRef(Document):
    """Where a secret lives. Only the data plane's renderer ever resolves it (P4)."""

    env: str | None = None
    file: str | None = None


# --- gateway ---------------------------------------------------------------------------------


class Listener(Document):
    """Limits of the listener. Sizes in bytes, times in milliseconds."""

    request_body_bytes_max: int = Field(default=10 * 1024 * 1024, ge=1024, le=256 * 1024 * 1024)
    response_body_bytes_max: int = Field(default=32 * 1024 * 1024, ge=1024)
    header_kib_max: int = Field(default=60, ge=8, le=8192)
    request_timeout_ms: int = Field(default=600_000, ge=100)
    per_try_timeout_ms: int = Field(default=300_000, ge=100)
    stream_idle_timeout_ms: int = Field(default=120_000, ge=100)
    connect_timeout_ms: int = Field(default=5_000, ge=50)
    concurrent_requests_max: int = Field(default=1024, ge=1)


class Store(Document):
    url: str | None = None
    timeout_ms: int = Field(default=500, ge=1, le=10_000)


class Opa(Document):
    url: str


class Policy(Document):
    """`opa` asks an OPA server; otherwise `rego` (files or folders) is evaluated in process."""

    opa: Opa | None = None
    rego: tuple[str, ...] | None = None
    timeout_ms: int = Field(default=250, ge=1, le=4_000)
    shadow: tuple[str, ...] = ()


class Audit(Document):
    checkpoint_interval_ms: int = Field(default=1_000, ge=10)
    origin: str = "envelope"


class Telemetry(Document):
    """`otlp_endpoint`: an OTLP/HTTP collector, e.g. `http://127.0.0.1:4318`; absent = no export."""

    otlp_endpoint: str | None = None
    metric_metadata_keys: tuple[str, ...] = ()


class MetadataContract(Document):
    required: tuple[str, ...] = ()
    allowed: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)


class LimitDefaults(Document):
    """`default_output_tokens`: what a token RATE limit assumes when a caller states no maximum.

    Budgets never use it: they assume the model's own maximum (P2).
    `reservation_ttl_ms`: a reservation nobody renewed is charged in full after this long.
    """

    default_output_tokens: int = Field(default=1024, ge=1)
    reservation_ttl_ms: int = Field(default=60_000, ge=1_000)


class GatewayConfig(Document):
    type: Literal["gateway-config"]
    name: Name
    environment: str | None = None
    listener: Listener = Listener()
    store: Store = Store()
    policy: Policy = Policy()
    audit: Audit = Audit()
    telemetry: Telemetry = Telemetry()
    metadata: MetadataContract = MetadataContract()
    limits: LimitDefaults = LimitDefaults()


# --- providers -------------------------------------------------------------------------------


class PriceSpec(Document):
    """USD per million tokens."""

    input_per_mtok: float = Field(ge=0)
    output_per_mtok: float = Field(default=0.0, ge=0)
    cached_input_per_mtok: float | None = Field(default=None, ge=0)
    cache_write_per_mtok: float | None = Field(default=None, ge=0)


class ModelSpec(Document):
    id: str = Field(min_length=1)
    max_output_tokens: int | None = Field(default=None, ge=1)
    price: PriceSpec | None = None


class Auth(Document):
    api_key: SecretRef


class ProviderAccount(Document):
    type: Literal["provider-account"]
    name: Name
    provider: Literal["openai", "anthropic", "openai-compatible"]
    base_url: str
    auth: Auth | None = None
    region: str | None = None
    kind: Literal["external", "self_hosted"] = "external"
    unpriced: Literal["refuse", "allow"] = "refuse"
    models: tuple[ModelSpec, ...]

    @property
    def dialect(self) -> Literal["openai", "anthropic"]:
        return "anthropic" if self.provider == "anthropic" else "openai"


# --- principals ------------------------------------------------------------------------------


class KeySpec(Document):
    """`sha256`: 64 hex digits of the string that applications send. `expires`: RFC 3339 or date."""

    name: str | None = None
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    expires: str | None = None


class Team(Document):
    type: Literal["team"]
    name: Name
    models: tuple[str, ...] | None = None
    tags: Mapping[str, str] = Field(default_factory=dict)


class User(Document):
    type: Literal["user"]
    name: Name
    email: str | None = None
    teams: tuple[str, ...] = ()
    tags: Mapping[str, str] = Field(default_factory=dict)
    models: tuple[str, ...] = ()
    keys: tuple[KeySpec, ...] = ()


class VirtualAccount(Document):
    """An empty `models` list grants nothing (defaults deny)."""

    type: Literal["virtual-account"]
    name: Name
    team: str | None = None
    tags: Mapping[str, str] = Field(default_factory=dict)
    models: tuple[str, ...] = ()
    keys: tuple[KeySpec, ...] = ()


# --- rules -----------------------------------------------------------------------------------


class When(Document):
    """Parts are ANDed; a missing part matches everything; `{}` matches all traffic."""

    subjects: tuple[str, ...] | None = None
    models: tuple[str, ...] | None = None
    metadata: Mapping[str, str] | None = None


class RateLimitRule(Document):
    id: Name
    when: When
    limit_to: int = Field(ge=0)
    unit: Literal[
        "requests_per_minute", "requests_per_hour", "requests_per_day",
        "tokens_per_minute", "tokens_per_hour", "tokens_per_day",
    ]  # fmt: skip
    rate_limit_applies_per: tuple[str, ...] = Field(default=(), max_length=2)


class RateLimitConfig(Document):
    type: Literal["gateway-rate-limiting-config"]
    name: Name
    rules: tuple[RateLimitRule, ...]


class BudgetRule(Document):
    """`limit_to` in USD for `cost_*`, in tokens for `tokens_*`. `audit_mode` records only."""

    id: Name
    when: When
    limit_to: float = Field(ge=0, le=9_000_000)
    unit: Literal["cost_per_day", "tokens_per_day"]
    budget_applies_per: tuple[str, ...] = Field(default=(), max_length=2)
    audit_mode: bool = False


class BudgetConfig(Document):
    type: Literal["gateway-budget-config"]
    name: Name
    rules: tuple[BudgetRule, ...]


class RetryConfig(Document):
    """`attempts` further tries on the same target; `delay` in milliseconds between them."""

    attempts: int = Field(default=0, ge=0, le=10)
    delay: int = Field(default=50, ge=0, le=60_000)
    on_status_codes: tuple[str, ...] = ("429", "500", "502", "503")


class LoadBalanceTarget(Document):
    target: str
    priority: int = 0
    weight: float = Field(default=1, ge=0)
    retry_config: RetryConfig = RetryConfig()
    fallback_status_codes: tuple[str, ...] = ("401", "403", "404", "408", "429", "500", "502", "503")
    fallback_candidate: bool = True
    override_params: Mapping[str, Any] = Field(default_factory=dict)


class RoutingRule(Document):
    id: Name
    type: Literal["priority-based-routing", "weight-based-routing"]
    when: When
    load_balance_targets: tuple[LoadBalanceTarget, ...] = Field(min_length=1)


class RoutingConfig(Document):
    type: Literal["gateway-load-balancing-config"]
    name: Name
    rules: tuple[RoutingRule, ...]


class Guardrail(Document):
    """One guardrail of a group; addressed as `group/name`. `config` is checked by its type."""

    name: Name
    type: Literal["pii", "secrets"]
    operation: Literal["validate", "mutate"] = "validate"
    enforcing_strategy: Literal["audit", "enforce", "strict", "enforce_but_ignore_on_error"] = "enforce"
    priority: int = 0
    timeout_ms: int = Field(default=5_000, ge=1)
    config: Mapping[str, Any] = Field(default_factory=dict)


class GuardrailGroup(Document):
    type: Literal["guardrail-config-group"]
    name: Name
    guardrails: tuple[Guardrail, ...]


class GuardrailRule(Document):
    """All matching rules apply. A missing `when` is a mistake, never 'everything'."""

    id: Name
    when: When
    llm_input_guardrails: tuple[str, ...] = ()
    llm_output_guardrails: tuple[str, ...] = ()
    mcp_tool_pre_invoke_guardrails: tuple[str, ...] = ()
    mcp_tool_post_invoke_guardrails: tuple[str, ...] = ()
    custom_error_message: str | None = None


class GuardrailsConfig(Document):
    type: Literal["gateway-guardrails-config"]
    name: Name
    rules: tuple[GuardrailRule, ...]


class Config(BaseModel):
    """A whole, valid configuration. `digest` is the SHA-256 (hex) of all its sources."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    digest: str
    gateway: GatewayConfig
    accounts: Mapping[str, ProviderAccount]
    teams: Mapping[str, Team]
    users: Mapping[str, User]
    virtual_accounts: Mapping[str, VirtualAccount]
    rate_limits: tuple[RateLimitRule, ...]
    budgets: tuple[BudgetRule, ...]
    routing: tuple[RoutingRule, ...]
    guardrails: Mapping[str, Guardrail]
    guardrail_rules: tuple[GuardrailRule, ...]

    def model(self, name: str) -> tuple[ProviderAccount, ModelSpec] | None:
        """Find `account/model`; None when there is no such account or model."""
        account_name, _, model_id = name.partition("/")
        account = self.accounts.get(account_name)
        if account is None:
            return None
        return next(((account, m) for m in account.models if m.id == model_id), None)
