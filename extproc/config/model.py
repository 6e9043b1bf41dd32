"""What a configuration can say: one frozen model per document type of the contract.

Shapes, and what one document can be judged by alone (`fields.py` has the single fields). Reading
files, line numbers and cross references live in `load.py` and `check.py`. Unknown keys are
mistakes everywhere (`extra="forbid"`); defaults deny.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from extproc.config.base import Document, SecretRef, When
from extproc.config.fields import (
    Expires,
    FilePath,
    HttpUrl,
    KeyHash,
    MetadataKey,
    ModelId,
    ModelPattern,
    Name,
    OpaUrl,
    PlainName,
    StatusCode,
    StoreUrl,
    Tags,
    complaint,
)
from extproc.config.guardrail_model import (
    Guardrail,
    GuardrailDefaults,
    GuardrailGroup,
    GuardrailRule,
    GuardrailsConfig,
)
from extproc.config.limit_model import (
    BudgetAmount,
    BudgetConfig,
    BudgetRule,
    NotificationChannel,
    RateLimitConfig,
    RateLimitRule,
    RequestCap,
    RequestCapsConfig,
    TenantBudgetConfig,
    TenantRateLimitConfig,
)

__all__ = [
    "BudgetConfig",
    "BudgetRule",
    "Document",
    "Guardrail",
    "GuardrailGroup",
    "GuardrailRule",
    "GuardrailsConfig",
    "NotificationChannel",
    "RateLimitConfig",
    "RateLimitRule",
    "RequestCap",
    "RequestCapsConfig",
    "SecretRef",
    "TenantBudgetConfig",
    "TenantRateLimitConfig",
    "When",
]

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
    url: StoreUrl | None = None
    timeout_ms: int = Field(default=500, ge=1, le=10_000)


class Opa(Document):
    url: OpaUrl


class Policy(Document):
    """`opa` asks an OPA server; otherwise `rego` (files or folders) is evaluated in process."""

    opa: Opa | None = None
    rego: tuple[FilePath, ...] | None = Field(default=None, min_length=1)
    timeout_ms: int = Field(default=250, ge=1, le=4_000)
    shadow: tuple[FilePath, ...] = ()

    @model_validator(mode="after")
    def _one_engine(self) -> Self:
        if self.opa is not None and self.rego is not None:
            raise complaint("`opa` asks a server and `rego` does not; choose one", at="rego")
        return self


class Audit(Document):
    checkpoint_interval_ms: int = Field(default=1_000, ge=10)
    origin: str = "envelope"


class Telemetry(Document):
    """`otlp_endpoint`: an OTLP/HTTP collector, e.g. `http://127.0.0.1:4318`; absent = no export."""

    otlp_endpoint: HttpUrl | None = None
    metric_metadata_keys: tuple[MetadataKey, ...] = ()


class MetadataContract(Document):
    required: tuple[MetadataKey, ...] = ()
    allowed: Mapping[MetadataKey, Annotated[tuple[str, ...], Field(min_length=1)]] = Field(
        default_factory=dict
    )


class LimitDefaults(Document):
    """`default_output_tokens`: what a token RATE limit assumes when a caller states no maximum.

    Budgets never use it: they assume the model's own maximum (P2).
    `reservation_ttl_ms`: a reservation nobody renewed is charged in full after this long.
    `recovery_ms`: calls are refused for so long after the store has lost data, while every gateway
    brings back what it knows.
    """

    default_output_tokens: int = Field(default=1024, ge=1)
    reservation_ttl_ms: int = Field(default=60_000, ge=1_000)
    recovery_ms: int = Field(default=3_000, ge=500)


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
    guardrails: GuardrailDefaults = GuardrailDefaults()

    @model_validator(mode="after")
    def _environment_allowed(self) -> Self:
        allowed = self.metadata.allowed.get("environment")
        if self.environment and allowed and self.environment not in allowed:
            raise complaint(
                "leaves out this gateway's own environment, so every call would be refused",
                at="metadata.allowed.environment",
            )
        return self


# --- providers -------------------------------------------------------------------------------


class PriceTier(Document):
    """A rate for ALL tokens of its kind in a call with more than `above_tokens` of input."""

    above_tokens: int = Field(ge=0)
    per_mtok: float = Field(ge=0)


def _ascending(tiers: tuple[PriceTier, ...]) -> tuple[PriceTier, ...]:
    starts = [tier.above_tokens for tier in tiers]
    if starts != sorted(set(starts)):
        raise complaint("must rise in `above_tokens` from tier to tier")
    return tiers


PriceTiers = Annotated[tuple[PriceTier, ...], AfterValidator(_ascending)]


class PriceSpec(Document):
    """USD per million tokens; `..._usd` are USD each."""

    input_per_mtok: float = Field(ge=0)
    output_per_mtok: float = Field(default=0.0, ge=0)
    cached_input_per_mtok: float | None = Field(default=None, ge=0)
    cache_write_per_mtok: float | None = Field(default=None, ge=0)
    cache_write_1h_per_mtok: float | None = Field(default=None, ge=0)
    audio_input_per_mtok: float | None = Field(default=None, ge=0)
    audio_output_per_mtok: float | None = Field(default=None, ge=0)
    image_input_per_mtok: float | None = Field(default=None, ge=0)
    input_tiers: PriceTiers = ()
    output_tiers: PriceTiers = ()
    cached_input_tiers: PriceTiers = ()
    cache_write_tiers: PriceTiers = ()
    per_request_usd: float = Field(default=0.0, ge=0)
    web_search_usd: float = Field(default=0.0, ge=0)


class ModelSpec(Document):
    id: ModelId
    max_output_tokens: int | None = Field(default=None, ge=1)
    price: PriceSpec | None = None


class Auth(Document):
    api_key: SecretRef


class ProviderAccount(Document):
    type: Literal["provider-account"]
    name: PlainName
    provider: Literal["openai", "anthropic", "openai-compatible"]
    base_url: HttpUrl
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
    """`sha256`: 64 hex digits of the string that applications send. `expires`: see `expiry.py`."""

    name: str | None = None
    sha256: KeyHash
    expires: Expires | None = None


class Team(Document):
    type: Literal["team"]
    name: Name
    models: tuple[ModelPattern, ...] | None = None
    tags: Tags = Field(default_factory=dict)
    budget: BudgetAmount | None = None


class User(Document):
    type: Literal["user"]
    name: Name
    email: str | None = None
    teams: tuple[str, ...] = ()
    tags: Tags = Field(default_factory=dict)
    models: tuple[ModelPattern, ...] = ()
    keys: tuple[KeySpec, ...] = ()
    budget: BudgetAmount | None = None


class VirtualAccount(Document):
    """An empty `models` list grants nothing (defaults deny)."""

    type: Literal["virtual-account"]
    name: Name
    team: str | None = None
    tags: Tags = Field(default_factory=dict)
    models: tuple[ModelPattern, ...] = ()
    keys: tuple[KeySpec, ...] = ()
    budget: BudgetAmount | None = None


# --- rules -----------------------------------------------------------------------------------


class RetryConfig(Document):
    """`attempts` further tries on the same target; `delay` in milliseconds between them."""

    attempts: int = Field(default=0, ge=0, le=10)
    delay: int = Field(default=50, ge=0, le=60_000)
    on_status_codes: tuple[StatusCode, ...] = ("429", "500", "502", "503")


# The resolved model, the stream's shape and the prompt were judged before a target is chosen (P1).
GOVERNED_PARAMS = frozenset({"model", "stream", "messages", "input", "prompt", "system", "tools"})


def _ungoverned(params: Mapping[str, Any]) -> Mapping[str, Any]:
    for key in params:
        if key in GOVERNED_PARAMS:
            raise complaint(f"may not replace `{key}`, which the request was judged by")
    return params


class LoadBalanceTarget(Document):
    target: str
    priority: int = 0
    weight: float = Field(default=1, ge=0)
    retry_config: RetryConfig = RetryConfig()
    fallback_status_codes: tuple[StatusCode, ...] = (
        "401", "403", "404", "408", "429", "500", "502", "503",
    )  # fmt: skip
    fallback_candidate: bool = True
    override_params: Annotated[Mapping[str, Any], AfterValidator(_ungoverned)] = Field(
        default_factory=dict
    )


class RoutingRule(Document):
    id: Name
    type: Literal["priority-based-routing", "weight-based-routing"]
    when: When
    load_balance_targets: tuple[LoadBalanceTarget, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _some_weight(self) -> Self:
        weightless = all(target.weight == 0 for target in self.load_balance_targets)
        if self.type == "weight-based-routing" and weightless:
            raise complaint("have weights that sum to 0", at="load_balance_targets")
        return self


class RoutingConfig(Document):
    type: Literal["gateway-load-balancing-config"]
    name: Name
    rules: tuple[RoutingRule, ...]


class Config(BaseModel):
    """A whole, valid configuration. `digest` is the SHA-256 (hex) of all its sources.

    File paths are absolute. `places`: file and line of `type/name` of each document, of each rule
    as `type#rule-id`, of each provider's credentials as `provider-account/name#auth`, of the
    policy as `gateway-config/name#policy`. `budgets` holds the accounts' own too
    (`account_budgets.py`). `channels`: by name. `guardrail_settings`: each guardrail's `config`,
    read by its type.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    digest: str
    gateway: GatewayConfig
    accounts: Mapping[str, ProviderAccount]
    teams: Mapping[str, Team]
    users: Mapping[str, User]
    virtual_accounts: Mapping[str, VirtualAccount]
    rate_limits: tuple[RateLimitRule, ...]
    budgets: tuple[BudgetRule, ...]
    tenant_budgets: tuple[TenantBudgetConfig, ...] = ()
    tenant_rate_limits: tuple[TenantRateLimitConfig, ...] = ()
    request_caps: tuple[RequestCap, ...] = ()
    channels: Mapping[str, NotificationChannel] = Field(default_factory=dict)
    routing: tuple[RoutingRule, ...]
    guardrails: Mapping[str, Guardrail]
    guardrail_settings: Mapping[str, Document] = Field(default_factory=dict)
    guardrail_rules: tuple[GuardrailRule, ...]
    places: Mapping[str, tuple[str, int]] = Field(default_factory=dict, repr=False)

    def model(self, name: str) -> tuple[ProviderAccount, ModelSpec] | None:
        """Find `account/model`; None when there is no such account or model."""
        account_name, _, model_id = name.partition("/")
        account = self.accounts.get(account_name)
        if account is None:
            return None
        return next(((account, m) for m in account.models if m.id == model_id), None)
