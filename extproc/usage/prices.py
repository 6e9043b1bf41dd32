"""What a model costs, in integers, resolved once per configuration.

Promises: a configured price wins over the bundled price list; a worst case is never below what the
same call can cost; every cost is rounded up once, at the end (P2); the table has a digest, so that
a cost can be recomputed later (P6). Refuses: to guess. A model without a price, or with a list
price of zero, is None = unpriced, and the caller decides (defaults deny).

Unit: nano-USD per million tokens, so that USD per million tokens x 10^9 stays an exact integer.
The price list is genai-prices' bundled snapshot; its updater (network) is never called.
Not priced: web searches, audio and image tokens at rates of their own, batch discounts.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from decimal import ROUND_CEILING, Decimal

from extproc.config.model import Config, ModelSpec, PriceSpec, ProviderAccount
from extproc.usage.usage import Usage

MTOK = 1_000_000
NANO = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Rates:
    """Nano-USD per million tokens, one per bucket of `Usage`."""

    input: int
    output: int
    cached_input: int
    cache_write: int


@dataclass(frozen=True, slots=True)
class Price:
    """`tiers`: rates for ALL tokens of a call whose input is above so many tokens, ascending.

    `service_tiers`: prices of the provider's dearer or cheaper lanes (OpenAI's `service_tier`).
    """

    base: Rates
    tiers: tuple[tuple[int, Rates], ...] = ()
    service_tiers: tuple[tuple[str, Price], ...] = ()

    def rates(self, input_tokens: int) -> Rates:
        """The rates of a call with so many input tokens, cached ones included."""
        found = self.base
        for above, rates in self.tiers:
            if input_tokens > above:
                found = rates
        return found

    def in_service_tier(self, name: str | None) -> Price:
        """The price of a named lane; the standard one where the list knows no other."""
        return next((price for tier, price in self.service_tiers if tier == name), self)


def cost_nano_usd(usage: Usage, price: Price) -> int:
    """What a call cost, rounded up to a whole nano-USD."""
    total_input = usage.input_tokens + usage.cached_input_tokens + usage.cache_write_tokens
    rates = price.rates(total_input)
    return _ceil(
        usage.input_tokens * rates.input
        + usage.cached_input_tokens * rates.cached_input
        + usage.cache_write_tokens * rates.cache_write
        + usage.output_tokens * rates.output
    )


def worst_case(price: Price, input_tokens: int, output_tokens: int, choices: int = 1) -> int:
    """The most a call can cost in nano-USD: dearest reachable tier, every input token dearest.

    `output_tokens`: of one choice. A provider may bill input as a cache write.
    """
    reachable = [price.base, *(rates for above, rates in price.tiers if input_tokens > above)]
    dearest = max(max(r.input, r.cached_input, r.cache_write) for r in reachable)
    output = max(r.output for r in reachable)
    return _ceil(input_tokens * dearest + output_tokens * choices * output)


def _ceil(nano_usd_per_mtok: int) -> int:
    return -(-nano_usd_per_mtok // MTOK)


class PriceTable:
    """Every configured model's price. `digest`: SHA-256 (hex) over the whole table."""

    def __init__(self, prices: Mapping[str, Price | None]) -> None:
        self._prices = dict(prices)
        self.digest = price_table_digest(prices)

    @classmethod
    def of(cls, config: Config, today: date | None = None) -> PriceTable:
        """Resolve all models of a configuration. `today` (UTC) picks among dated list prices."""
        return cls(
            {
                f"{account.name}/{model.id}": resolve(account, model, today)
                for account in config.accounts.values()
                for model in account.models
            }
        )

    def price(self, target: str) -> Price | None:
        """The price of `account/model`; None = unpriced or unknown."""
        return self._prices.get(target)


def price_table_digest(prices: Mapping[str, Price | None]) -> str:
    """SHA-256 (hex) over the canonical JSON of the table: same prices, same digest (P6)."""
    table = {name: asdict(price) if price else None for name, price in prices.items()}
    text = json.dumps(table, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def resolve(account: ProviderAccount, model: ModelSpec, today: date | None = None) -> Price | None:
    """The configured price, else the list's as of `today` (UTC); None = unpriced."""
    if model.price is not None:
        return _configured(model.price)
    if account.kind == "self_hosted":
        return None  # a list price is the price of somebody else's machine
    # Imported here: 0.2 s and 20 MB that a configuration with its own prices never needs.
    from extproc.usage.price_list import listed_price

    return listed_price(account.provider, account.base_url, model.id, today)


def _configured(spec: PriceSpec) -> Price:
    """Cache reads and writes without a price of their own cost what input costs."""
    plain = nano_usd_per_mtok(spec.input_per_mtok)
    return Price(
        Rates(
            input=plain,
            output=nano_usd_per_mtok(spec.output_per_mtok),
            cached_input=nano_usd_per_mtok(spec.cached_input_per_mtok, plain),
            cache_write=nano_usd_per_mtok(spec.cache_write_per_mtok, plain),
        )
    )


def nano_usd_per_mtok(usd_per_mtok: float | Decimal | None, default: int = 0) -> int:
    """USD as it is written in decimal, times 10^9; what is finer still is rounded up."""
    if usd_per_mtok is None:
        return default
    exact = Decimal(str(usd_per_mtok)) * NANO
    return int(exact.to_integral_value(ROUND_CEILING))
