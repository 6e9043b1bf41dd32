"""The most a request can use: what is reserved is never less than what can be billed (P2)."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extproc.config.model import ModelSpec, ProviderAccount
from extproc.exchange import bounds
from extproc.exchange.bounds import Demand
from extproc.llm.call import LlmCall
from extproc.routing.attempts import BROKEN, LATE, Step, steps, without
from extproc.routing.values import Target
from extproc.usage.input_bound import InputBound
from extproc.usage.prices import Price, PriceTable, Rates


def target(
    name: str = "m", most: int | None = 1000, *, retries: int = 0, retry: tuple[int, ...] = (),
    fallback: tuple[int, ...] = (), **override: Any,
) -> Target:  # fmt: skip
    spec = ModelSpec(id=name, max_output_tokens=most)
    account = ProviderAccount(type="provider-account", name="a", provider="openai",
                              base_url="http://127.0.0.1:9/v1", models=(spec,))  # fmt: skip
    return Target(account, spec, retries, retry, fallback, override)


def call(choices: int = 1, operation: Any = "chat") -> LlmCall:
    return LlmCall(operation, "a/m", False, None, choices, ())


def rates(unit: int) -> Rates:
    """Nano-USD per token: `unit` in, ten times that out."""
    return Rates(unit * 10**6, unit * 10**7, unit * 10**5, unit * 10**6)


def demand(stated: int | None = None, *, choices: int = 1, tier: str | None = None,
           operation: Any = "chat", **units: int) -> Demand:  # fmt: skip
    prices: dict[str, Price | None] = {f"a/{name}": Price(rates(unit))
                                       for name, unit in units.items()}  # fmt: skip
    return Demand(call(choices, operation), PriceTable(prices), InputBound(100), stated, tier)


@pytest.mark.parametrize(
    ("made", "stated", "bound"),
    [
        (target(), None, 1000),
        (target(), 50, 50),
        (target(), 5000, 5000),  # the provider would refuse it; it is what was asked for
        (target(most=None), None, bounds.OUTPUT_TOKENS_UNKNOWN),
        (target(max_tokens=70), None, 70),
        (target(max_completion_tokens=70), 50, 50),
        (target(max_tokens=70, max_completion_tokens=60), 500, 60),
        (target(max_tokens=True), None, 1000),
        (target(max_tokens=0), None, 1000),
    ],
)
def test_the_most_output_of_one_choice(made: Target, stated: int | None, bound: int) -> None:
    """P2: the smallest of what anybody stated, else the model's own, else a fixed one."""
    assert bounds.output_bound(made, stated, "chat") == bound
    assert bounds.output_bound(made, stated, "embeddings") == 0


@pytest.mark.parametrize("binding", [False, True])
def test_what_is_sent_is_what_was_reserved(binding: bool) -> None:
    """P2: wherever a maximum is sent it is the reserved one; it is sent wherever it is needed."""
    stated = [None, 50, 5000]
    made = [target(), target(most=None), target(max_tokens=70)]
    for one, most in product(made, stated):
        sent = bounds.output_to_send(one, most, binding=binding)
        assert sent in (None, bounds.output_bound(one, most, "chat"))
        if most is not None or (binding and one.model.max_output_tokens is None):
            assert sent is not None


def test_choices_multiply() -> None:
    """P2: the caller's `n`, or an override's, whichever asks for more."""
    assert demand(10, choices=3).tokens(target()) == 130
    assert demand(10, choices=3).tokens(target(n=5)) == 150
    assert demand(10, choices=3).tokens(target(n=2)) == 130
    assert demand(10, choices=3).tokens(target(n=True)) == 130


def test_an_override_may_name_a_dearer_lane() -> None:
    """P2: the lane that is sent is the lane that is priced; the standard one counts besides."""
    lanes = (("priority", Price(rates(4))), ("flex", Price(rates(1))))
    table = PriceTable({"a/m": Price(rates(2), service_tiers=lanes)})
    priced = {
        tier: Demand(call(), table, InputBound(100), 10, tier)
        for tier in (None, "priority", "flex")
    }
    plain = 100 * 2 + 10 * 20
    assert priced[None].cost_nano_usd(target()) == plain
    assert priced["priority"].cost_nano_usd(target()) == 2 * plain
    assert priced["flex"].cost_nano_usd(target()) == plain
    assert priced["flex"].cost_nano_usd(target(service_tier="priority")) == 2 * plain
    assert priced["priority"].cost_nano_usd(target(service_tier="default")) == plain


# --- over several attempts -------------------------------------------------------------------


def test_one_attempt_is_one_worst_case() -> None:
    """P2: where nothing can be billed twice nothing is reserved twice."""
    planned = steps([target(retries=3, retry=(429, 500), fallback=(429,)), target("n")])
    assert len(planned) == 5
    made = bounds.amounts(planned, demand(10, m=1, n=3))
    assert (made.tokens, made.cost_nano_usd) == (110, 3 * (100 + 100))


def test_an_attempt_that_may_time_out_counts_besides() -> None:
    """P2: nobody sees what a provider made of a request that was given up; it may bill all."""
    planned = steps([target(fallback=(504,)), target("n")])
    made = bounds.amounts(planned, demand(10, m=3, n=1))
    assert (made.tokens, made.cost_nano_usd) == (220, 4 * (100 + 100))


def test_the_dearest_way_is_found_even_when_it_ends_early() -> None:
    """P2: a dear first target counts alone when nothing but an answer follows it."""
    planned = steps([target(fallback=(429,)), target("n")])
    assert bounds.most(planned, demand(10, m=9, n=1).cost_nano_usd) == 9 * 200


CODES = st.lists(st.sampled_from((408, 429, 500, 502, 503, 504)), max_size=3).map(tuple)
TARGETS = st.lists(
    st.tuples(st.integers(0, 9), st.integers(0, 3), CODES, CODES), min_size=1, max_size=4
)


def bills(planned: tuple[Step, ...], worst: dict[Target, int], slot: int = 1) -> int:
    """The dearest bill of all ways through the attempts: every ending of each, one by one."""
    step = planned[slot - 1]
    dearest = worst[step.target]
    for ending, lead in step.leads.items():
        if ending in (LATE, BROKEN):
            assert step.silent is not None
            unseen = worst[step.target] + bills(planned, worst, step.silent.slot)
            dearest = max(dearest, unseen)
        else:
            dearest = max(dearest, bills(planned, worst, lead.slot))
    return dearest


@settings(max_examples=300)
@given(TARGETS, st.sets(st.integers(0, 3)))
def test_no_way_through_the_attempts_costs_more(
    drawn: list[tuple[int, int, tuple[int, ...], tuple[int, ...]]], falls_out: set[int]
) -> None:
    """P2: whatever each provider does, and whoever falls out of the plan after the reservation."""
    made = [target(f"m{n}", retries=r, retry=again, fallback=on)
            for n, (_, r, again, on) in enumerate(drawn)]  # fmt: skip
    worst = {one: cost for one, (cost, *_) in zip(made, drawn, strict=True)}
    planned = steps(made)
    reserved = bounds.most(planned, worst.__getitem__)
    assert bills(planned, worst) <= reserved
    gone = {made[n] for n in falls_out if n < len(made)}
    kept = without(planned, gone.__contains__) if len(gone) < len(made) else ()
    reachable = [step for step in planned if step.target not in gone]
    if kept and reachable:
        assert bills(kept, worst) <= reserved


@given(st.integers(0, 300), st.integers(0, 300))
def test_the_largest_that_fits(limit: int, upto: int) -> None:
    """Caps: as much as fits, not one more."""
    found = bounds.largest_fitting(lambda n: n <= limit, upto)
    assert found == min(limit, upto)
