"""What every configured model costs, resolved once per configuration.

Promises: a configured price wins over the bundled price list; the table has a digest, so that a
cost can be recomputed later (P6). Refuses: to guess. A model without a price, or with a list price
of zero, is None = unpriced, and the caller decides (defaults deny).

The price list is genai-prices' bundled snapshot; its updater (network) is never called.
Not priced: batch discounts, code execution by the hour, a provider's least billed length of sound.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date

from extproc.config.model import Config
from extproc.config.provider_model import ModelSpec, ProviderAccount
from extproc.usage.configured_price import configured_price
from extproc.usage.price import (
    FREE_OPERATIONS,
    Price,
    Rates,
    Reach,
    UnitRates,
    cost_nano_usd,
    worst_case,
)

__all__ = [
    "FREE_OPERATIONS",
    "Price",
    "PriceTable",
    "Rates",
    "Reach",
    "UnitRates",
    "cost_nano_usd",
    "price_table_digest",
    "resolve",
    "worst_case",
]


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

    @property
    def prices(self) -> Mapping[str, Price | None]:
        """The whole table, by `account/model`."""
        return self._prices

    def price(self, target: str) -> Price | None:
        """The price of `account/model`; None = unpriced or unknown."""
        return self._prices.get(target)


def price_table_digest(prices: Mapping[str, Price | None]) -> str:
    """SHA-256 (hex) over the canonical JSON of the table: same prices, same digest (P6)."""
    return hashlib.sha256(canonical_prices(prices).encode()).hexdigest()


def canonical_prices(prices: Mapping[str, Price | None]) -> str:
    """The table as one JSON text: equal tables, equal texts."""
    table = {name: asdict(price) if price else None for name, price in prices.items()}
    return json.dumps(table, sort_keys=True, separators=(",", ":"))


def resolve(account: ProviderAccount, model: ModelSpec, today: date | None = None) -> Price | None:
    """The configured price, else the list's as of `today` (UTC); None = unpriced."""
    if model.price is not None:
        return configured_price(model.price)
    if account.kind == "self_hosted":
        return None  # a list price is the price of somebody else's machine
    # Imported here: 0.2 s and 20 MB that a configuration with its own prices never needs.
    from extproc.usage.price_list import listed_price

    name = account.preset.prices or account.provider
    return listed_price(name, account.url, model.id, today)
