"""The price a configuration states for a model, as our `Price`.

Tiers are thresholds: above `above_tokens` of input the rate holds for ALL tokens of its kind, as
Anthropic, Google and OpenAI bill long contexts and as the bundled list has it. (A graduated tariff
would cost less than that as long as its rates rise: read as thresholds it is still an upper bound.)
"""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal

from extproc.config.provider_model import PriceSpec, PriceTier
from extproc.usage.price import UNSET, Price, Rates, UnitRates

NANO = 1_000_000_000


def configured_price(spec: PriceSpec) -> Price:
    """Buckets without a rate of their own cost what they are part of (`Rates`)."""
    columns = (spec.input_tiers, spec.output_tiers, spec.cached_input_tiers, spec.cache_write_tiers)
    starts = sorted({tier.above_tokens for column in columns for tier in column})
    return Price(
        _rates(spec, 0),
        tuple((start, _rates(spec, start + 1)) for start in starts),
        per_request=nano_usd(spec.per_request_usd),
        per_web_search=nano_usd(spec.web_search_usd),
        units=UnitRates(
            image=nano_usd(spec.per_image_usd),
            mchar=nano_usd(spec.per_mchar_usd),
            audio_hour=60 * nano_usd(spec.per_audio_minute_usd),
            search=nano_usd(spec.per_search_usd),
        ),
    )


def _rates(spec: PriceSpec, input_tokens: int) -> Rates:
    plain = nano_usd(_at(spec.input_per_mtok, spec.input_tiers, input_tokens))
    cached = _at(spec.cached_input_per_mtok, spec.cached_input_tiers, input_tokens)
    written = _at(spec.cache_write_per_mtok, spec.cache_write_tiers, input_tokens)
    return Rates(
        input=plain,
        output=nano_usd(_at(spec.output_per_mtok, spec.output_tiers, input_tokens)),
        cached_input=nano_usd(cached, plain),
        cache_write=nano_usd(written, plain),
        cache_write_1h=nano_usd(spec.cache_write_1h_per_mtok, UNSET),
        audio_input=nano_usd(spec.audio_input_per_mtok, UNSET),
        audio_output=nano_usd(spec.audio_output_per_mtok, UNSET),
        image_input=nano_usd(spec.image_input_per_mtok, UNSET),
        image_output=nano_usd(spec.image_output_per_mtok, UNSET),
    )


def _at(base: float | None, tiers: tuple[PriceTier, ...], input_tokens: int) -> float | None:
    reached = [tier.per_mtok for tier in tiers if input_tokens > tier.above_tokens]
    return reached[-1] if reached else base


def nano_usd(usd: float | Decimal | None, default: int = 0) -> int:
    """USD as it is written in decimal, times 10^9; what is finer still is rounded up."""
    if usd is None:
        return default
    return int((Decimal(str(usd)) * NANO).to_integral_value(ROUND_CEILING))
