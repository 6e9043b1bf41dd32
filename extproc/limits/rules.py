"""One limit rule of the configuration, compiled: whom it concerns, what it charges.

A part of `when` that is present but empty matches nothing. Globs know `*` only.

`applies_per` makes one counter for each distinct value: `user` (e-mail or name of a user),
`virtualaccount`, `model` (as requested), `metadata.<key>`. A caller without a value (a virtual
account under `user`, missing metadata) shares the counter of the empty value.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from extproc.config.model import BudgetRule, RateLimitRule, When
from extproc.identity.principal import Principal
from extproc.limits.values import NANO_USD, Amounts, Charge, Measure, Window

AMOUNT_MAX = 2**53 - 1
"""The store counts in doubles (Lua); above this an integer is no longer exact."""
DAY_MS = 86_400_000
WINDOW_MS = {"minute": 60_000, "hour": 3_600_000, "day": DAY_MS}
_PLAIN_VALUE = re.compile(r"[A-Za-z0-9._@/+-]{1,64}")

Pair = tuple[str, str]


def bound_amounts(
    input_tokens: int,
    output_tokens: int,
    cost_nano_usd: int,
    *,
    stated: bool,
    default_output_tokens: int,
) -> Amounts:
    """Bound what one request can use. `output_tokens`: the most it may be answered, all choices.

    A caller that stated no maximum (`stated` False) would block its token rate limit with a
    model's whole maximum: there, and only there, `default_output_tokens` (all choices) is assumed
    and may shrink to one token. Budgets keep the full bound (P2). Amounts saturate at 2^53 - 1.
    """
    tokens = min(input_tokens + output_tokens, AMOUNT_MAX)
    cost = min(cost_nano_usd, AMOUNT_MAX)
    if stated:
        return Amounts(tokens, tokens, tokens, cost)
    rate = min(input_tokens + default_output_tokens, tokens)
    return Amounts(tokens, rate, min(input_tokens + 1, rate), cost)


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """One rule, ready to match. `metadata`: pairs that all must be equal, sorted."""

    order: int
    kind: Literal["rate", "budget"]
    rule_id: str
    measure: Measure
    limit: int
    window: Window
    window_ms: int
    audit_only: bool
    subjects: frozenset[str] | None
    models: re.Pattern[str] | None
    metadata: tuple[Pair, ...]
    per: tuple[str, ...]
    prefix: str

    def concerns(self, subjects: frozenset[str], models: Sequence[str]) -> bool:
        """Whether caller and model match; metadata is looked at per request."""
        if self.subjects is not None and self.subjects.isdisjoint(subjects):
            return False
        return self.models is None or any(map(self.models.fullmatch, models))

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
        match self.measure:
            case "requests":
                return amounts.requests, amounts.requests
            case "cost":
                return amounts.cost_nano_usd, amounts.cost_nano_usd
            case "tokens" if self.kind == "rate":
                return amounts.rate_tokens, amounts.rate_tokens_floor
            case "tokens":
                return amounts.tokens, amounts.tokens


def compile_rate_limit(order: int, rule: RateLimitRule) -> CompiledRule:
    measure: Measure = "requests" if rule.unit.startswith("requests") else "tokens"
    window_ms = WINDOW_MS[rule.unit.rpartition("_")[2]]
    return _compile(
        order, "rate", rule.id, rule.when, rule.rate_limit_applies_per,
        measure, rule.limit_to, "sliding", window_ms, False,
    )  # fmt: skip


def compile_budget(order: int, rule: BudgetRule) -> CompiledRule:
    measure: Measure = "cost" if rule.unit.startswith("cost") else "tokens"
    scale = NANO_USD if measure == "cost" else 1
    limit = int(Decimal(str(rule.limit_to)) * scale)  # rounds down: never more than was allowed
    return _compile(
        order, "budget", rule.id, rule.when, rule.budget_applies_per,
        measure, limit, "calendar", DAY_MS, rule.audit_mode,
    )  # fmt: skip


def _compile(
    order: int, kind: Literal["rate", "budget"], rule_id: str, when: When, per: tuple[str, ...],
    measure: Measure, limit: int, window: Window, window_ms: int, audit_only: bool,
) -> CompiledRule:  # fmt: skip
    return CompiledRule(
        order=order, kind=kind, rule_id=rule_id, measure=measure, limit=min(limit, AMOUNT_MAX),
        window=window, window_ms=window_ms, audit_only=audit_only,
        subjects=None if when.subjects is None else frozenset(map(_subject, when.subjects)),
        models=None if when.models is None else compile_globs(when.models),
        metadata=tuple(sorted((when.metadata or {}).items())), per=per,
        # A rule id may hold ':', which separates the parts of a counter: two rules never share one.
        prefix=f"{kind}:{rule_id.replace(':', '%3A')}:",
    )  # fmt: skip


def _subject(text: str) -> str:
    """Older configurations write `virtual-account:`; both spellings name the same caller."""
    return text.replace("virtual-account:", "virtualaccount:", 1)


def compile_globs(globs: Iterable[str]) -> re.Pattern[str]:
    """One pattern for `fullmatch`: `*` stands for any run of characters, all else for itself."""
    parts = [".*".join(map(re.escape, re.sub(r"\*+", "*", glob).split("*"))) for glob in globs]
    return re.compile("|".join(parts) if parts else r"(?!)", re.DOTALL)


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
