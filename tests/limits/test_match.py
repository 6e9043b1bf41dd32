"""Which limits apply to a request, and at what cost that is found out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.config.match import compile_models
from extproc.identity.principal import Principal
from extproc.limits import match
from extproc.limits.selector import Selector
from tests.limits.configured import ANN, BOT, MODELS, ids, matcher, rpm, tenant_budget, usd


def test_first_rate_limit_and_every_budget() -> None:
    """Contract: of the rate limits the first match counts, of the budgets all."""
    limits = matcher(
        [rpm("other", subjects=("team:ml",)), rpm("loose", 100), rpm("tight", 1)],
        [usd("a"), usd("no", subjects=("team:ml",)), usd("b", subjects=("team:support",))],
    )
    assert ids(limits) == ["loose", "a", "b"]
    assert ids(limits, ANN) == ["other", "a", "no", "b"]


def test_first_match_is_told_apart_by_having_a_window() -> None:
    """Contract: one rate limit and one concurrency limit hold, each the first of its kind."""
    flight = "concurrent_requests"
    limits = matcher([rpm("c1", 3, flight), rpm("r1"), rpm("c2", 2, flight), rpm("r2")], [usd("b")])
    assert ids(limits) == ["r1", "c1", "b"]


@pytest.mark.parametrize(
    ("modes", "charged"),
    [
        ((False, False), ["r0"]),
        ((False, True), ["r0"]),
        ((True, False), ["r0", "r1"]),
        ((True, True), ["r0"]),
        ((True, True, False), ["r0", "r2"]),
    ],
)
def test_a_rule_on_trial_switches_none_off(modes: tuple[bool, ...], charged: list[str]) -> None:
    """Contract: a rate limit in audit mode records; the first that enforces still enforces."""
    rules = [rpm(f"r{n}", audit=audit) for n, audit in enumerate(modes)]
    assert ids(matcher(rules)) == charged
    told_apart = [rpm("gold", audit=True, metadata={"tier": "gold"}), *rules]
    assert ids(matcher(told_apart), metadata={"tier": "gold"}) == (
        ["gold", *[i for i in charged if not modes[int(i[1])]]]
    )


@pytest.mark.parametrize(
    ("when", "bot", "ann"),
    [
        ({}, True, True),
        ({"subjects": ("*",)}, True, True),
        ({"subjects": ("team:everyone",)}, False, True),
        ({"subjects": ("team:support",)}, True, True),
        ({"subjects": ("virtualaccount:bot",)}, True, False),
        ({"subjects": ("user:ann@example.com",)}, False, True),
        ({"subjects": ("user:ann",)}, False, False),
        ({"models": ("prod/*",)}, True, True),
        ({"models": ("anthropic-main/*",)}, True, True),
        ({"models": ("*/gpt-4o-mini",)}, True, True),
        ({"models": ("*4o*",)}, True, True),
        ({"models": ("openai*mini",)}, True, True),
        ({"models": ("openai*max",)}, False, False),
        ({"models": ("openai-main/gpt-4o",)}, False, False),
        ({"models": ("assistant",)}, False, False),
        ({"models": ("x/y", "prod/assistant")}, True, True),
        ({"models": ("prod/*",), "subjects": ("team:ml",)}, False, True),
        ({"operations": ("chat", "embeddings")}, True, True),
        ({"operations": ("embeddings",)}, False, False),
        ({"operations": ("chat",), "subjects": ("team:ml",)}, False, True),
    ],
)
def test_when(when: dict[str, Any], bot: bool, ann: bool) -> None:
    """Contract: parts are ANDed; models match the requested name or any target."""
    limits = matcher([rpm("r", **when)], [usd("b", **when)])
    assert ids(limits, BOT) == (["r", "b"] if bot else [])
    assert ids(limits, ANN) == (["r", "b"] if ann else [])


def test_operations_are_told_apart_by_the_memo_too() -> None:
    """Contract: a limit on embeddings concerns no chat, whichever comes first."""
    limits = matcher([rpm("e", operations=("embeddings",)), rpm("rest")])
    for _ in range(2):
        assert ids(limits, operation="chat") == ["rest"]
        assert ids(limits, operation="embeddings") == ["e"]


def test_metadata_pairs_must_all_be_equal() -> None:
    """Contract: every listed pair must be equal; further keys do no harm."""
    rule = rpm("m", metadata={"environment": "prod", "tier": "gold"})
    limits = matcher([rule, rpm("rest")])
    assert ids(limits, metadata={"environment": "prod", "tier": "gold", "x": "y"}) == ["m"]
    assert ids(limits, metadata={"environment": "prod"}) == ["rest"]
    assert ids(limits, metadata={"environment": "prod", "tier": ""}) == ["rest"]


def test_an_empty_metadata_value_is_not_a_missing_one() -> None:
    """Contract: a rule for the empty value does not match a request without the key."""
    limits = matcher([rpm("m", metadata={"tier": ""})])
    assert (ids(limits, metadata={"tier": ""}), ids(limits)) == (["m"], [])


SUBJECTS = st.sets(st.sampled_from(["team:support", "team:ml", "user:x", "*"]), min_size=1)
NAMED = st.sets(
    st.sampled_from(["prod/*", "openai-main/gpt-4o-mini", "x/y", "*sonnet", "*gpt*", "pro*t", "*"]),
    min_size=1,
)
PAIRS = st.dictionaries(st.sampled_from("abc"), st.sampled_from("12"), min_size=1)
RULES = st.lists(
    st.tuples(
        st.booleans(), st.booleans(), st.none() | SUBJECTS, st.none() | NAMED, st.none() | PAIRS
    ),
    max_size=14,
)
CALLS = st.lists(
    st.tuples(st.sampled_from([BOT, ANN]), st.sampled_from([MODELS, MODELS[1:], ("prod/other",)]),
              st.just({}) | PAIRS),
    min_size=1, max_size=4,
)  # fmt: skip


@given(RULES, CALLS)
def test_the_index_agrees_with_reading_rule_by_rule(rules: list[Any], calls: list[Any]) -> None:
    """P8: indexes and memo change the cost of a match, never its result."""
    rates = [
        rpm(f"r{n}", audit=audit, **when(*parts))
        for n, (budget, audit, *parts) in enumerate(rules)
        if not budget
    ]
    budgets = [
        usd(f"b{n}", **when(*parts)) for n, (budget, _, *parts) in enumerate(rules) if budget
    ]
    limits = matcher(rates, budgets)
    for who, models, metadata in calls * 2:
        meant = [rule for rule in rates if plainly(rule.when, who, models, metadata)]
        enforced = next((n for n, rule in enumerate(meant) if not rule.audit_mode), len(meant))
        audited = [rule.id for rule in meant[:enforced] if rule.audit_mode][:1]
        expected = audited + [rule.id for rule in meant[enforced : enforced + 1]]
        expected += [rule.id for rule in budgets if plainly(rule.when, who, models, metadata)]
        assert ids(limits, who, models, metadata) == expected


def when(subjects: Any, models: Any, pairs: Any) -> dict[str, Any]:
    return {
        "subjects": None if subjects is None else tuple(sorted(subjects)),
        "models": None if models is None else tuple(sorted(models)),
        "metadata": pairs,
    }


def plainly(when: Any, who: Principal, models: tuple[str, ...], metadata: dict[str, str]) -> bool:
    return (
        (when.subjects is None or bool(set(when.subjects) & who.subjects))
        and (when.models is None or any(map(compile_models(when.models), models)))
        and all(metadata.get(k) == v for k, v in (when.metadata or {}).items())
    )


# --- cost --------------------------------------------------------------------------------------

MANY = 10_000


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Selector]]:
    """Every rule whose `when` is tried."""
    tried: list[Selector] = []
    real = Selector.concerns

    def counted(self: Selector, *asked: Any) -> bool:
        tried.append(self)
        return real(self, *asked)

    monkeypatch.setattr(Selector, "concerns", counted)
    yield tried


@pytest.mark.parametrize(
    "others",
    [
        [{"subjects": (f"team:t{n}",)} for n in range(MANY)],
        [{"models": (f"acct/m{n}",)} for n in range(MANY)],
        [{"models": (f"acct{n}/*",)} for n in range(MANY)],
        [{"models": (f"*/m{n}",)} for n in range(MANY)],
        [{"metadata": {"project": f"p{n}"}} for n in range(MANY)],
        [{"metadata": {"environment": "prod", "project": f"p{n}"}} for n in range(MANY)],
        [{"subjects": ("team:support",), "models": (f"acct/m{n}",)} for n in range(MANY)],
        [{"subjects": ("*",), "metadata": {"project": f"p{n}"}} for n in range(MANY)],
        [{"subjects": (f"team:t{n % 100}",), "models": (f"acct/m{n // 100}",)}
         for n in range(MANY)],
    ],
    ids=["subject", "model", "account", "name", "metadata", "second-pair", "team-and-model",
         "all-and-metadata", "product"],
)  # fmt: skip
def test_rules_of_others_are_not_even_looked_at(
    others: list[dict[str, Any]], looked_at: list[Selector]
) -> None:
    """P8: of ten thousand rules a request tries the one or two it names, seen before or not."""
    limits = matcher(budgets=[usd(f"b{n}", **when) for n, when in enumerate(others)])
    probe = {"environment": "prod", "project": "p77"}
    for n in range(50):  # never the same caller or model twice: the memo is of no use
        who = Principal("virtual-account", f"v{n}", "k", team=f"t{n}")
        found = ids(limits, who, (f"virtual/{n}", f"acct/m{n}"), probe)
        assert len(found) <= 2
    assert len(looked_at) <= 150
    assert ids(limits, Principal("user", "x", "k", teams=("support", "t5")),
               ("acct77/m0", "acct/m77"), probe)  # the rules are there  # fmt: skip


def test_patterns_without_head_or_tail_are_tried_once_per_kind_of_call(
    looked_at: list[Selector],
) -> None:
    """P8: what no index can hold is scanned when a kind of call is new, not on every request."""
    limits = matcher(budgets=[usd(f"b{n}", models=(f"*x{n}x*",)) for n in range(300)])
    for _ in range(5):
        assert ids(limits, models=("acct/x7x-mini",)) == ["b7"]
    assert len(looked_at) == 300


def test_rules_with_very_many_names_take_bounded_room(looked_at: list[Selector]) -> None:
    """P8: subjects times models is not filed without end; the result stays the same."""
    subjects = tuple(f"user:u{n}" for n in range(200))
    models = tuple(f"a/m{n}" for n in range(200))
    limits = matcher(budgets=[usd("big", subjects=subjects, models=models)])
    one = Principal("user", "u7", "k")
    assert ids(limits, one, ("a/m9",)) == ["big"]
    assert ids(limits, one, ("a/m999",)) == []
    assert ids(limits, BOT, ("a/m9",)) == []
    assert len(limits._index._drawers) == 200
    assert all(len(shelf) == 1 for shelf in limits._index._drawers.values())


def test_the_memo_is_bounded_and_one_caller_displaces_only_its_own(
    looked_at: list[Selector],
) -> None:
    """P8: a caller that varies its calls costs nobody else a search, nor memory without end."""
    limits = matcher(budgets=[usd("b", models=("acct/*",))])
    assert ids(limits, BOT, ("acct/m",)) == ["b"]
    for n in range(5_000):
        ids(limits, ANN, (f"acct/m{n}",))
    before = len(looked_at)
    assert ids(limits, BOT, ("acct/m",)) == ["b"]
    assert len(looked_at) == before
    assert len(limits._memo[ANN.subjects]) == match.CALLS_PER_CALLER_MAX
    for n in range(match.CALLERS_MAX + 10):
        ids(limits, Principal("user", f"u{n}", "k"), ("acct/m",))
    assert len(limits._memo) == match.CALLERS_MAX
    assert BOT.subjects not in limits._memo  # the oldest went first
    assert ids(limits, BOT, ("acct/m",)) == ["b"]


def test_both_versions_stand_in_one_order() -> None:
    """Contract: rates, then concurrency, then budgets; each in the order of the configuration."""
    limits = matcher(
        [rpm("c", 5, "concurrent_requests"), rpm("r")],
        [usd("b", metadata={"a": "1"}), usd("d")],
        tenant_budgets=[tenant_budget(limits={"cost_per_day": 5, "cost_total": 9})],
    )
    expected = ["r", "c", "b", "d", "acme:cost_per_day", "acme:cost_total"]
    assert ids(limits, metadata={"a": "1"}) == expected
