"""Configurations that hold nothing but limits, and short ways to write their rules."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from extproc.config.limit_model import (
    BudgetRule,
    LimitWhen,
    RateLimitRule,
    TenantBudgetConfig,
    TenantRateLimitConfig,
)
from extproc.config.model import Config, GatewayConfig, LimitDefaults
from extproc.identity.principal import Principal
from extproc.limits.match import LimitMatcher
from extproc.limits.values import Amounts, Charge

BOT = Principal("virtual-account", "bot", "first", team="support")
ANN = Principal("user", "ann", "laptop", teams=("support", "ml"), email="ann@example.com")
AMOUNTS = Amounts(1, 5_000, 400, True, 7_000_000)
MODELS = ("prod/assistant", "openai-main/gpt-4o-mini", "anthropic-main/claude-sonnet")


def matcher(
    rates: Sequence[RateLimitRule] = (), budgets: Sequence[BudgetRule] = (), *,
    tenant_budgets: Sequence[TenantBudgetConfig] = (),
    tenant_rates: Sequence[TenantRateLimitConfig] = (), default_output_tokens: int = 1_024,
) -> LimitMatcher:  # fmt: skip
    limits = LimitDefaults(default_output_tokens=default_output_tokens)
    return LimitMatcher(
        Config(
            digest="0" * 64,
            gateway=GatewayConfig(type="gateway-config", name="g", limits=limits),
            accounts={}, teams={}, users={}, virtual_accounts={},
            rate_limits=tuple(rates), budgets=tuple(budgets),
            tenant_budgets=tuple(tenant_budgets), tenant_rate_limits=tuple(tenant_rates),
            routing=(), guardrails={}, guardrail_rules=(),
        )
    )  # fmt: skip


def rpm(rule_id: str, limit: int = 10, unit: str = "requests_per_minute",
        per: tuple[str, ...] = (), audit: bool = False, **when: Any) -> RateLimitRule:  # fmt: skip
    return RateLimitRule(id=rule_id, when=LimitWhen(**when), limit_to=limit, unit=unit,
                         rate_limit_applies_per=per, audit_mode=audit)  # type: ignore[arg-type]  # fmt: skip


def usd(rule_id: str, limit: float = 25, unit: str = "cost_per_day", per: tuple[str, ...] = (),
        more: Mapping[str, Any] | None = None, **when: Any) -> BudgetRule:  # fmt: skip
    return BudgetRule(id=rule_id, when=LimitWhen(**when), limit_to=limit, unit=unit,
                      budget_applies_per=per, **(more or {}))  # type: ignore[arg-type]  # fmt: skip


def tenant_budget(**fields: Any) -> TenantBudgetConfig:
    """As a document says it, lists and all."""
    document = {"type": "tenant-budget-config", "name": "acme", "when": {}, **fields}
    return TenantBudgetConfig.model_validate_json(json.dumps(document))


def tenant_rate(**fields: Any) -> TenantRateLimitConfig:
    document = {"type": "tenant-rate-limit-config/model", "name": "acme", "when": {}, **fields}
    return TenantRateLimitConfig.model_validate_json(json.dumps(document))


def charges(
    limits: LimitMatcher, who: Principal = BOT, models: tuple[str, ...] = MODELS,
    metadata: Mapping[str, str] | None = None, operation: str = "chat",
    amounts: Amounts = AMOUNTS,
) -> list[Charge]:  # fmt: skip
    return limits.charges(who, models, operation, metadata or {}, amounts)


def ids(
    limits: LimitMatcher, who: Principal = BOT, models: tuple[str, ...] = MODELS,
    metadata: Mapping[str, str] | None = None, operation: str = "chat",
) -> list[str]:  # fmt: skip
    return [charge.rule_id for charge in charges(limits, who, models, metadata, operation)]
