"""Limits of the second version: one document, several windows, one rule for each of them.

Promises: every one that matches holds, in all its windows, beside the first-match list of the
first version. A rule's id is `<name>:<unit>`, e.g. `acme:cost_per_month`. A `team-budget-config`
concerns nobody but the callers of its team.
"""

from __future__ import annotations

from collections.abc import Iterator

from extproc.config.limit_model import (
    AppliesTo,
    TenantBudgetConfig,
    TenantLimits,
    TenantRateLimitConfig,
    TenantRateLimits,
)
from extproc.limits.override import Overrides, compile_overrides
from extproc.limits.rules import (
    MODES,
    NO_LIMIT,
    CompiledRule,
    dimensions,
    exact,
    rate_unit,
    unit_period,
)
from extproc.limits.selector import select_tenant
from extproc.limits.values import Measure
from extproc.limits.window import calendar

PER = {
    "aggregate": (),
    "per-user": ("user",),
    "per-team": ("team",),
    "per-model": ("model",),
    "per-virtual-account": ("virtualaccount",),
}
Limits = TenantLimits | TenantRateLimits
MEASURES: dict[str, Measure] = {"cost": "cost", "tokens": "tokens", "requests": "requests"}


def tenant_budget_rules(document: TenantBudgetConfig) -> Iterator[CompiledRule]:
    """One budget for each window of `limits`, and of an override's."""
    selector = select_tenant(document.when, _member_of(document))
    per = _per(document.applies_to)
    for unit in _units(document.limits, document.applies_to):
        measure, period = MEASURES[unit.partition("_")[0]], unit_period(unit)
        assert period is not None
        yield CompiledRule(
            rule_id=f"{document.name}:{unit}",
            kind="budget",
            measure=measure,
            limit=_limit(document.limits, unit, measure),
            window=calendar(period, document.timezone),
            selector=selector,
            per=dimensions(per),
            mode=MODES[document.mode],
            overrides=_overrides(document.applies_to, per, unit, measure),
        )


def tenant_rate_rules(
    document: TenantRateLimitConfig, default_output_tokens: int
) -> Iterator[CompiledRule]:
    """One rate or concurrency limit for each window of `limits`, and of an override's."""
    selector = select_tenant(document.when, None)
    per = _per(document.applies_to)
    for unit in _units(document.limits, document.applies_to):
        kind, measure, window = rate_unit(unit)
        yield CompiledRule(
            rule_id=f"{document.name}:{unit}",
            kind=kind,
            measure=measure,
            limit=_limit(document.limits, unit, measure),
            window=window,
            selector=selector,
            per=dimensions(per),
            mode=MODES[document.mode],
            overrides=_overrides(document.applies_to, per, unit, measure),
            default_output_tokens=default_output_tokens,
        )


def _member_of(document: TenantBudgetConfig) -> str | None:
    return f"team:{document.team_name}" if document.team_name else None


def _per(applies_to: AppliesTo) -> tuple[str, ...]:
    if applies_to.type == "metadata":
        return (f"metadata.{applies_to.metadata}",)
    return PER[applies_to.type]


def _units(limits: Limits, applies_to: AppliesTo) -> list[str]:
    """Every unit that the document or one of its overrides limits, in the order of the schema."""
    given = set(limits.given()).union(*(one.limits.given() for one in applies_to.overrides))
    return [unit for unit in type(limits).model_fields if unit in given]


def _limit(limits: Limits, unit: str, measure: Measure) -> int:
    limit = limits.given().get(unit)
    return NO_LIMIT if limit is None else exact(measure, limit)


def _overrides(
    applies_to: AppliesTo, per: tuple[str, ...], unit: str, measure: Measure
) -> Overrides | None:
    """Those that say something about this window."""
    limited = ((one, _limit(one.limits, unit, measure)) for one in applies_to.overrides)
    return compile_overrides(per, ((one, limit) for one, limit in limited if limit != NO_LIMIT))
