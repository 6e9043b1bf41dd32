"""Prices and costs in integers (P2, P6)."""

from __future__ import annotations

import socket
from dataclasses import replace
from datetime import date
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from extproc.config.model import ModelSpec, PriceSpec, ProviderAccount
from extproc.usage.prices import (
    Price,
    PriceTable,
    Rates,
    Reach,
    cost_nano_usd,
    price_table_digest,
    resolve,
    worst_case,
)
from extproc.usage.usage import Usage

DAY = date(2026, 11, 20)
TOKENS = st.integers(0, 2_000_000)
RATE = st.integers(0, 10**12)
RATES = st.builds(Rates, *[RATE] * 8)
FEE = st.integers(0, 10**9)
INPUTS = ("input_tokens", "cached_input_tokens", "cache_write_tokens", "cache_write_1h_tokens",
          "audio_input_tokens", "image_input_tokens")  # fmt: skip
BUCKETS = dict(zip((*INPUTS, "output_tokens", "audio_output_tokens"),
                   ("input", "cached_input", "cache_write", "cache_write_1h", "audio_input",
                    "image_input", "output", "audio_output"), strict=True))  # fmt: skip


def account(provider: str = "openai", url: str = "https://api.openai.com/v1", **more: Any
            ) -> ProviderAccount:  # fmt: skip
    return ProviderAccount(type="provider-account", name="acct", provider=provider,
                           base_url=url, models=(), **more)  # fmt: skip


def model(name: str, **price: Any) -> ModelSpec:
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


@st.composite
def usages(draw: st.DrawFn, input_bound: int, output_bound: int, reach: Reach) -> Usage:
    """Any way a provider may split the bounded tokens over the buckets in reach."""
    shut = {
        "cache_write_1h_tokens": not reach.cache_write_1h,
        "audio_input_tokens": not reach.audio_input,
        "image_input_tokens": not reach.image_input,
    }
    told: dict[str, int] = {}
    for name in draw(st.permutations(INPUTS)):
        most = 0 if shut.get(name) else input_bound - sum(told.values())
        told[name] = draw(st.integers(0, most))
    spoken = draw(st.integers(0, output_bound)) if reach.audio_output else 0
    written = draw(st.integers(0, output_bound - spoken))
    searches = draw(st.integers(0, reach.web_searches))
    return Usage(**told, output_tokens=written, audio_output_tokens=spoken, web_searches=searches)


@given(st.lists(TOKENS, min_size=8, max_size=8), RATES, RATES, st.integers(0, 10**6), FEE, FEE,
       st.integers(0, 9))  # fmt: skip
def test_costs_are_rounded_up_once(
    counts: list[int], base: Rates, tier: Rates, above: int, fee: int, search: int, searches: int
) -> None:
    """P2: the cost is the exact sum over all buckets, rounded up to a whole nano-USD, once."""
    price = Price(base, ((above, tier),), per_request=fee, per_web_search=search)
    usage = Usage(**dict(zip(BUCKETS, counts, strict=True)), web_searches=searches)
    rates = tier if usage.total_input_tokens > above else base
    tokens = sum(getattr(usage, name) * getattr(rates, rate) for name, rate in BUCKETS.items())
    exact = Fraction(tokens, 10**6) + fee + searches * search
    assert exact <= cost_nano_usd(usage, price) < exact + 1


@given(st.data(), RATES, RATES, st.integers(0, 10**6), st.integers(1, 8), FEE, FEE,
       st.builds(Reach, *[st.booleans()] * 4, st.integers(0, 5)))  # fmt: skip
def test_the_worst_case_is_never_too_low(
    data: st.DataObject, base: Rates, tier: Rates, above: int, choices: int, fee: int, search: int,
    reach: Reach,
) -> None:  # fmt: skip
    """P2: however a provider splits the bounded tokens, it bills no more than was reserved."""
    input_bound, output_bound = data.draw(TOKENS), data.draw(TOKENS)
    usage = data.draw(usages(input_bound, output_bound * choices, reach))
    price = Price(base, ((above, tier),), per_request=fee, per_web_search=search)
    bound = worst_case(price, input_bound, output_bound, choices, reach)
    assert cost_nano_usd(usage, price) <= bound
    known = Reach(web_searches=reach.web_searches)
    assert bound <= worst_case(price, input_bound, output_bound, choices, known)


@pytest.mark.parametrize("bucket", sorted(set(BUCKETS.values())))
def test_each_bucket_of_each_tier_is_in_the_worst_case(bucket: str) -> None:
    """P2: one dear rate, in the base or in a tier, is enough to be reserved for."""
    flat = Rates(*[1] * 8)
    dear = replace(flat, **{bucket: 10**6})
    tokens = Usage(**{name: 100 for name, rate in BUCKETS.items() if rate == bucket})
    split = replace(tokens, input_tokens=tokens.input_tokens + 100)
    for price in (Price(dear), Price(flat, ((50, dear),))):
        assert cost_nano_usd(split, price) >= 100
        assert worst_case(price, 200, 100) >= cost_nano_usd(split, price)


@given(st.data(), RATES, st.integers(1, 8))
def test_who_knows_nothing_reserves_for_every_bucket(
    data: st.DataObject, base: Rates, choices: int
) -> None:
    """P2: without any knowledge of the request, audio and an hour's cache are reckoned with."""
    input_bound, output_bound = data.draw(TOKENS), data.draw(TOKENS)
    usage = data.draw(usages(input_bound, output_bound * choices, Reach()))
    bound = worst_case(Price(base), input_bound, output_bound, choices)
    assert cost_nano_usd(usage, Price(base)) <= bound


def test_a_bucket_without_a_rate_costs_what_it_is_part_of() -> None:
    """P2: an unstated rate is never nothing."""
    assert Rates(1, 2, 3, 4) == Rates(1, 2, 3, 4, 4, 1, 2, 1)
    assert Rates(1, 2, 3, 4, audio_input=0).audio_input == 0


def test_every_bucket_can_have_a_configured_rate() -> None:
    """P2: audio, images, an hour's cache, each request and each search at their own price."""
    price = resolve(
        account(),
        model("m", input_per_mtok=3, output_per_mtok=15, cached_input_per_mtok=0.3,
              cache_write_per_mtok=3.75, cache_write_1h_per_mtok=6, audio_input_per_mtok=32,
              audio_output_per_mtok=64, image_input_per_mtok=5, per_request_usd=0.004,
              web_search_usd=0.01),
    )  # fmt: skip
    usd = [3, 15, 0.3, 3.75, 6, 32, 64, 5]
    expected = Rates(*(int(rate * 10**9) for rate in usd))
    assert price == Price(expected, per_request=4 * 10**6, per_web_search=10**7)
    assert cost_nano_usd(Usage(web_searches=2, audio_input_tokens=10), price) == (
        4 * 10**6 + 2 * 10**7 + 10 * 32_000
    )


def test_configured_tiers_are_thresholds() -> None:
    """P2: above its threshold a tier prices all tokens of its kind; others keep their rate."""
    tiers = [{"above_tokens": 200_000, "per_mtok": 6}, {"above_tokens": 500_000, "per_mtok": 9}]
    price = resolve(
        account(),
        model("m", input_per_mtok=3, output_per_mtok=15, cache_write_per_mtok=4,
              input_tiers=tuple(tiers), output_tiers=({"above_tokens": 300_000, "per_mtok": 20},)),
    )  # fmt: skip
    assert price is not None
    seen = [price.rates(tokens) for tokens in (200_000, 200_001, 300_001, 500_001)]
    assert [rates.input for rates in seen] == [3 * 10**9, 6 * 10**9, 6 * 10**9, 9 * 10**9]
    assert [rates.output for rates in seen] == [15 * 10**9, 15 * 10**9, 20 * 10**9, 20 * 10**9]
    assert [rates.cached_input for rates in seen] == [rates.input for rates in seen]
    assert {rates.cache_write for rates in seen} == {4 * 10**9}


@pytest.mark.parametrize("starts", [(5, 5), (9, 5)])
def test_tiers_that_do_not_rise_are_a_mistake(starts: tuple[int, int]) -> None:
    """P7: which of two tiers holds must not be a guess."""
    tiers = tuple({"above_tokens": start, "per_mtok": 1} for start in starts)
    with pytest.raises(ValidationError, match="must rise"):
        PriceSpec(input_per_mtok=1, input_tiers=tiers)  # type: ignore[arg-type]


def test_list_prices_of_other_buckets() -> None:
    """P2: the bundled list's rates for an hour's cache, searches, audio and images are used."""
    claude = listed("claude-opus-4-5", "anthropic", url="https://api.anthropic.com")
    assert claude is not None
    assert (claude.base.cache_write, claude.base.cache_write_1h) == (6_250_000_000, 10 * 10**9)
    assert claude.per_web_search == 10**7
    spoken = listed("gpt-audio")
    assert spoken is not None
    assert (spoken.base.audio_input, spoken.base.audio_output) == (32 * 10**9, 64 * 10**9)
    drawn = listed("gpt-image-1")
    assert drawn is not None and drawn.base.image_input == 10 * 10**9


def test_a_faster_lane_is_priced_as_such() -> None:
    """P2: Anthropic's `speed: fast` costs more than the standard lane."""
    standard = listed("claude-opus-4-8", "anthropic", url="https://api.anthropic.com")
    assert standard is not None
    assert standard.in_service_tier("fast").base.output > standard.base.output


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
        {"a": Price(one.base, per_request=1)},
        {"a": Price(one.base, per_web_search=1)},
        {"a": Price(Rates(1, 2, 3, 4, audio_input=7))},
    ]
    assert len({price_table_digest(t) for t in tables}) == len(tables)


def test_a_table_answers_for_targets() -> None:
    """P2: an unknown target has no price."""
    table = PriceTable({"acct/m": Price(Rates(1, 1, 1, 1)), "acct/free": None})
    assert table.price("acct/m") is not None
    assert table.price("acct/free") is None and table.price("acct/other") is None
    assert len(table.digest) == 64
