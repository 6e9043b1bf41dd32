"""Limits of the second version: several windows a document, `in` and `not_in` (contract)."""

from __future__ import annotations

from typing import Any

import pytest

from extproc.identity.principal import Principal
from extproc.limits.selector import select_tenant
from tests.limits.configured import (
    ANN,
    BOT,
    MODELS,
    charges,
    ids,
    matcher,
    rpm,
    tenant_budget,
    tenant_rate,
    usd,
)

BOB = Principal("user", "bob", "k", team="ml", teams=("ml",), email="bob@example.com")


def test_one_rule_for_each_window() -> None:
    """Contract: every window of a document holds, under the id `<name>:<unit>`."""
    document = tenant_budget(
        limits={"tokens_per_day": 900, "cost_per_month": 0.1, "cost_total": 50},
        timezone="Europe/Berlin", mode="soft_enforce",
    )  # fmt: skip
    found = charges(matcher(tenant_budgets=[document]))
    assert [(c.rule_id, c.kind, c.measure, c.limit, c.window.label, c.mode) for c in found] == [
        ("acme:cost_per_month", "budget", "cost", 100_000_000, "month", "soft"),
        ("acme:cost_total", "budget", "cost", 50_000_000_000, "total", "soft"),
        ("acme:tokens_per_day", "budget", "tokens", 900, "day", "soft"),
    ]
    assert found[0].window.span(1_796_080_000_000).id == "2026-12"  # 23:06 UTC on 30 November
    assert len({c.counter for c in found}) == 3


def test_rate_limits_of_both_versions_hold() -> None:
    """Contract: each tenant rate limit that matches holds, beside the first match of the list."""
    documents = [
        tenant_rate(name="a", limits={"requests_per_minute": 5, "concurrent_requests": 2}),
        tenant_rate(name="b", limits={"tokens_per_hour": 9_000}, mode="audit"),
        tenant_rate(name="c", limits={"requests_per_day": 1}, when={"models": {"in": ["x/*"]}}),
    ]
    limits = matcher([rpm("first"), rpm("second"), rpm("slots", 3, "concurrent_requests")],
                     [usd("money")], tenant_rates=documents)  # fmt: skip
    found = charges(limits)
    assert [(c.rule_id, c.kind, c.limit, c.mode) for c in found] == [
        ("first", "rate", 10, "enforce"),
        ("a:requests_per_minute", "rate", 5, "enforce"),
        ("b:tokens_per_hour", "rate", 9_000, "audit"),
        ("slots", "concurrency", 3, "enforce"),
        ("a:concurrent_requests", "concurrency", 2, "enforce"),
        ("money", "budget", 25_000_000_000, "enforce"),
    ]


@pytest.mark.parametrize(
    ("subjects", "who"),
    [
        ({}, "bot ann bob"),
        ({"teams": {"in": ["ml"]}}, "ann bob"),
        ({"teams": {"in": ["everyone"]}}, "ann bob"),
        ({"teams": {"in": ["ml"]}, "users": {"not_in": ["bob@example.com"]}}, "ann"),
        ({"teams": {"in": ["support"], "not_in": ["ml"]}}, "bot"),
        ({"users": {"in": ["bob@example.com"]}, "virtual_accounts": {"in": ["bot"]}}, "bot bob"),
        ({"users": {"in": ["bob"]}}, ""),
        ({"virtual_accounts": {"not_in": ["bot"]}}, "ann bob"),
        ({"teams": {"not_in": ["everyone"]}}, "bot"),
    ],
)
def test_subjects(subjects: dict[str, Any], who: str) -> None:
    """Contract: whoever stands in any `in` list is meant, less those in a `not_in`."""
    document = tenant_budget(when={"subjects": subjects}, limits={"cost_per_day": 1})
    limits = matcher(tenant_budgets=[document])
    met = [name for name, one in (("bot", BOT), ("ann", ANN), ("bob", BOB)) if ids(limits, one)]
    assert met == who.split()


@pytest.mark.parametrize(
    ("models", "asked", "met"),
    [
        ({"in": ["openai-main/*"]}, MODELS, True),
        ({"in": ["prod/assistant"]}, MODELS, True),
        ({"in": ["openai-main/*"], "not_in": ["*/gpt-4o-mini"]}, MODELS, True),
        ({"not_in": ["prod/assistant"]}, MODELS, False),
        ({"not_in": ["openai-main/*"]}, MODELS, True),
        ({"not_in": ["openai-main/*", "anthropic-main/*"]}, MODELS, False),
        ({"not_in": ["openai-main/*"]}, ("openai-main/m", "openai-main/m"), False),
        ({"not_in": ["openai-main/*"]}, ("openai-main/m",), False),
        ({"not_in": ["openai-main/*"]}, ("x/m",), True),
    ],
)
def test_models(models: dict[str, Any], asked: tuple[str, ...], met: bool) -> None:
    """P2: a plan is spared only if the name asked for is excluded, or all that it may end at."""
    document = tenant_budget(when={"models": models}, limits={"cost_per_day": 1})
    assert bool(ids(matcher(tenant_budgets=[document]), models=asked)) == met


@pytest.mark.parametrize(
    ("part", "metadata", "met"),
    [
        ({"in": ["a", "b"]}, {"project": "b"}, True),
        ({"in": ["a", "b"]}, {"project": "c"}, False),
        ({"in": ["a", "b"]}, {}, False),
        ({"not_in": ["a"]}, {"project": "a"}, False),
        ({"not_in": ["a"]}, {"project": "b"}, True),
        ({"not_in": ["a"]}, {}, True),
        ({"in": ["a", "b"], "not_in": ["b"]}, {"project": "b"}, False),
        ({"in": ["a", "b"], "not_in": ["b"]}, {"project": "a", "x": "y"}, True),
    ],
)
def test_metadata(part: dict[str, Any], metadata: dict[str, str], met: bool) -> None:
    """Contract: `in` needs one of its values; what is missing stands in no `not_in`."""
    document = tenant_budget(when={"metadata": {"project": part}}, limits={"cost_per_day": 1})
    limits = matcher(tenant_budgets=[document])
    assert [bool(ids(limits, metadata=metadata)) for _ in range(2)] == [met, met]


def test_operations() -> None:
    """Contract: a limit on embeddings concerns no chat."""
    document = tenant_rate(when={"operations": ["embeddings"]}, limits={"requests_per_day": 1})
    limits = matcher(tenant_rates=[document])
    assert (bool(ids(limits)), bool(ids(limits, operation="embeddings"))) == (False, True)


def test_a_teams_budget_is_for_its_own_callers() -> None:
    """Contract: a `team-budget-config` concerns nobody but the callers of its team."""
    common = {"type": "team-budget-config", "team_name": "ml", "limits": {"cost_per_day": 1}}
    limits = matcher(tenant_budgets=[tenant_budget(name="all", **common)])
    assert [bool(ids(limits, who)) for who in (BOT, ANN, BOB)] == [False, True, True]
    narrow = {"subjects": {"users": {"in": ["bob@example.com"]}}}
    limits = matcher(tenant_budgets=[tenant_budget(name="one", when=narrow, **common)])
    assert [bool(ids(limits, who)) for who in (BOT, ANN, BOB)] == [False, False, True]


def test_a_selector_needs_no_index_to_be_right() -> None:
    """P8: the index saves looking, it decides nothing: `concerns` alone says the same."""
    document = tenant_budget(when={}, limits={"cost_per_day": 1})
    selector = select_tenant(document.when, "team:ml")
    assert [selector.concerns(who.subjects, MODELS, "chat") for who in (BOT, ANN, BOB)] == [
        False, True, True,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("applies_to", "who", "value"),
    [
        ({"type": "aggregate"}, BOB, ""),
        ({"type": "per-user"}, BOB, "bob@example.com"),
        ({"type": "per-team"}, BOB, "ml"),
        ({"type": "per-model"}, BOB, "prod/assistant"),
        ({"type": "per-virtual-account"}, BOT, "bot"),
        ({"type": "metadata", "metadata": "run_id"}, BOT, "r7"),
    ],
)
def test_applies_to(applies_to: dict[str, str], who: Principal, value: str) -> None:
    """Contract: a counter for each value of what the limit applies to."""
    document = tenant_budget(applies_to=applies_to, limits={"cost_per_day": 1})
    (charge,) = charges(matcher(tenant_budgets=[document]), who, metadata={"run_id": "r7"})
    assert charge.counter == f"budget:acme%3Acost_per_day:{value}"


def test_overrides_are_by_window() -> None:
    """Contract: an override changes the windows it names, and may limit one of its own."""
    override = {"users": ["bob@example.com"], "limits": {"cost_per_day": 7, "cost_per_month": 70}}
    document = tenant_budget(
        applies_to={"type": "per-user", "overrides": [override]},
        limits={"cost_per_hour": 1, "cost_per_day": 5},
    )
    limits = matcher(tenant_budgets=[document])
    of = {
        who.name: {c.window.label: c.limit // 10**9 for c in charges(limits, who)}
        for who in (ANN, BOB)
    }
    assert of == {"ann": {"hour": 1, "day": 5}, "bob": {"hour": 1, "day": 7, "month": 70}}


def test_overrides_of_rate_limits() -> None:
    """Contract: the same for rate limits."""
    override = {"virtual_accounts": ["bot"], "limits": {"requests_per_minute": 60}}
    document = tenant_rate(
        applies_to={"type": "per-virtual-account", "overrides": [override]},
        limits={"requests_per_minute": 6, "tokens_per_minute": 1_000},
    )
    found = charges(matcher(tenant_rates=[document]))
    assert [(c.measure, c.limit) for c in found] == [("requests", 60), ("tokens", 1_000)]
    assert {c.counter.rpartition(":")[2] for c in found} == {"bot"}
