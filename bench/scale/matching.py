"""(a) What it costs to find the limits of one call, whatever the number of rules."""

from __future__ import annotations

import gc
import time
from collections.abc import Sequence
from typing import Any

from bench.scale.report import Rounds
from extproc.config.limit_model import BudgetRule, LimitWhen, RateLimitRule
from extproc.config.model import Config, GatewayConfig
from extproc.identity.principal import Principal
from extproc.limits.match import LimitMatcher
from extproc.limits.values import Amounts

AMOUNTS = Amounts(1, 5_000, 400, True, 7_000_000)
MODELS = ("prod/assistant", "openai-main/gpt-4o-mini", "anthropic-main/claude-sonnet")
METADATA = {"team": "bench", "environment": "production", "ticket_id": "T-7"}
CALLS, ROUNDS = 10_000, 7
OWN_RATES = 1
OWN_BUDGETS = 3


def config_of(rates: Sequence[RateLimitRule], budgets: Sequence[BudgetRule]) -> Config:
    """A configuration that holds nothing but these rules."""
    return Config(
        digest="0" * 64, gateway=GatewayConfig(type="gateway-config", name="bench"),
        accounts={}, teams={}, users={}, virtual_accounts={},
        rate_limits=tuple(rates), budgets=tuple(budgets), tenant_budgets=(),
        tenant_rate_limits=(), routing=(), guardrails={}, guardrail_rules=(),
    )  # fmt: skip


def config_with(rules: int) -> Config:
    """So many rules, of which one rate limit and three budgets concern everybody.

    The others name other callers, other models and other metadata in turn, half of them rate
    limits and half budgets.
    """
    rates = [_rate(f"rate-{n}", **_other(n)) for n in range((rules - OWN_RATES - OWN_BUDGETS) // 2)]
    budgets = [
        _budget(f"budget-{n}", **_other(n))
        for n in range(rules - len(rates) - OWN_RATES - OWN_BUDGETS)
    ]
    rates.append(_rate("everybody"))
    budgets += [
        _budget("team-day", subjects=("team:bench",)),
        _budget("model-day", models=("openai-main/*",)),
        _budget("ticket", metadata={"ticket_id": "T-7"}),
    ]
    return config_of(rates, budgets)


def _other(n: int) -> dict[str, Any]:
    match n % 3:
        case 0:
            return {"subjects": (f"virtualaccount:other-{n}",)}
        case 1:
            return {"subjects": (f"team:other-{n}",), "models": (f"openai-main/other-{n}",)}
        case _:
            return {"metadata": {"ticket_id": f"other-{n}"}}


def _rate(rule_id: str, **when: Any) -> RateLimitRule:
    return RateLimitRule(
        id=rule_id, when=LimitWhen(**when), limit_to=10_000, unit="requests_per_minute"
    )


def _budget(rule_id: str, **when: Any) -> BudgetRule:
    return BudgetRule(id=rule_id, when=LimitWhen(**when), limit_to=1_000, unit="cost_per_day")


def measure(sizes: Sequence[int]) -> tuple[list[float], list[float]]:
    """Microseconds a call for each number of rules: of one caller again and again, and of a caller
    never seen before each time. The sizes take turns, so that a busy moment hits them all."""
    matchers = [LimitMatcher(config_with(size)) for size in sizes]
    same, new = Rounds(len(sizes)), Rounds(len(sizes))
    again = [_caller(0)] * CALLS
    for matcher in matchers:
        found = matcher.charges(again[0], MODELS, "chat", METADATA, AMOUNTS)
        assert len(found) == OWN_RATES + OWN_BUDGETS, found
    for turn in range(ROUNDS):
        strangers = [_caller(1 + turn * CALLS + n) for n in range(CALLS)]
        for at, matcher in enumerate(matchers):
            same.add(at, _timed_us(matcher, again))
            new.add(at, _timed_us(matcher, strangers))
    return same.medians(), new.medians()


def _caller(n: int) -> Principal:
    return Principal("virtual-account", f"bot-{n}", "first", team="bench")


def _timed_us(matcher: LimitMatcher, callers: Sequence[Principal]) -> float:
    """Without the garbage collector's help or harm."""
    gc.collect()
    gc.disable()
    try:
        began = time.perf_counter_ns()
        for caller in callers:
            matcher.charges(caller, MODELS, "chat", METADATA, AMOUNTS)
        return (time.perf_counter_ns() - began) / len(callers) / 1_000
    finally:
        gc.enable()
