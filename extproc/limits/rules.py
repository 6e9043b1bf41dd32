"""One limit rule of the configuration, compiled: whom it concerns, what it charges.

`applies_per` makes one counter for each distinct value: `user` (e-mail or name of a user),
`virtualaccount`, `model` (as requested), `metadata.<key>`. A caller without a value (a virtual
account under `user`, missing metadata) shares the counter of the empty value.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from extproc.config.match import Matcher, compile_when
from extproc.config.model import BudgetRule, RateLimitRule, When
from extproc.identity.principal import Principal
from extproc.limits.values import NANO_USD, Amounts, Charge, Measure, Window

AMOUNT_MAX = 2**53 - 1
"""The store counts in doubles (Lua); above this an integer is no longer exact."""
DAY_MS = 86_400_000
WINDOW_MS = {"minute": 60_000, "hour": 3_600_000, "day": DAY_MS}
_PLAIN_VALUE = re.compile(r"[A-Za-z0-9._@/+-]{1,64}")


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """One rule, ready to match. `order`: its place in the configuration (first match wins).

    `prefix`: its counters' names, up to the values of `per`. `default_output_tokens`: `_amount`.
    """

    order: int
    kind: Literal["rate", "budget"]
    rule_id: str
    measure: Measure
    limit: int
    window: Window
    window_ms: int
    audit_only: bool
    when: Matcher
    per: tuple[str, ...]
    prefix: str
    default_output_tokens: int

    def concerns(self, subjects: frozenset[str], models: Sequence[str]) -> bool:
        """Whether caller and model match; metadata is looked at per request."""
        if self.when.subjects is not None and self.when.subjects.isdisjoint(subjects):
            return False
        return self.when.model is None or any(map(self.when.model, models))

    def charge(self, principal: Principal, model: str, metadata: Mapping[str, str],
               amounts: Amounts) -> Charge:  # fmt: skip
        counter = self.prefix
        if self.per:
            values = (_value(d, principal, model, metadata) for d in self.per)
            counter += ":".join(map(_counter_part, values))
        amount, floor = self._amount(amounts)
        return Charge(
            self.kind, self.rule_id, counter, self.measure, amount, floor,
            self.limit, self.window, self.window_ms, self.audit_only,
        )  # fmt: skip

    def _amount(self, amounts: Amounts) -> tuple[int, int]:
        """What to reserve and the least it may shrink to; saturates at the largest exact integer.

        A caller that stated no maximum would block its token rate limit with the model's whole
        one: there, and only there, a default is assumed, which may shrink to a single token.
        Budgets always reserve the full bound (P2).
        """
        match self.measure:
            case "requests":
                amount = floor = amounts.requests
            case "cost":
                amount = floor = amounts.cost_nano_usd
            case _ if self.kind == "budget" or amounts.output_stated:
                amount = floor = amounts.tokens
            case _:
                assumed = amounts.input_tokens + self.default_output_tokens * amounts.choices
                amount, floor = min(assumed, amounts.tokens), amounts.input_tokens + 1
        amount = min(amount, AMOUNT_MAX)
        return amount, min(floor, amount)


def compile_rate_limit(order: int, rule: RateLimitRule, default_output_tokens: int) -> CompiledRule:
    """Requests or tokens over a sliding window."""
    measure: Measure = "requests" if rule.unit.startswith("requests") else "tokens"
    window_ms = WINDOW_MS[rule.unit.rpartition("_")[2]]
    return _compile(
        order, "rate", rule.id, rule.when, rule.rate_limit_applies_per,
        measure, rule.limit_to, "sliding", window_ms, False, default_output_tokens,
    )  # fmt: skip


def compile_budget(order: int, rule: BudgetRule) -> CompiledRule:
    """Money (`limit_to` in USD) or tokens over UTC days."""
    measure: Measure = "cost" if rule.unit.startswith("cost") else "tokens"
    scale = NANO_USD if measure == "cost" else 1
    limit = int(Decimal(str(rule.limit_to)) * scale)  # rounds down: never more than was allowed
    return _compile(
        order, "budget", rule.id, rule.when, rule.budget_applies_per,
        measure, limit, "calendar", DAY_MS, rule.audit_mode, 0,
    )  # fmt: skip


def _compile(
    order: int, kind: Literal["rate", "budget"], rule_id: str, when: When, per: tuple[str, ...],
    measure: Measure, limit: int, window: Window, window_ms: int, audit_only: bool,
    default_output_tokens: int,
) -> CompiledRule:  # fmt: skip
    return CompiledRule(
        order=order, kind=kind, rule_id=rule_id, measure=measure, limit=min(limit, AMOUNT_MAX),
        window=window, window_ms=window_ms, audit_only=audit_only,
        when=compile_when(when), per=per, default_output_tokens=default_output_tokens,
        # A rule id may hold ':', which separates the parts of a counter: two rules never share one.
        prefix=f"{kind}:{rule_id.replace(':', '%3A')}:",
    )  # fmt: skip


def _value(dimension: str, principal: Principal, model: str, metadata: Mapping[str, str]) -> str:
    match dimension:
        case "user":
            return (principal.email or principal.name) if principal.type == "user" else ""
        case "virtualaccount":
            return principal.name if principal.type == "virtual-account" else ""
        case "model":
            return model
        case _:
            return metadata.get(dimension.removeprefix("metadata."), "")


def _counter_part(value: str) -> str:
    """Keep short plain values readable; hash the rest, so names stay bounded and unambiguous."""
    if not value or _PLAIN_VALUE.fullmatch(value):
        return value
    return "~" + hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()[:32]
