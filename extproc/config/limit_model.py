"""Limits as a configuration says them: rate limits, budgets, and caps of single requests.

Shapes, and what one document can be judged by alone; what all rules of one kind share with the
others is judged in `check.py`. `limits/` compiles them. The second version's documents are in
`tenant_model.py`, alerts in `alert_model.py`; their names are also had from here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Literal, Self

from pydantic import Field, model_validator

from extproc.config.alert_model import Alerts, NotificationChannel, NotificationTarget, Smtp
from extproc.config.base import Document, SecretRef, When
from extproc.config.fields import COST_USD_MAX, AppliesPer, Fault, Name, complain, complaint
from extproc.config.limit_fields import (
    CALENDAR_DURATIONS,
    Amount,
    Count,
    Duration,
    Operations,
    TimeZone,
    Tokens,
    inexact,
)
from extproc.config.mistake import one_of
from extproc.config.overrides import OverrideNames, override_faults
from extproc.config.tenant_model import (
    AppliesTo,
    InOrNot,
    RateAppliesTo,
    TenantBudgetConfig,
    TenantLimits,
    TenantOverride,
    TenantRateLimitConfig,
    TenantRateLimits,
    TenantRateOverride,
    TenantSubjects,
    TenantWhen,
)

__all__ = [
    "Alerts", "AppliesTo", "BudgetAmount", "BudgetConfig", "BudgetRule", "DegradeStep", "InOrNot",
    "LimitOverride", "LimitWhen", "NotificationChannel", "NotificationTarget", "RateAppliesTo",
    "RateLimitConfig", "RateLimitRule", "RequestCap", "RequestCapsConfig", "SecretRef", "Smtp",
    "TenantBudgetConfig", "TenantLimits", "TenantOverride", "TenantRateLimitConfig",
    "TenantRateLimits", "TenantRateOverride", "TenantSubjects", "TenantWhen",
]  # fmt: skip


class LimitWhen(When):
    """`when` of a limit: also what kind of call it is (`chat`, `embeddings`, ...)."""

    operations: Operations | None = None


# --- rate limits -----------------------------------------------------------------------------


class RateLimitRule(Document):
    """`concurrent_requests`: calls in flight at once; it has no window.

    First match wins, among the rules with a window and among those without.
    """

    id: Name
    when: LimitWhen
    limit_to: Count
    unit: Literal[
        "requests_per_minute", "requests_per_hour", "requests_per_day",
        "tokens_per_minute", "tokens_per_hour", "tokens_per_day",
        "concurrent_requests",
    ]  # fmt: skip
    rate_limit_applies_per: AppliesPer = ()
    audit_mode: bool = False


class RateLimitConfig(Document):
    type: Literal["gateway-rate-limiting-config"]
    name: Name
    rules: tuple[RateLimitRule, ...]


# --- budgets ---------------------------------------------------------------------------------

BudgetUnit = Literal[
    "cost", "cost_per_hour", "cost_per_day", "cost_per_week", "cost_per_month",
    "cost_per_quarter", "cost_per_year", "cost_total",
    "tokens", "tokens_per_hour", "tokens_per_day", "tokens_per_week", "tokens_per_month",
    "tokens_per_quarter", "tokens_per_year", "tokens_total",
    "requests", "requests_per_hour", "requests_per_day", "requests_per_week",
    "requests_per_month", "requests_per_quarter", "requests_per_year", "requests_total",
]  # fmt: skip


class DegradeStep(Document):
    """What to do instead of refusing, once `at_percent` of the budget is spent.

    `model`: call this one instead. `max_tokens`: answer no longer than this. `template`: answer
    with this text and call nobody.
    """

    at_percent: float = Field(gt=0, le=100)
    model: str | None = None
    max_tokens: Tokens | None = None
    template: str | None = Field(default=None, min_length=1, max_length=2000)

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        if self.template is not None and (self.model or self.max_tokens):
            raise complaint("answers by itself: leave out `model` and `max_tokens`", at="template")
        if self.template is None and self.model is None and self.max_tokens is None:
            raise complaint("needs `model`, `max_tokens` or `template`")
        return self


class LimitOverride(OverrideNames):
    """Another limit for named values of what the budget applies per."""

    limit_to: Amount


class BudgetAmount(Document):
    """How much in which window. `limit_to` in USD for `cost`, else tokens or requests.

    A unit with a period (`cost_per_month`) is a calendar window in `timezone`; a bare unit needs
    `duration` (`1h`, `1d`, `1w`, `1M`), rolling unless `calendar_aligned`. `*_total` never ends.
    `soft_limit_to`: passing it is recorded and alerted, not refused. Of `degrade` the highest
    step that is reached holds, and the next one where the call would not fit. `audit_mode: true`
    is `mode: audit`.
    """

    limit_to: Amount
    unit: BudgetUnit = "cost"
    duration: Duration | None = None
    calendar_aligned: bool = False
    timezone: TimeZone = "UTC"
    soft_limit_to: Amount | None = None
    mode: Literal["enforce", "audit", "soft_enforce"] = "enforce"
    audit_mode: bool = False
    alerts: Alerts | None = None
    degrade: tuple[DegradeStep, ...] = ()

    @property
    def measure(self) -> Literal["cost", "tokens", "requests"]:
        return self.unit.partition("_")[0]  # type: ignore[return-value]

    @model_validator(mode="after")
    def _sound(self) -> Self:
        complain(self._faults())
        return self

    def _faults(self) -> Iterator[Fault]:
        for name in ("limit_to", "soft_limit_to"):
            yield from inexact(self.measure, getattr(self, name), name)
        if self.soft_limit_to is not None and self.soft_limit_to > self.limit_to:
            yield "is above `limit_to`", "soft_limit_to"
        yield from _window_faults(self)
        yield from _mode_faults(self)


def _window_faults(budget: BudgetAmount) -> Iterator[Fault]:
    """A word that would change nothing is a mistake: its author thinks that it does."""
    unit, duration, aligned = budget.unit, budget.duration, budget.calendar_aligned
    bare = "_" not in unit
    if bare and duration is None:
        yield f"needs a `duration`, or say `{unit}_per_day`", "unit"
    if not bare and duration is not None:
        yield f"goes with a plain `{budget.measure}`; `{unit}` says the period already", "duration"
    if not bare and aligned:
        yield f"goes with `duration`, not with `{unit}`", "calendar_aligned"
    if bare and aligned and duration is not None and duration not in CALENDAR_DURATIONS:
        wanted = one_of(CALENDAR_DURATIONS)
        yield f"needs a `duration` that the calendar has: {wanted}", "calendar_aligned"
    if budget.timezone != "UTC" and (unit.endswith("_total") or (bare and not aligned)):
        what = "no window" if unit.endswith("_total") else "a rolling window"
        yield f"is for windows of the calendar; this is {what}", "timezone"


def _mode_faults(budget: BudgetAmount) -> Iterator[Fault]:
    audit = budget.audit_mode or budget.mode == "audit"
    if budget.audit_mode and budget.mode != "audit" and "mode" in budget.model_fields_set:
        yield f"contradicts `mode: {budget.mode}`; keep one of them", "audit_mode"
    if audit and budget.degrade:
        yield "changes calls, and an audit only records: leave out one of them", "degrade"
    times = Counter(step.at_percent for step in budget.degrade)
    for index, step in enumerate(budget.degrade):
        if times[step.at_percent] > 1:
            yield f"has another step at {step.at_percent:g} beside it", f"degrade.{index}"


class BudgetRule(BudgetAmount):
    """Every matching budget must allow. `audit_mode` (or `mode: audit`) records only."""

    id: Name
    when: LimitWhen
    unit: BudgetUnit
    budget_applies_per: AppliesPer = ()
    overrides: tuple[LimitOverride, ...] = ()

    def _faults(self) -> Iterator[Fault]:
        yield from super()._faults()
        for index, override in enumerate(self.overrides):
            yield from inexact(self.measure, override.limit_to, f"overrides.{index}.limit_to")
        yield from override_faults(
            self.overrides, self.budget_applies_per, "budget_applies_per", "overrides"
        )


class BudgetConfig(Document):
    type: Literal["gateway-budget-config"]
    name: Name
    rules: tuple[BudgetRule, ...]


# --- caps ------------------------------------------------------------------------------------


class RequestCap(Document):
    """What a single request may ask for. All matching caps hold; the smallest counts.

    `on_excess: clamp` lowers `max_tokens` to what fits instead of refusing.
    `default_max_tokens` is sent to the provider when the caller states no maximum.
    """

    id: Name
    when: LimitWhen
    max_tokens: Tokens | None = None
    max_input_tokens: Tokens | None = None
    max_cost_usd: float | None = Field(default=None, gt=0, le=COST_USD_MAX)
    max_latency_ms: int | None = Field(default=None, ge=1, le=3_600_000)
    default_max_tokens: Tokens | None = None
    on_excess: Literal["refuse", "clamp"] = "refuse"

    @model_validator(mode="after")
    def _caps_something(self) -> Self:
        complain(self._faults())
        return self

    def _faults(self) -> Iterator[Fault]:
        yield from inexact("cost", self.max_cost_usd, "max_cost_usd")
        bounds = ("max_tokens", "max_input_tokens", "max_cost_usd", "max_latency_ms")
        if all(getattr(self, name) is None for name in (*bounds, "default_max_tokens")):
            yield f"caps nothing: it needs {one_of((*bounds, 'default_max_tokens'))}", ""
        elif self.on_excess == "clamp" and self.max_tokens is None and self.max_cost_usd is None:
            yield "lowers `max_tokens`, for `max_tokens` or `max_cost_usd` alone", "on_excess"
        most = self.max_tokens
        if most is not None and (self.default_max_tokens or 0) > most:
            yield "is above `max_tokens`", "default_max_tokens"


class RequestCapsConfig(Document):
    type: Literal["gateway-request-caps-config"]
    name: Name
    rules: tuple[RequestCap, ...]
