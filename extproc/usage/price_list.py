"""Adapter of genai-prices: its bundled snapshot, read as our `Price`. Offline, and only offline."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache

from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import (
    ModelInfo,
    ModelPrice,
    StartDateConstraint,
    TieredPrices,
    TimeOfDateConstraint,
)

from extproc.usage.configured_price import nano_usd
from extproc.usage.price import UNSET, Price, Rates, UnitRates

Listed = Decimal | TieredPrices | None
_COLUMNS = (
    "input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok", "cache_write_1h_mtok",
    "input_audio_mtok", "output_audio_mtok", "input_image_mtok", "output_image_mtok",
)  # fmt: skip
"""The list's units, in the order of `Rates`. Beside them `input_mchars`, `input_audio_hours` and
the fees per thousand are read; its others do not occur in what is governed here. `audio_hours`
alone does not say which way the sound goes."""


def listed_price(
    provider: str, base_url: str, model_id: str, today: date | None = None
) -> Price | None:
    """Look a model up as of `today` (UTC); None when the list does not know it or calls it free.

    `provider`: its name in the list. One the list has no such provider of is looked up by the
    account's URL. How a model's name may be written (dates, regions, ARNs) is the list's own
    knowledge; an Azure deployment with a name of its own is not known to it.
    """
    return _listed(provider, base_url, model_id, today or datetime.now(UTC).date())


@lru_cache(maxsize=1)
def _providers() -> frozenset[str]:
    return frozenset(provider.id for provider in get_snapshot().providers)


@lru_cache(maxsize=4_096)
def _listed(provider: str, base_url: str, model_id: str, day: date) -> Price | None:
    # The list's own search by name is not exact: it takes `openai-compatible` for OpenAI.
    known = provider if provider in _providers() else None
    try:
        _, model = get_snapshot().find_provider_model(
            model_id, None, known, None if known else base_url
        )
    except LookupError:
        return None
    return _price(model, day)


def _price(model: ModelInfo, day: date) -> Price | None:
    standard = _standard(model, day)
    price = _as_price(standard, ModelPrice())
    if not (price.base.input or price.base.output or price.per_request or _any(price.units)):
        return None
    lanes: dict[str, Price] = {}
    for variant in model.price_variants or ():
        name = variant.when.get("service_tier") or variant.when.get("speed")
        if name and len(variant.when) == 1 and name not in lanes:
            # Dated or not: a lane that may cost more is believed at once.
            lanes[name] = _as_price(standard, variant.prices)
    return replace(price, service_tiers=tuple(sorted(lanes.items())))


def _standard(model: ModelInfo, day: date) -> ModelPrice:
    """The last price in force on that day; of prices by time of day, the dearest input."""
    if isinstance(model.prices, ModelPrice):
        return model.prices
    current, hourly = model.prices[0].prices, []
    for priced in model.prices:
        match priced.constraint:
            case TimeOfDateConstraint():
                hourly.append(priced.prices)
            case StartDateConstraint(start_date=start) if start > day:
                continue
            case _:
                current = priced.prices
    return max([current, *hourly], key=lambda p: _at(p.input_mtok, 0) or Decimal(0))


def _as_price(standard: ModelPrice, lane: ModelPrice) -> Price:
    def listed(name: str) -> Listed:
        value: Listed = lane.__dict__.get(name)
        return value if value is not None else standard.__dict__.get(name)

    columns = [listed(name) for name in _COLUMNS]
    starts = {t.start for c in columns if isinstance(c, TieredPrices) for t in c.tiers}
    return Price(
        _rates(columns, 0),
        tuple((start, _rates(columns, start + 1)) for start in sorted(starts)),
        per_request=_each(listed("requests_kcount")),
        per_web_search=_each(listed("web_searches_kcount")),
        units=UnitRates(
            mchar=nano_usd(_at(listed("input_mchars"), 0)),
            audio_hour=nano_usd(_at(listed("input_audio_hours"), 0)),
        ),
    )


def _any(units: UnitRates) -> bool:
    return bool(units.image or units.mchar or units.audio_hour or units.search)


def _rates(columns: list[Listed], input_tokens: int) -> Rates:
    plain, output, cached, write, *others = (_at(c, input_tokens) for c in columns)
    usual = nano_usd(plain)
    return Rates(
        usual,
        nano_usd(output),
        nano_usd(cached, usual),
        nano_usd(write, usual),
        *(nano_usd(own, UNSET) for own in others),
    )


def _each(per_thousand: Listed) -> int:
    """Nano-USD of one, rounded up; of a fee with tiers, the dearest."""
    if isinstance(per_thousand, TieredPrices):
        per_thousand = max(per_thousand.base, *(tier.price for tier in per_thousand.tiers))
    return 0 if per_thousand is None else nano_usd(per_thousand / 1000)


def _at(value: Listed, input_tokens: int) -> Decimal | None:
    if not isinstance(value, TieredPrices):
        return value
    found = value.base
    for tier in value.tiers:
        if input_tokens > tier.start:
            found = tier.price
    return found
