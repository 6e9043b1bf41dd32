"""What is billed by other units than tokens: pictures, characters, sound, searches (P2)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from extproc.config.provider_model import ModelSpec, PriceSpec, ProviderAccount
from extproc.llm.billable import Billable
from extproc.usage.checked import UNITS_SLACK, UNITS_TIMES, checked
from extproc.usage.input_bound import FREE, input_bound
from extproc.usage.price import (
    FREE_OPERATIONS,
    Price,
    Rates,
    Reach,
    UnitRates,
    cost_nano_usd,
    worst_case,
)
from extproc.usage.prices import price_table_digest, resolve
from extproc.usage.tokens import TokenCounter
from extproc.usage.usage import NO_UNITS, Units, Unsound, Usage

DAY = date(2026, 11, 20)
NAMES = ("images", "characters", "audio_ms", "searches")
COUNT = st.integers(0, 10**7)
UNITS = st.builds(Units, COUNT, COUNT, COUNT, COUNT)
RATE = st.integers(0, 10**11)
UNIT_RATES = st.builds(UnitRates, RATE, RATE, RATE, RATE)
PRICES = st.builds(Price, st.builds(Rates, *[RATE] * 9), units=UNIT_RATES, per_request=RATE)


def price_of(**stated: float) -> Price:
    account = ProviderAccount(type="provider-account", name="a", provider="openai", models=())
    price = resolve(account, ModelSpec(id="m", price=PriceSpec(**stated)), DAY)
    assert price is not None
    return price


def listed(provider: str, name: str, **more: Any) -> Price | None:
    account = ProviderAccount(type="provider-account", name="a", provider=provider, models=(),
                              **more)  # fmt: skip
    return resolve(account, ModelSpec(id=name), DAY)


def test_every_unit_has_a_configured_price() -> None:
    """P2: USD a picture, a million characters, a minute, a search, exact to the nano-USD."""
    price = price_of(per_image_usd=0.04, per_mchar_usd=15, per_audio_minute_usd=0.006,
                     per_search_usd=0.002)  # fmt: skip
    units = [Units(images=3), Units(characters=1_001), Units(audio_ms=61_000), Units(searches=2)]
    costs = [cost_nano_usd(Usage(units=one), price) for one in units]
    assert costs == [120_000_000, 15_015_000, 6_100_000, 4_000_000]
    together = Units(images=3, characters=1_001, audio_ms=61_000, searches=2)
    assert cost_nano_usd(Usage(units=together), price) == sum(costs)


@given(PRICES, UNITS, COUNT, COUNT, COUNT)
def test_units_and_tokens_are_rounded_up_once(
    price: Price, units: Units, before: int, after: int, drawn: int
) -> None:
    """P2: the cost is the exact sum, rounded up to a whole nano-USD, once."""
    usage = Usage(before, after, image_output_tokens=drawn, units=units)
    base, rates = price.base, price.units
    tokens = before * base.input + after * base.output + drawn * base.image_output
    exact = (
        Fraction(tokens + units.characters * rates.mchar, 10**6)
        + Fraction(units.audio_ms * rates.audio_hour, 3_600_000)
        + units.images * rates.image
        + units.searches * rates.search
        + price.per_request
    )
    assert exact <= cost_nano_usd(usage, price) < exact + 1


@given(st.data(), PRICES, UNITS, COUNT, COUNT)
def test_no_usage_within_what_was_asked_costs_more_than_was_reserved(
    data: st.DataObject, price: Price, most: Units, before: int, after: int
) -> None:
    """P2: fewer pictures, a shorter sound, any split of the output: never above the worst case."""
    units = Units(*(data.draw(st.integers(0, getattr(most, name))) for name in NAMES))
    drawn = data.draw(st.integers(0, after))
    usage = Usage(data.draw(st.integers(0, before)), after - drawn, image_output_tokens=drawn,
                  units=units)  # fmt: skip
    reach = Reach(False, False, False, False, units=most)
    assert cost_nano_usd(usage, price) <= worst_case(price, before, after, reach=reach)
    charged, flags = checked(
        usage, lambda: usage, input_bound=before, output_bound=after, reach=reach
    )
    if not flags:
        assert cost_nano_usd(charged, price) <= worst_case(price, before, after, reach=reach)


@given(st.data(), PRICES, UNITS, COUNT, COUNT, st.sampled_from(("", "audio", "image")))
def test_our_own_count_costs_no_more_than_was_reserved(
    data: st.DataObject, price: Price, most: Units, before: int, after: int, unseen: Any
) -> None:
    """P2: where a provider tells nothing, what was reserved is the most that is charged."""
    reach = Reach(False, unseen == "audio", False, False, units=most, unseen=unseen)
    ours = Usage(before, data.draw(st.integers(0, after)), source="counted")
    for reported in (None, Unsound("provider_usage_negative")):
        charged, flags = checked(
            reported, lambda: ours, input_bound=before, output_bound=after, reach=reach
        )
        assert flags and charged.units == most and charged.source == "counted"
        assert charged.total_output_tokens == (after if unseen else ours.output_tokens)
        assert cost_nano_usd(charged, price) <= worst_case(price, before, after, reach=reach)


def test_units_that_are_told_need_no_tokens() -> None:
    """P2: a length of sound is a whole report; no tokens beside it is no zero report."""
    told = Usage(units=Units(audio_ms=9_000))
    reach = Reach(units=Units(audio_ms=10_000))
    assert checked(told, Usage, input_bound=99, output_bound=99, reach=reach) == (told, ())


@pytest.mark.parametrize("name", NAMES)
def test_more_units_than_reserved_are_charged_and_flagged(name: str) -> None:
    """P2: a longer sound is real money; one that nobody could have sent is a lie."""
    reach = Reach(audio_input=False, units=Units(**{name: 1_000}))
    ours = Usage(5, source="counted")
    longer = Usage(units=Units(**{name: 1_001}))
    assert checked(longer, lambda: ours, input_bound=5, output_bound=0, reach=reach) == (
        longer, ("above_reservation",))  # fmt: skip
    most = UNITS_TIMES * 1_000 + getattr(UNITS_SLACK, name)
    lie = Usage(units=Units(**{name: most + 1}))
    charged, flags = checked(lie, lambda: ours, input_bound=5, output_bound=0, reach=reach)
    assert flags == ("provider_usage_absurd",) and charged == replace(ours, units=reach.units)


def test_an_operation_without_output_is_not_charged_for_words() -> None:
    """P2: documents that a rerank sends back were never written by a model."""
    ours = Usage(10, 700, source="counted")
    charged, flags = checked(None, lambda: ours, input_bound=10, output_bound=0)
    assert (charged.output_tokens, flags) == (0, ("provider_usage_missing",))


def test_what_nobody_bills_is_free() -> None:
    """P2: counting tokens reserves nothing, and its answer is no zero report."""
    bound = TokenCounter().bound(Billable(texts=["x" * 9_000], free=True), {"anthropic"})
    assert bound == FREE == input_bound(10**6, 0, Billable(free=True), {"openai"})
    assert worst_case(Price(Rates(9, 9, 9, 9)), bound.input_tokens, 0, reach=bound.reach) == 0
    assert checked(Usage(), lambda: Usage(5, 5), input_bound=0, output_bound=0) == (Usage(), ())
    assert "count_tokens" in FREE_OPERATIONS


def test_speech_is_reserved_by_its_text() -> None:
    """P2: twelve tokens of sound a token of text, in the output of the reservation."""
    counter = TokenCounter()
    text = "Good morning, this is the news."
    quiet = counter.bound(Billable(texts=[text], parts=1), {"openai"})
    spoken = counter.bound(
        Billable(texts=[text], parts=1, spoken_percent=1_200, unseen="audio",
                 units=Units(characters=len(text))), {"openai"}
    )  # fmt: skip
    assert spoken.input_tokens == quiet.input_tokens
    assert spoken.more_output_tokens == 12 * counter.raw(text)
    assert (spoken.reach.unseen, spoken.reach.units.characters) == ("audio", len(text))
    assert quiet.reach.units is NO_UNITS


def test_list_prices_of_units() -> None:
    """P2: the bundled list's rates a million characters and an hour of sound are used."""
    voice, heard = listed("openai", "tts-1"), listed("openai", "whisper-1")
    assert voice is not None and heard is not None
    assert (voice.units.mchar, heard.units.audio_hour) == (15 * 10**9, 360_000_000)
    assert cost_nano_usd(Usage(units=Units(audio_ms=60_000)), heard) == 6_000_000
    drawn = listed("google-gemini", "gemini-2.5-flash-image")
    assert drawn is not None and drawn.base.image_output == 30 * 10**9 > drawn.base.output


@pytest.mark.parametrize(
    ("provider", "name", "more"),
    [
        ("google-gemini", "gemini-2.5-flash", {}),
        ("google-vertex", "claude-sonnet-4-5@20250929", {"region": "us-east5", "project": "p"}),
        ("aws-bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", {"region": "us-east-1"}),
        ("aws-bedrock", "amazon.nova-lite-v1:0", {"region": "eu-west-1"}),
        ("azure-openai", "gpt-4o-mini", {"base_url": "https://x.openai.azure.com/openai/v1"}),
        ("cohere", "command-a-03-2025", {}),
        ("openai-compatible", "mistral-small-latest", {"base_url": "https://api.mistral.ai/v1"}),
    ],
)
def test_each_provider_is_looked_up_under_its_own_name(provider: str, name: str, more: Any) -> None:
    """P2: dates, regions and versions in a model's id are understood as the list has them."""
    price = listed(provider, name, **more)
    assert price is not None and price.base.input > 0


@pytest.mark.parametrize(
    ("provider", "name", "more"),
    [
        ("azure-openai", "my-deployment", {"base_url": "https://x.openai.azure.com/openai/v1"}),
        ("openai-compatible", "gpt-4o-mini", {"base_url": "https://gw.internal/v1"}),
        ("cohere", "rerank-v3.5", {}),
        ("aws-bedrock", "gpt-4o-mini", {"region": "us-east-1"}),
    ],
)
def test_a_name_the_list_does_not_know_is_unpriced(provider: str, name: str, more: Any) -> None:
    """P2: no provider is taken for another because its name holds the other's."""
    assert listed(provider, name, **more) is None


def test_tokens_are_not_free_by_omission() -> None:
    """P7: a price without what input costs is a mistake, unless it is by another unit."""
    for stated in ({}, {"output_per_mtok": 1.0}, {"per_request_usd": 0.1}):
        with pytest.raises(ValidationError, match="missing"):
            PriceSpec(**stated)
    assert PriceSpec(per_search_usd=0.002).input_per_mtok == 0


def test_the_digest_knows_units() -> None:
    """P6: any change of any rate changes the table's digest."""
    rates = Rates(1, 2, 3, 4)
    one = [Price(rates, units=UnitRates(**{name: 1})) for name in
           ("image", "mchar", "audio_hour", "search")]  # fmt: skip
    tables = [Price(rates), Price(replace(rates, image_output=7)), *one]
    assert len({price_table_digest({"a": price}) for price in tables}) == 6


BY_TOKEN = Price(Rates(10**9, 10**9, 0, 0))
MINUTES, RANKS = Units(audio_ms=60_000), Units(searches=3)


@pytest.mark.parametrize(
    ("told", "price", "most", "charged"),
    [
        (Usage(0, 9, audio_input_tokens=5), price_of(per_audio_minute_usd=1), MINUTES, 10**9),
        (Usage(units=Units(audio_ms=6_000)), price_of(per_audio_minute_usd=1), MINUTES, 10**8),
        (Usage(units=Units(audio_ms=30_000)), BY_TOKEN, MINUTES, 110 * 1_000),
        (Usage(50), price_of(per_search_usd=1), RANKS, 3 * 10**9),
        (Usage(units=Units(searches=2)), price_of(per_search_usd=1), RANKS, 2 * 10**9),
        (Usage(units=Units(searches=2)), BY_TOKEN, RANKS, 100 * 1_000),
        (Usage(50), BY_TOKEN, RANKS, 50 * 1_000),
        (Usage(50), price_of(per_image_usd=1), Units(images=2), 2 * 10**9),
        (Usage(50), price_of(per_mchar_usd=1), Units(characters=7), 7 * 1_000),
    ],
)  # fmt: skip
def test_what_is_told_in_another_unit_than_billed_is_not_free(
    told: Usage, price: Price, most: Units, charged: int
) -> None:
    """P2: what the price bills and the report lacks is taken from the reservation, and flagged."""
    reach = Reach(units=most)
    ours = Usage(100, 10, source="counted")
    output_bound = 10 if most is MINUTES else 0
    usage, flags = checked(told, lambda: ours, input_bound=100, output_bound=output_bound,
                           reach=reach, price=price)  # fmt: skip
    assert cost_nano_usd(usage, price) == charged
    assert flags == (() if usage == told else ("provider_usage_missing",))
    assert charged <= worst_case(price, 100, output_bound, reach=reach)


@given(st.data(), PRICES, UNITS, COUNT, COUNT)
def test_a_completed_report_costs_no_more_than_was_reserved(
    data: st.DataObject, price: Price, most: Units, before: int, after: int
) -> None:
    """P2: whatever the report lacks, what is charged instead stays within the reservation."""
    kept = [data.draw(st.sampled_from((0, getattr(most, name)))) for name in NAMES]
    told = Usage(data.draw(st.sampled_from((0, before))), units=Units(*kept))
    reach = Reach(units=most)
    usage, flags = checked(told, lambda: Usage(before, after), input_bound=before, price=price,
                           output_bound=after, reach=reach)  # fmt: skip
    assert "above_reservation" not in flags
    assert cost_nano_usd(usage, price) <= worst_case(price, before, after, reach=reach)
