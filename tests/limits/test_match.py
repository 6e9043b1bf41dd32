"""Which rules apply, and what they reserve (contract: rate limits first match, budgets all)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.config.model import BudgetRule, RateLimitRule, When
from extproc.identity.principal import Principal
from extproc.limits.match import LimitMatcher
from extproc.limits.values import Amounts

BOT = Principal("virtual-account", "bot", "k1", team="support")
ANN = Principal("user", "ann", "k2", teams=("support", "ml"), email="ann@example.com")
AMOUNTS = Amounts(1, 5_000, 400, True, 7_000_000)
MODELS = ("prod/assistant", "openai-main/gpt-4o-mini", "anthropic-main/claude-sonnet")


def rpm(rule_id: str, limit: int = 10, unit: str = "requests_per_minute",
        per: tuple[str, ...] = (), **when: Any) -> RateLimitRule:  # fmt: skip
    return RateLimitRule(id=rule_id, when=When(**when), limit_to=limit, unit=unit,
                         rate_limit_applies_per=per)  # fmt: skip


def usd(rule_id: str, limit: float = 25, unit: str = "cost_per_day", per: tuple[str, ...] = (),
        audit: bool = False, **when: Any) -> BudgetRule:  # fmt: skip
    return BudgetRule(id=rule_id, when=When(**when), limit_to=limit, unit=unit,
                      budget_applies_per=per, audit_mode=audit)  # fmt: skip


def ids(matcher: LimitMatcher, who: Principal = BOT, models: tuple[str, ...] = MODELS,
        metadata: Mapping[str, str] | None = None) -> list[str]:  # fmt: skip
    return [c.rule_id for c in matcher.charges(who, models, metadata or {}, AMOUNTS)]


def test_first_rate_limit_and_every_budget() -> None:
    """Contract: of the rate limits the first match counts, of the budgets all."""
    matcher = LimitMatcher(
        [rpm("other", subjects=("team:ml",)), rpm("loose", 100), rpm("tight", 1)],
        [usd("a"), usd("no", subjects=("team:ml",)), usd("b", subjects=("team:support",))],
    )
    assert ids(matcher) == ["loose", "a", "b"]
    assert ids(matcher, ANN) == ["other", "a", "no", "b"]


@pytest.mark.parametrize(
    ("when", "bot", "ann"),
    [
        ({}, True, True),
        ({"subjects": ("*",)}, True, True),
        ({"subjects": ("team:everyone",)}, False, True),
        ({"subjects": ("team:support",)}, True, True),
        ({"subjects": ("virtualaccount:bot",)}, True, False),
        ({"subjects": ("user:ann@example.com",)}, False, True),
        ({"models": ("prod/*",)}, True, True),
        ({"models": ("anthropic-main/*",)}, True, True),
        ({"models": ("*/gpt-4o-mini",)}, True, True),
        ({"models": ("openai-main/gpt-4o",)}, False, False),
        ({"models": ("assistant",)}, False, False),
        ({"models": ("prod/*",), "subjects": ("team:ml",)}, False, True),
    ],
)
def test_when(when: dict[str, Any], bot: bool, ann: bool) -> None:
    """Contract: parts are ANDed; models match the requested name or any target."""
    matcher = LimitMatcher([rpm("r", **when)], [usd("b", **when)])
    assert ids(matcher, BOT) == (["r", "b"] if bot else [])
    assert ids(matcher, ANN) == (["r", "b"] if ann else [])


def test_metadata_pairs_must_all_be_equal() -> None:
    """Contract: every listed pair must be equal; further keys do no harm."""
    rule = rpm("m", metadata={"environment": "prod", "tier": "gold"})
    matcher = LimitMatcher([rule, rpm("rest")], [])
    assert ids(matcher, metadata={"environment": "prod", "tier": "gold", "x": "y"}) == ["m"]
    assert ids(matcher, metadata={"environment": "prod"}) == ["rest"]
    assert ids(matcher, metadata={"environment": "prod", "tier": ""}) == ["rest"]


def test_an_empty_metadata_value_is_not_a_missing_one() -> None:
    """Contract: a rule for the empty value does not match a request without the key."""
    matcher = LimitMatcher([rpm("m", metadata={"tier": ""})], [])
    assert (ids(matcher, metadata={"tier": ""}), ids(matcher)) == (["m"], [])


SUBJECTS = st.sets(st.sampled_from(["team:support", "team:ml", "user:x", "*"]), min_size=1)
NAMED = st.sets(st.sampled_from(["prod/*", "openai-main/gpt-4o-mini", "x/y"]), min_size=1)
PAIRS = st.dictionaries(st.sampled_from("ab"), st.sampled_from("12"), min_size=1)


@given(
    st.lists(st.tuples(st.none() | SUBJECTS, st.none() | NAMED, st.none() | PAIRS), max_size=12),
    st.just({}) | PAIRS,
    st.sampled_from([BOT, ANN]),
)
def test_the_index_agrees_with_reading_rule_by_rule(
    whens: list[Any], metadata: dict[str, str], who: Principal
) -> None:
    """P8: indexes and memo change the cost of a match, never its result."""

    def plainly(subjects: Any, models: Any, pairs: Any) -> bool:
        return (
            (subjects is None or bool(set(subjects) & who.subjects))
            and (models is None or bool(set(models) & {"prod/*", "openai-main/gpt-4o-mini"}))
            and (pairs is None or all(metadata.get(k) == v for k, v in pairs.items()))
        )

    rules = [
        usd(
            f"r{n}",
            subjects=None if subjects is None else tuple(subjects),
            models=None if models is None else tuple(models),
            metadata=pairs,
        )
        for n, (subjects, models, pairs) in enumerate(whens)
    ]
    matcher = LimitMatcher([], rules)
    expected = [f"r{n}" for n, when in enumerate(whens) if plainly(*when)]
    assert ids(matcher, who, metadata=metadata) == expected
    assert ids(matcher, who, metadata=metadata) == expected


@pytest.mark.parametrize(
    ("unit", "measure", "window_ms"),
    [
        ("requests_per_minute", "requests", 60_000),
        ("requests_per_hour", "requests", 3_600_000),
        ("requests_per_day", "requests", 86_400_000),
        ("tokens_per_minute", "tokens", 60_000),
        ("tokens_per_hour", "tokens", 3_600_000),
        ("tokens_per_day", "tokens", 86_400_000),
    ],
)
def test_rate_limit_units(unit: str, measure: str, window_ms: int) -> None:
    """Contract: six units, all over sliding windows."""
    (charge,) = LimitMatcher([rpm("r", unit=unit)], []).charges(BOT, MODELS, {}, AMOUNTS)
    assert (charge.measure, charge.window, charge.window_ms) == (measure, "sliding", window_ms)
    assert charge.amount == charge.floor == (1 if measure == "requests" else 5_000)


def test_budgets_are_exact_and_strict() -> None:
    """P2: USD become nano-USD without a rounding error; the full bound is reserved."""
    matcher = LimitMatcher(
        [], [usd("c", 0.1), usd("t", 900, "tokens_per_day"), usd("x", 9_000_000, audit=True)]
    )
    cost, tokens, audited = matcher.charges(BOT, MODELS, {}, AMOUNTS)
    assert (cost.limit, cost.amount, cost.floor) == (100_000_000, 7_000_000, 7_000_000)
    assert (tokens.limit, tokens.amount, tokens.floor) == (900, 5_000, 5_000)
    assert (audited.limit, audited.audit_only) == (9_000_000 * 10**9, True)
    assert (cost.window, cost.window_ms, cost.audit_only) == ("calendar", 86_400_000, False)


def test_an_unstated_maximum_is_elastic_for_rate_limits_only() -> None:
    """P2: the rate limit assumes a default that may shrink; the budget the model's maximum."""
    matcher = LimitMatcher(
        [rpm("r", unit="tokens_per_minute")], [usd("t", unit="tokens_per_day")], 1_000
    )
    unstated = Amounts(1, 16_784, 400, False, 0)
    rate, budget = matcher.charges(BOT, MODELS, {}, unstated)
    assert (rate.amount, rate.floor) == (1_400, 401)
    assert (budget.amount, budget.floor) == (16_784, 16_784)
    two = Amounts(1, 33_168, 400, False, 0, choices=2)
    assert matcher.charges(BOT, MODELS, {}, two)[0].amount == 2_400
    small = Amounts(1, 400, 400, False, 0)  # embeddings: there is no output
    rate = matcher.charges(BOT, MODELS, {}, small)[0]
    assert (rate.amount, rate.floor) == (400, 400)


def test_absurd_amounts_saturate() -> None:
    """P2: a caller's absurd maximum stays an exact integer, which fits no limit."""
    matcher = LimitMatcher([rpm("r", unit="tokens_per_minute")], [usd("b")])
    for charge in matcher.charges(BOT, MODELS, {}, Amounts(1, 10**30, 1, True, 10**40)):
        assert charge.amount == charge.floor == 2**53 - 1


@pytest.mark.parametrize(
    ("per", "who", "counter"),
    [
        ((), BOT, "budget:b:"),
        (("user",), ANN, "budget:b:ann@example.com"),
        (("user",), BOT, "budget:b:"),
        (("virtualaccount",), BOT, "budget:b:bot"),
        (("virtualaccount",), ANN, "budget:b:"),
        (("model",), BOT, "budget:b:prod/assistant"),
        (("metadata.project",), BOT, "budget:b:apollo"),
        (("metadata.missing",), BOT, "budget:b:"),
        (("virtualaccount", "metadata.project"), BOT, "budget:b:bot:apollo"),
    ],
)
def test_applies_per(per: tuple[str, ...], who: Principal, counter: str) -> None:
    """Contract: a counter for each distinct value; without a value, the one of the empty value."""
    (charge,) = LimitMatcher([], [usd("b", per=per)]).charges(
        who, MODELS, {"project": "apollo"}, AMOUNTS
    )
    assert charge.counter == counter


@given(st.text(max_size=300), st.text(max_size=300))
def test_counter_names_are_bounded_and_distinct(left: str, right: str) -> None:
    """P2: whatever the value, the name is short and plain, and no two values share a counter."""
    matcher = LimitMatcher([rpm("r:1", per=("metadata.a", "metadata.b"))], [])

    def name(a: str, b: str) -> str:
        return matcher.charges(BOT, MODELS, {"a": a, "b": b}, AMOUNTS)[0].counter

    assert len(name(left, right)) < 150
    assert name(left, right).isascii() and name(left, right).count(":") == 3
    assert (name(left, right) == name(right, left)) == (left == right)


def test_rule_ids_with_colons_do_not_share_counters() -> None:
    """P2: rule `a` for value `b` and rule `a:b` are two counters."""
    matcher = LimitMatcher([], [usd("a", per=("metadata.p",)), usd("a:b")])
    first, second = matcher.charges(BOT, MODELS, {"p": "b"}, AMOUNTS)
    assert first.counter != second.counter
    assert not second.counter.startswith("budget:a:")


def test_rules_of_others_are_not_even_looked_at() -> None:
    """P8: ten thousand rules for other callers add no candidate to this caller's request."""
    others = [usd(f"o{n}", subjects=(f"team:t{n}",)) for n in range(10_000)]
    matcher = LimitMatcher([], [*others, usd("mine", subjects=("team:support",))])
    assert ids(matcher) == ["mine"]
    _, budgets = matcher._candidates(BOT.subjects, MODELS)
    assert [rule.rule_id for rule in budgets.plain] == ["mine"]
    by_project = [usd(f"p{n}", metadata={"project": str(n)}) for n in range(10_000)]
    assert ids(LimitMatcher([], by_project), metadata={"project": "77"}) == ["p77"]
