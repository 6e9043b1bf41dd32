"""What one rule charges: measure, window, counter, limit, mode, and when it wants less."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.config.limit_model import DegradeStep
from extproc.identity.principal import Principal
from extproc.limits.values import Amounts, Charge
from tests.limits.configured import ANN, BOT, MODELS, charges, matcher, rpm, usd

DAY_MS = 86_400_000


def one(*found: Charge) -> Charge:
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize(
    ("unit", "kind", "measure", "window"),
    [
        ("requests_per_minute", "rate", "requests", ("sliding", "minute", 60_000)),
        ("requests_per_hour", "rate", "requests", ("sliding", "hour", 3_600_000)),
        ("requests_per_day", "rate", "requests", ("sliding", "day", DAY_MS)),
        ("tokens_per_minute", "rate", "tokens", ("sliding", "minute", 60_000)),
        ("tokens_per_hour", "rate", "tokens", ("sliding", "hour", 3_600_000)),
        ("tokens_per_day", "rate", "tokens", ("sliding", "day", DAY_MS)),
        ("concurrent_requests", "concurrency", "slots", ("flight", "flight", 0)),
    ],
)
def test_rate_limit_units(unit: str, kind: str, measure: str, window: Any) -> None:
    """Contract: six units over sliding windows, and calls in flight."""
    charge = one(*charges(matcher([rpm("r", unit=unit)])))
    assert (charge.kind, charge.measure, charge.limit) == (kind, measure, 10)
    assert (charge.window.shape, charge.window.label, charge.window.width_ms) == window
    assert charge.amount == charge.floor == (5_000 if measure == "tokens" else 1)


@pytest.mark.parametrize(
    ("unit", "more", "label", "span_id"),
    [
        ("cost_per_hour", {}, "hour", "2026-11-20T23"),
        ("cost_per_day", {}, "day", "2026-11-20"),
        ("tokens_per_week", {}, "week", "2026-W47"),
        ("cost_per_month", {}, "month", "2026-11"),
        ("requests_per_quarter", {}, "quarter", "2026-Q4"),
        ("cost_per_year", {}, "year", "2026"),
        ("cost_total", {}, "total", "total"),
        ("cost_per_day", {"timezone": "Asia/Tokyo"}, "day", "2026-11-21"),
        ("cost", {"duration": "1d", "calendar_aligned": True}, "day", "2026-11-20"),
        ("tokens", {"duration": "1M", "calendar_aligned": True}, "month", "2026-11"),
        ("cost", {"duration": "1h", "calendar_aligned": True, "timezone": "Asia/Tokyo"},
         "hour", "2026-11-21T08"),
    ],
)  # fmt: skip
def test_calendar_budgets(unit: str, more: dict[str, Any], label: str, span_id: str) -> None:
    """Contract: a unit's period, or an aligned duration, is a calendar window in its zone."""
    window = one(*charges(matcher(budgets=[usd("b", unit=unit, more=more)]))).window
    assert (window.shape, window.label) == ("calendar", label)
    assert window.span(1_795_217_400_000).id == span_id  # 2026-11-20T23:30Z


def test_rolling_budgets() -> None:
    """Contract: a bare unit with a duration rolls; a month is 30 days then."""
    limits = matcher(budgets=[usd("b", unit="requests", more={"duration": "1M"})])
    charge = one(*charges(limits))
    assert (charge.window.shape, charge.window.label) == ("sliding", "1M")
    assert charge.window.width_ms == 30 * DAY_MS
    assert (charge.measure, charge.amount, charge.floor) == ("requests", 1, 1)


def test_budgets_are_exact_and_strict() -> None:
    """P2: USD become nano-USD without a rounding error; the full bound is reserved."""
    limits = matcher(
        budgets=[usd("c", 0.1), usd("t", 900, "tokens_per_day"), usd("x", 9_000_000),
                 usd("n", 0.000000001)]
    )  # fmt: skip
    cost, tokens, most, least = charges(limits)
    assert (cost.limit, cost.amount, cost.floor) == (100_000_000, 7_000_000, 7_000_000)
    assert (tokens.limit, tokens.amount, tokens.floor) == (900, 5_000, 5_000)
    assert (most.limit, least.limit) == (9_000_000 * 10**9, 1)


@pytest.mark.parametrize(
    ("more", "mode"),
    [
        ({}, "enforce"),
        ({"mode": "audit"}, "audit"),
        ({"audit_mode": True}, "audit"),
        ({"mode": "soft_enforce"}, "soft"),
    ],
)
def test_modes(more: dict[str, Any], mode: str) -> None:
    """Contract: `audit_mode` or `mode: audit` records only; `soft_enforce` is passed on."""
    assert one(*charges(matcher(budgets=[usd("b", more=more)]))).mode == mode
    assert one(*charges(matcher([rpm("r", audit=True)]))).mode == "audit"
    assert one(*charges(matcher([rpm("r")]))).mode == "enforce"


def test_soft_limits() -> None:
    """Contract: a soft limit stands beside the hard one, in the same unit; without one it is -1."""
    soft, plain = charges(matcher(budgets=[usd("s", more={"soft_limit_to": 12.5}), usd("p")]))
    assert (soft.soft_limit, soft.limit) == (12_500_000_000, 25_000_000_000)
    assert plain.soft_limit == -1


def test_an_unstated_maximum_is_elastic_for_rate_limits_only() -> None:
    """P2: the rate limit assumes a default that may shrink; the budget the model's maximum."""
    limits = matcher(
        [rpm("r", unit="tokens_per_minute")], [usd("t", unit="tokens_per_day")],
        default_output_tokens=1_000,
    )  # fmt: skip
    rate, budget = charges(limits, amounts=Amounts(1, 16_784, 400, False, 0))
    assert (rate.amount, rate.floor) == (1_400, 401)
    assert (budget.amount, budget.floor) == (16_784, 16_784)
    two = Amounts(1, 33_168, 400, False, 0, choices=2)
    assert charges(limits, amounts=two)[0].amount == 2_400
    small = Amounts(1, 400, 400, False, 0)  # embeddings: there is no output
    rate = charges(limits, amounts=small)[0]
    assert (rate.amount, rate.floor) == (400, 400)


def test_absurd_amounts_saturate() -> None:
    """P2: a caller's absurd maximum stays an exact integer, which fits no limit."""
    limits = matcher([rpm("r", unit="tokens_per_minute")], [usd("b")])
    for charge in charges(limits, amounts=Amounts(1, 10**30, 1, True, 10**40)):
        assert charge.amount == charge.floor == 2**53 - 1


# --- counters ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("per", "who", "counter"),
    [
        ((), BOT, "budget:b:"),
        (("user",), ANN, "budget:b:ann@example.com"),
        (("user",), BOT, "budget:b:"),
        (("virtualaccount",), BOT, "budget:b:bot"),
        (("virtualaccount",), ANN, "budget:b:"),
        (("team",), BOT, "budget:b:support"),
        (("team",), ANN, "budget:b:ml"),
        (("key",), BOT, "budget:b:va/bot+first"),
        (("key",), ANN, "budget:b:user/ann+laptop"),
        (("model",), BOT, "budget:b:prod/assistant"),
        (("metadata.project",), BOT, "budget:b:apollo"),
        (("metadata.missing",), BOT, "budget:b:"),
        (("virtualaccount", "metadata.project"), BOT, "budget:b:bot:apollo"),
    ],
)
def test_applies_per(per: tuple[str, ...], who: Principal, counter: str) -> None:
    """Contract: a counter for each distinct value; without a value, the one of the empty value."""
    metadata = {"project": "apollo", "team": "ml"}
    charge = one(*charges(matcher(budgets=[usd("b", per=per)]), who, metadata=metadata))
    assert charge.counter == counter


def test_nobody_spends_from_a_foreign_team() -> None:
    """P2: the caller's word for its team counts only among the teams it belongs to."""
    limits = matcher(budgets=[usd("b", per=("team",))])
    alone = Principal("virtual-account", "solo", "k")
    for who in (alone, ANN):
        assert charges(limits, who, metadata={"team": "rich"})[0].counter == "budget:b:"
    assert charges(limits, BOT, metadata={"team": "rich"})[0].counter == "budget:b:support"


def test_keys_of_one_name_are_two_keys() -> None:
    """P2: `first` of one account is not `first` of another, nor of a user of the same name."""
    limits = matcher(budgets=[usd("b", per=("key",))])
    owners = [Principal(kind, name, "first") for kind in ("user", "virtual-account")
              for name in ("a", "b")]  # type: ignore[arg-type]  # fmt: skip
    assert len({charges(limits, who)[0].counter for who in owners}) == 4


@given(st.text(max_size=300), st.text(max_size=300))
def test_counter_names_are_bounded_and_distinct(left: str, right: str) -> None:
    """P2: whatever the value, the name is short and plain, and no two values share a counter."""
    limits = matcher([rpm("r:1", per=("metadata.a", "metadata.b"))])

    def name(a: str, b: str) -> str:
        return one(*charges(limits, metadata={"a": a, "b": b})).counter

    assert len(name(left, right)) < 150
    assert name(left, right).isascii() and name(left, right).count(":") == 3
    assert (name(left, right) == name(right, left)) == (left == right)


def test_rule_ids_with_colons_do_not_share_counters() -> None:
    """P2: rule `a` for value `b` and rule `a:b` are two counters."""
    limits = matcher(budgets=[usd("a", per=("metadata.p",)), usd("a:b")])
    first, second = charges(limits, metadata={"p": "b"})
    assert first.counter != second.counter
    assert not second.counter.startswith("budget:a:")


# --- overrides ---------------------------------------------------------------------------------


def limited(per: tuple[str, ...], overrides: list[dict[str, Any]], who: Principal = ANN,
            model: str = "m", metadata: dict[str, str] | None = None) -> int:  # fmt: skip
    limits = matcher(budgets=[usd("b", 10, "tokens_per_day", per, {"overrides": tuple(overrides)})])
    return one(*charges(limits, who, (model,), metadata)).limit


@pytest.mark.parametrize(
    ("per", "overrides", "limit"),
    [
        (("user",), [{"users": ("ann@example.com",), "limit_to": 50}], 50),
        (("user",), [{"users": ("bob@example.com",), "limit_to": 50}], 10),
        (("user",), [{"users": ("ann@example.com",), "limit_to": 0}], 0),
        (("team",), [{"teams": ("ml",), "limit_to": 50}], 50),
        (("model",), [{"models": ("m",), "limit_to": 50}], 50),
        (("metadata.run_id",), [{"metadata_values": ("r1",), "limit_to": 50}], 50),
        (("user", "model"), [{"models": ("m",), "limit_to": 50}], 50),
        (("user", "model"), [{"users": ("ann@example.com",), "models": ("x",), "limit_to": 7},
                             {"users": ("ann@example.com",), "limit_to": 8}], 8),
        (("user", "model"), [{"users": ("ann@example.com",), "models": ("m",), "limit_to": 7},
                             {"users": ("ann@example.com",), "limit_to": 8}], 7),
    ],
)  # fmt: skip
def test_overrides(per: tuple[str, ...], overrides: list[dict[str, Any]], limit: int) -> None:
    """Contract: a counter whose value is named has that limit; the first that names it counts."""
    found = limited(per, overrides, metadata={"team": "ml", "run_id": "r1"})
    assert found == limit


def test_an_account_without_the_value_keeps_the_rules_limit() -> None:
    """P2: an override for users raises nothing for those that share the empty counter."""
    assert limited(("user",), [{"users": ("ann@example.com",), "limit_to": 50}], BOT) == 10
    assert limited(("virtualaccount",), [{"virtual_accounts": ("bot",), "limit_to": 50}], BOT) == 50


# --- degrade -----------------------------------------------------------------------------------

STEPS = (
    DegradeStep(at_percent=90, max_tokens=100),
    DegradeStep(at_percent=33.3, model="openai-main/gpt-4o-mini"),
    DegradeStep(at_percent=100, template="Used up."),
)


@pytest.mark.parametrize(
    ("limit", "dues"),
    [(1_000, [333, 900, 1_000]), (10, [4, 9, 10]), (1, [1, 1, 1]), (0, [0, 0, 0])],
)
def test_each_step_is_due_from_its_percentage_on(limit: int, dues: list[int]) -> None:
    """Contract: sorted by percentage; the least whole amount that reaches it; -1 after the last."""
    limits = matcher(budgets=[usd("b", limit, "tokens_per_day", more={"degrade": STEPS})])

    def due(taken: int) -> int:
        steps = {"b": taken, "other": 1}
        return one(*limits.charges(BOT, MODELS, "chat", {}, Amounts(1, 1, 1, True, 1), steps)
                   ).degrade_at  # fmt: skip

    assert [due(taken) for taken in range(4)] == [*dues, -1]


@pytest.mark.parametrize(
    ("taken", "spent", "full", "step"),
    [
        (0, 332, False, 0),
        (0, 333, False, 1),
        (0, 899, False, 1),
        (0, 900, False, 2),
        (0, 5_000, False, 3),
        (1, 899, False, 0),
        (1, 900, False, 2),
        (0, 0, True, 1),
        (0, 950, True, 2),
        (1, 0, True, 2),
        (2, 0, True, 3),
        (3, 0, True, 0),
        (3, 5_000, True, 0),
        (3, 5_000, False, 0),
    ],
)
def test_next_step(taken: int, spent: int, full: bool, step: int) -> None:
    """Contract: the highest step that is due; without room at least the next; then nothing."""
    limits = matcher(budgets=[usd("b", 1_000, "tokens_per_day", more={"degrade": STEPS})])
    rising = (STEPS[1], STEPS[0], STEPS[2])
    expected = (step, rising[step - 1]) if step else None
    assert limits.next_step("b", taken, spent, 1_000, full) == expected
    assert limits.next_step("unknown", taken, spent, 1_000, full) is None


@given(st.floats(0.001, 100), st.integers(0, 2**53 - 1), st.integers(0, 2**53 - 1))
def test_charge_and_next_step_agree(percent: float, limit: int, spent: int) -> None:
    """P2: what the ledger sees as due is what the rule then does; integers all the way."""
    step = DegradeStep(at_percent=percent, max_tokens=1)
    limits = matcher(budgets=[usd("b", limit, "tokens_per_day", more={"degrade": (step,)})])
    due = one(*charges(limits)).degrade_at
    assert (limits.next_step("b", 0, spent, limit, False) is not None) == (spent >= due)
    assert 0 <= due <= limit


def test_the_share_is_of_the_counters_own_limit() -> None:
    """Contract: an override moves the steps too."""
    more = {
        "degrade": STEPS,
        "overrides": ({"virtual_accounts": ("bot",), "limit_to": 2_000},),
    }
    budget = usd("b", 1_000, "tokens_per_day", ("virtualaccount",), more)
    assert one(*charges(matcher(budgets=[budget]), BOT)).degrade_at == 666
    assert one(*charges(matcher(budgets=[budget]), ANN)).degrade_at == 333
