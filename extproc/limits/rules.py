"""One limit rule of the configuration, compiled: whom it concerns, what it charges.

`applies_per` makes one counter for each distinct value. A caller without a value (a virtual
account under `user`, missing metadata) shares the counter of the empty value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_FLOOR, Decimal

from extproc.config.limit_model import BudgetAmount, BudgetRule, RateLimitRule
from extproc.identity.principal import Principal
from extproc.limits.counter_name import Dimension, counter_part, dimension
from extproc.limits.override import Overrides, compile_overrides
from extproc.limits.selector import Selector, select
from extproc.limits.steps import NEVER, Steps, compile_steps
from extproc.limits.values import (
    AMOUNT_MAX,
    NANO_USD,
    Amounts,
    Charge,
    Kind,
    Measure,
    Mode,
    Window,
)
from extproc.limits.window import ALIGNED, WIDTH_MS, Flight, Period, Sliding, calendar, rolling

NO_LIMIT = -1
FLIGHT = Flight()
RATE_WINDOWS = {
    "minute": Sliding("minute", 60_000),
    "hour": Sliding("hour", 3_600_000),
    "day": Sliding("day", 86_400_000),
}
MODES: Mapping[str, Mode] = {"enforce": "enforce", "audit": "audit", "soft_enforce": "soft"}


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """One rule, ready to match. `order`: its place among all rules.

    `first_match`: later ones of its kind do not count once it does. `limit`: -1 means none, but
    for `overrides`. `prefix`: its counters' names, up to the values of `per`.
    `default_output_tokens`: what a token rate limit assumes when no maximum is stated.
    """

    rule_id: str
    kind: Kind
    measure: Measure
    limit: int
    window: Window
    selector: Selector
    per: tuple[Dimension, ...] = ()
    mode: Mode = "enforce"
    order: int = 0
    first_match: bool = False
    soft_limit: int = NO_LIMIT
    steps: Steps | None = None
    overrides: Overrides | None = None
    default_output_tokens: int = 0
    prefix: str = field(init=False)

    def __post_init__(self) -> None:
        # A rule id may hold ':', which separates the parts of a counter: no two rules share one.
        prefix = f"{self.kind}:{self.rule_id.replace(':', '%3A')}:"
        object.__setattr__(self, "prefix", prefix)

    def charge(
        self, principal: Principal, model: str, metadata: Mapping[str, str], amounts: Amounts,
        taken: int,
    ) -> Charge | None:  # fmt: skip
        """What one request charges; None when its counter has no limit.

        `taken`: how many of the rule's degrade steps the request has gone down already.
        """
        values = [value_of(principal, model, metadata) for value_of in self.per]
        limit = self.overrides.limit(values, self.limit) if self.overrides else self.limit
        if limit < 0:
            return None
        amount, floor = self._amount(amounts)
        return Charge(
            self.kind, self.rule_id, self.prefix + ":".join(map(counter_part, values)),
            self.measure, amount, floor, limit, self.window, self.mode, self.soft_limit,
            self.steps.due_at(taken, limit) if self.steps else NEVER,
        )  # fmt: skip

    def _amount(self, amounts: Amounts) -> tuple[int, int]:
        """What to reserve and the least it may shrink to; saturates at the largest exact integer.

        A caller that stated no maximum would block its token rate limit with the model's whole
        one: there, and only there, a default is assumed, which may shrink to a single token.
        Budgets always reserve the full bound (P2).
        """
        match self.measure:
            case "slots":
                amount = floor = 1
            case "requests":
                amount = floor = amounts.requests
            case "cost":
                amount = floor = amounts.cost_nano_usd
            case "tokens" if self.kind == "budget" or amounts.output_stated:
                amount = floor = amounts.tokens
            case _:
                assumed = amounts.input_tokens + self.default_output_tokens * amounts.choices
                amount, floor = min(assumed, amounts.tokens), amounts.input_tokens + 1
        amount = min(amount, AMOUNT_MAX)
        return amount, min(floor, amount)


def compile_rate_limit(rule: RateLimitRule, default_output_tokens: int) -> CompiledRule:
    """Requests or tokens over a sliding window, or calls in flight."""
    kind, measure, window = rate_unit(rule.unit)
    return CompiledRule(
        rule_id=rule.id,
        kind=kind,
        measure=measure,
        limit=rule.limit_to,
        window=window,
        selector=select(rule.when),
        per=dimensions(rule.rate_limit_applies_per),
        mode="audit" if rule.audit_mode else "enforce",
        first_match=True,
        default_output_tokens=default_output_tokens,
    )


def compile_budget(rule: BudgetRule) -> CompiledRule:
    """Money, tokens or requests, in a calendar window or a rolling one."""
    measure, soft = rule.measure, rule.soft_limit_to
    overrides = ((named, exact(measure, named.limit_to)) for named in rule.overrides)
    return CompiledRule(
        rule_id=rule.id,
        kind="budget",
        measure=measure,
        limit=exact(measure, rule.limit_to),
        window=_budget_window(rule),
        selector=select(rule.when),
        per=dimensions(rule.budget_applies_per),
        mode=MODES["audit" if rule.audit_mode else rule.mode],
        soft_limit=NO_LIMIT if soft is None else exact(measure, soft),
        steps=compile_steps(rule.degrade),
        overrides=compile_overrides(rule.budget_applies_per, overrides),
    )


def rate_unit(unit: str) -> tuple[Kind, Measure, Window]:
    """Of `requests_per_minute`, `tokens_per_day`, `concurrent_requests`."""
    if unit == "concurrent_requests":
        return "concurrency", "slots", FLIGHT
    measure, _, period = unit.partition("_per_")
    return "rate", "requests" if measure == "requests" else "tokens", RATE_WINDOWS[period]


def unit_period(unit: str) -> Period | None:
    """`day` of `cost_per_day`, `total` of `cost_total`, None of `cost`."""
    word = unit.partition("_")[2].removeprefix("per_")
    return next((period for period in WIDTH_MS if period == word), None)


def dimensions(names: Iterable[str]) -> tuple[Dimension, ...]:
    return tuple(map(dimension, names))


def exact(measure: Measure, limit: float) -> int:
    """In the unit of the counter; rounds down: never more than was allowed."""
    scaled = Decimal(repr(limit)) * (NANO_USD if measure == "cost" else 1)
    return int(min(scaled, Decimal(AMOUNT_MAX)).to_integral_value(ROUND_FLOOR))


def _budget_window(budget: BudgetAmount) -> Window:
    """Of a unit with a period, or of the `duration` beside a bare one."""
    period = unit_period(budget.unit)
    if period is None:
        if budget.duration is None:
            raise ValueError(f"`{budget.unit}` has neither period nor duration")
        if not budget.calendar_aligned:
            return rolling(budget.duration)
        period = ALIGNED[budget.duration]
    return calendar(period, budget.timezone)
