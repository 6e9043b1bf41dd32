"""Prices and costs in integers (P2, P6)."""

from __future__ import annotations

import socket
from datetime import date
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.config.model import ModelSpec, PriceSpec, ProviderAccount
from extproc.usage.prices import (
    Price,
    PriceTable,
    Rates,
    cost_nano_usd,
    price_table_digest,
    resolve,
    worst_case,
)
from extproc.usage.usage import Usage

DAY = date(2026, 11, 20)
TOKENS = st.integers(0, 2_000_000)
RATE = st.integers(0, 10**12)
RATES = st.builds(Rates, RATE, RATE, RATE, RATE)


def account(provider: str = "openai", url: str = "https://api.openai.com/v1", **more: Any
            ) -> ProviderAccount:  # fmt: skip
    return ProviderAccount(type="provider-account", name="acct", provider=provider,
                           base_url=url, models=(), **more)  # fmt: skip


def model(name: str, **price: float) -> ModelSpec:
    return ModelSpec(id=name, price=PriceSpec(**price) if price else None)


def listed(name: str, provider: str = "openai", **more: Any) -> Price | None:
    return resolve(account(provider, **more), model(name), DAY)


def test_a_configured_price_wins_and_is_exact() -> None:
    """P2: the price of the configuration is the price, to the last decimal."""
    price = resolve(account(), model("gpt-4o-mini", input_per_mtok=0.15, output_per_mtok=0.6), DAY)
    assert price == Price(Rates(150_000_000, 600_000_000, 150_000_000, 150_000_000))
    assert cost_nano_usd(Usage(1_000, 500), price) == 150_000 + 300_000


def test_configured_cache_prices() -> None:
    """P2: buckets without a price of their own cost what input costs, never nothing."""
    price = resolve(
        account(),
        model("m", input_per_mtok=3, cached_input_per_mtok=0.3, cache_write_per_mtok=3.75),
    )
    assert price is not None
    assert price.base == Rates(3 * 10**9, 0, 300_000_000, 3_750_000_000)
    assert cost_nano_usd(Usage(10, 0, 20, 40), price) == 10 * 3_000 + 20 * 300 + 40 * 3_750


def test_list_prices() -> None:
    """P2: without a configured price the bundled list decides, cached reads at their own rate."""
    assert listed("gpt-4o-mini") is not None
    mini = listed("gpt-4o-mini")
    assert mini is not None
    assert mini.base == Rates(150_000_000, 600_000_000, 75_000_000, 150_000_000)
    assert listed("gpt-4o-mini-2024-07-18") is not None


def test_tiers_hold_for_all_tokens_of_a_call() -> None:
    """P2: above its threshold a dearer tier prices every token, and the worst case knows it."""
    price = listed("claude-sonnet-4-5", "anthropic", url="https://api.anthropic.com")
    assert price is not None
    assert price.rates(200_000).input == 3 * 10**9
    assert price.rates(200_001).input == 6 * 10**9
    below = cost_nano_usd(Usage(0, 1_000, 200_000), price)
    assert cost_nano_usd(Usage(0, 1_000, 200_001), price) > below * 3 // 2
    assert worst_case(price, 200_001, 10) >= cost_nano_usd(Usage(0, 10, 0, 200_001), price)


def test_dated_prices_and_lanes() -> None:
    """P2: a price change takes effect on its day; dearer lanes are priced as such."""
    before = resolve(account(), model("o3"), date(2025, 6, 9))
    after = resolve(account(), model("o3"), date(2025, 6, 10))
    assert before is not None and after is not None
    assert (before.base.input, after.base.input) == (10 * 10**9, 2 * 10**9)
    standard = listed("gpt-5.4")
    assert standard is not None
    assert standard.in_service_tier("priority").base.input == 2 * standard.base.input
    assert standard.in_service_tier("default").base == standard.base
    assert standard.in_service_tier(None) == standard.in_service_tier("no-such") == standard


@pytest.mark.parametrize(
    ("name", "provider", "more"),
    [
        ("no-such-model", "openai", {}),
        ("claude-sonnet-4-5", "openai", {}),
        ("gpt-4o-mini", "openai-compatible", {"url": "http://10.0.0.1/v1"}),
        ("gpt-4o-mini", "openai", {"kind": "self_hosted"}),
        ("omni-moderation", "openai", {}),
    ],
)
def test_unknown_and_free_models_are_unpriced(name: str, provider: str, more: Any) -> None:
    """P2: no price, a price of zero, somebody else's machine: None, and the caller denies."""
    assert listed(name, provider, **more) is None


def test_compatible_providers_are_known_by_their_url() -> None:
    """P2: an OpenAI-compatible account is priced by whose URL it is."""
    groq = listed(
        "llama-3.3-70b-versatile", "openai-compatible", url="https://api.groq.com/openai/v1"
    )
    assert groq is not None and groq.base.input > 0


def test_a_configured_zero_is_free_on_purpose() -> None:
    """P2: only the configuration can call a model free."""
    price = resolve(account(), model("m", input_per_mtok=0), DAY)
    assert price is not None and worst_case(price, 10**6, 10**6) == 0


def test_looking_a_price_up_needs_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """P8: the list is bundled; its updater is never called."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert listed("gpt-4.1-nano") is not None


@given(TOKENS, TOKENS, TOKENS, TOKENS, RATES, RATES, st.integers(0, 10**6))
def test_costs_are_rounded_up_once(
    plain: int, output: int, cached: int, write: int, base: Rates, tier: Rates, above: int
) -> None:
    """P2: the cost is the exact sum, rounded up to a whole nano-USD, once."""
    price = Price(base, ((above, tier),))
    r = tier if plain + cached + write > above else base
    exact = Fraction(
        plain * r.input + cached * r.cached_input + write * r.cache_write + output * r.output, 10**6
    )
    cost = cost_nano_usd(Usage(plain, output, cached, write), price)
    assert exact <= cost < exact + 1


@given(st.data(), RATES, RATES, st.integers(0, 10**6), st.integers(1, 8))
def test_the_worst_case_is_never_too_low(
    data: st.DataObject, base: Rates, tier: Rates, above: int, choices: int
) -> None:
    """P2: however a provider splits the bounded tokens, it bills no more than was reserved."""
    input_bound, output_bound = data.draw(TOKENS), data.draw(TOKENS)
    plain = data.draw(st.integers(0, input_bound))
    cached = data.draw(st.integers(0, input_bound - plain))
    write = data.draw(st.integers(0, input_bound - plain - cached))
    output = data.draw(st.integers(0, output_bound * choices))
    price = Price(base, ((above, tier),))
    bound = worst_case(price, input_bound, output_bound, choices)
    assert cost_nano_usd(Usage(plain, output, cached, write), price) <= bound


def test_the_digest_is_that_of_the_prices() -> None:
    """P6: same prices, same digest, in any order; any change of any rate changes it."""
    one, two = Price(Rates(1, 2, 3, 4)), Price(Rates(1, 2, 3, 5))
    assert price_table_digest({"a": one, "b": None}) == price_table_digest({"b": None, "a": one})
    tables = [
        {"a": one},
        {"a": two},
        {"a": None},
        {"b": one},
        {"a": Price(one.base, ((9, one.base),))},
    ]
    assert len({price_table_digest(t) for t in tables}) == len(tables)


def test_a_table_answers_for_targets() -> None:
    """P2: an unknown target has no price."""
    table = PriceTable({"acct/m": Price(Rates(1, 1, 1, 1)), "acct/free": None})
    assert table.price("acct/m") is not None
    assert table.price("acct/free") is None and table.price("acct/other") is None
    assert len(table.digest) == 64
