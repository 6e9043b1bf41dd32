"""What one call costs and the most it can cost, in integers. Pure arithmetic over a price.

Promises: a worst case is never below what the same call can cost; every cost is rounded up once, at
the end (P2). Unit: nano-USD per million tokens, so that USD per million tokens x 10^9 stays an
exact integer. What is billed by other units than tokens (`Units`) has a price of its own, reached
only where there are any.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from extproc.usage.usage import NO_UNITS, Units, Usage

MTOK = 1_000_000
HOUR_MS = 3_600_000
FREE_OPERATIONS = frozenset(("count_tokens",))
"""Nobody bills them, whatever the model costs."""


UNSET = -1
"""A rate that nobody stated."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Nano-USD per million tokens, one per bucket of `Usage`.

    A bucket without a rate of its own costs what the bucket costs that it is part of, never
    nothing: an hour's cache writes are cache writes, audio and images in are input, audio and
    images out are output. A cached token that was audio has the audio rate.
    """

    input: int
    output: int
    cached_input: int
    cache_write: int
    cache_write_1h: int = UNSET
    audio_input: int = UNSET
    audio_output: int = UNSET
    image_input: int = UNSET
    image_output: int = UNSET

    def __post_init__(self) -> None:
        for name, whole in _PART_OF.items():
            if getattr(self, name) == UNSET:
                object.__setattr__(self, name, getattr(self, whole))


_PART_OF = {
    "cache_write_1h": "cache_write",
    "audio_input": "input",
    "audio_output": "output",
    "image_input": "input",
    "image_output": "output",
}


@dataclass(frozen=True, slots=True)
class UnitRates:
    """Nano-USD: `image` and `search` each, `mchar` for a million characters, `audio_hour`."""

    image: int = 0
    mchar: int = 0
    audio_hour: int = 0
    search: int = 0


NO_UNIT_RATES = UnitRates()


@dataclass(frozen=True, slots=True)
class Price:
    """`tiers`: rates for ALL tokens of a call whose input is above so many tokens, ascending.

    `service_tiers`: prices of the provider's dearer or cheaper lanes (OpenAI's `service_tier`,
    Anthropic's `speed`). `per_request`, `per_web_search`: nano-USD each.
    """

    base: Rates
    tiers: tuple[tuple[int, Rates], ...] = ()
    service_tiers: tuple[tuple[str, Price], ...] = ()
    per_request: int = 0
    per_web_search: int = 0
    units: UnitRates = NO_UNIT_RATES

    def rates(self, input_tokens: int) -> Rates:
        """The rates of a call with so many input tokens, those of every bucket together."""
        found = self.base
        for above, rates in self.tiers:
            if input_tokens > above:
                found = rates
        return found

    def in_service_tier(self, name: str | None) -> Price:
        """The price of a named lane; the standard one where the list knows no other."""
        return next((price for tier, price in self.service_tiers if tier == name), self)


@dataclass(frozen=True, slots=True)
class Reach:
    """Which buckets one request can get tokens into. Who does not know says True.

    `web_searches`: the most it can make. `units`: the most of each it can be billed for. `unseen`:
    its answer is sound or pictures, whose tokens nobody here can count.
    """

    audio_input: bool = True
    audio_output: bool = True
    image_input: bool = True
    cache_write_1h: bool = True
    web_searches: int = 0
    units: Units = NO_UNITS
    unseen: Literal["", "audio", "image"] = ""


ANYTHING = Reach()


def cost_nano_usd(usage: Usage, price: Price) -> int:
    """What a call cost, rounded up to a whole nano-USD."""
    rates = price.rates(usage.total_input_tokens)
    tokens = (
        usage.input_tokens * rates.input
        + usage.cached_input_tokens * rates.cached_input
        + usage.cache_write_tokens * rates.cache_write
        + usage.cache_write_1h_tokens * rates.cache_write_1h
        + usage.audio_input_tokens * rates.audio_input
        + usage.image_input_tokens * rates.image_input
        + usage.output_tokens * rates.output
        + usage.audio_output_tokens * rates.audio_output
        + usage.image_output_tokens * rates.image_output
    )
    once = price.per_request + usage.web_searches * price.per_web_search
    if usage.units is NO_UNITS:
        return _ceil(tokens) + once
    return _with_units(tokens, usage.units, price.units) + once


def worst_case(
    price: Price, input_tokens: int, output_tokens: int, choices: int = 1, reach: Reach = ANYTHING
) -> int:
    """The most a call can cost in nano-USD: dearest reachable tier, every token dearest.

    `output_tokens`: of one choice. A provider may bill any input as a cache read or write.
    """
    before, after = _dearest(price.base, reach)
    for above, rates in price.tiers:
        if input_tokens > above:
            tier_before, tier_after = _dearest(rates, reach)
            before, after = max(before, tier_before), max(after, tier_after)
    tokens = input_tokens * before + output_tokens * choices * after
    once = price.per_request + reach.web_searches * price.per_web_search
    if reach.units is NO_UNITS:
        return _ceil(tokens) + once
    return _with_units(tokens, reach.units, price.units) + once


def _with_units(tokens: int, units: Units, rates: UnitRates) -> int:
    """`tokens`: nano-USD per million tokens, as characters are; sound is by the hour."""
    millionths = tokens + units.characters * rates.mchar
    hours = units.audio_ms * rates.audio_hour
    fractions = -(-(millionths * HOUR_MS + hours * MTOK) // (MTOK * HOUR_MS))
    return fractions + units.images * rates.image + units.searches * rates.search


def _dearest(r: Rates, reach: Reach) -> tuple[int, int]:
    """The dearest rates of (input, output) among the buckets in reach."""
    before = max(r.input, r.cached_input, r.cache_write)
    if reach.cache_write_1h:
        before = max(before, r.cache_write_1h)
    if reach.audio_input:
        before = max(before, r.audio_input)
    if reach.image_input:
        before = max(before, r.image_input)
    # Models that draw do so unasked; only theirs have a rate of its own.
    after = max(r.output, r.image_output)
    return before, max(after, r.audio_output) if reach.audio_output else after


def _ceil(nano_usd_per_mtok: int) -> int:
    return -(-nano_usd_per_mtok // MTOK)
