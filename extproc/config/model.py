"""What a configuration can say: one frozen model per document type of the contract.

Shapes, and what one document can be judged by alone (`fields.py` has the single fields). Reading
files, line numbers and cross references live in `load.py` and `check.py`. Unknown keys are
mistakes everywhere (`extra="forbid"`); defaults deny.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from extproc.config.audit_model import Audit
from extproc.config.base import Document, SecretRef, When
from extproc.config.fields import (
    Expires,
    FilePath,
    KeyHash,
    MetadataKey,
    ModelPattern,
    Name,
    OpaUrl,
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
from extproc.config.prompt_model import Prompt
from extproc.config.provider_model import (
    Auth,
    ModelSpec,
    PriceSpec,
    PriceTier,
    ProviderAccount,
    ProviderKey,
)
from extproc.config.routing_model import (
    FallbackRule,
    LoadBalanceTarget,
    RetryConfig,
    RoutingConfig,
    RoutingRule,
)
from extproc.config.telemetry_model import Telemetry
from extproc.config.tier_model import Tier, Tiers, whole

__all__ = [
    "Auth",
    "BudgetConfig",
    "BudgetRule",
    "Document",
    "Guardrail",
    "GuardrailGroup",
    "GuardrailRule",
    "GuardrailsConfig",
    "LoadBalanceTarget",
    "ModelSpec",
    "NotificationChannel",
    "PriceSpec",
    "PriceTier",
    "ProviderAccount",
    "ProviderKey",
    "RateLimitConfig",
    "RateLimitRule",
    "RequestCap",
    "RequestCapsConfig",
    "RoutingConfig",
    "RoutingRule",
    "SecretRef",
    "Telemetry",
    "TenantBudgetConfig",
    "TenantRateLimitConfig",
    "When",
]

# --- gateway ---------------------------------------------------------------------------------


class Listener(Document):
    """Limits of the listener. Sizes in bytes, times in milliseconds.

    `tiers`: other times for some calls, by name; `interactive` and `batch` are there unless said
    otherwise.
    """

    request_body_bytes_max: int = Field(default=10 * 1024 * 1024, ge=1024, le=256 * 1024 * 1024)
    response_body_bytes_max: int = Field(default=32 * 1024 * 1024, ge=1024)
    header_kib_max: int = Field(default=60, ge=8, le=8192)
    request_timeout_ms: int = Field(default=600_000, ge=100)
    per_try_timeout_ms: int = Field(default=300_000, ge=100)
    stream_idle_timeout_ms: int = Field(default=120_000, ge=100)
    connect_timeout_ms: int = Field(default=5_000, ge=50)
    concurrent_requests_max: int = Field(default=1024, ge=1)
    tiers: Tiers = Field(default_factory=dict)

    @cached_property
    def all_tiers(self) -> Mapping[str, Tier]:
        """Every tier by name, whole: no time in it is None. `default` is the listener's own."""
        own = Tier(
            request_timeout_ms=self.request_timeout_ms,
            first_token_timeout_ms=self.per_try_timeout_ms,
            stream_idle_timeout_ms=self.stream_idle_timeout_ms,
        )
        return whole(own, self.tiers)


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


class MetadataContract(Document):
    required: tuple[MetadataKey, ...] = ()
    allowed: Mapping[MetadataKey, Annotated[tuple[str, ...], Field(min_length=1)]] = Field(
        default_factory=dict
    )


class RoutingHealth(Document):
    """`health_window_ms`: a target that failed two calls within it goes last; 0 = order never
    changes by that."""

    health_window_ms: int = Field(default=120_000, ge=0, le=3_600_000)


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
    routing: RoutingHealth = RoutingHealth()
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


# --- principals ------------------------------------------------------------------------------


ProviderKeyName = Annotated[str, Field(pattern=r"^[^\s*?\[\]/]+/([^\s*?\[\]/]+|\*)$")]


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
    """An empty `models` list grants nothing (defaults deny). `provider_keys`: of accounts that have
    several `keys` only these may be used, as `account/key` or `account/*`; None: all."""

    type: Literal["virtual-account"]
    name: Name
    team: str | None = None
    tags: Tags = Field(default_factory=dict)
    models: tuple[ModelPattern, ...] = ()
    provider_keys: tuple[ProviderKeyName, ...] | None = None
    keys: tuple[KeySpec, ...] = ()
    budget: BudgetAmount | None = None


# --- all of it ---------------------------------------------------------------------------------


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
    fallbacks: tuple[FallbackRule, ...] = ()
    retry_settings: RetryConfig | None = None
    prompts: Mapping[str, Prompt] = Field(default_factory=dict)
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
