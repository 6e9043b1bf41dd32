"""Whether a loaded configuration can be put in force here: its files, secrets, policies, prices.

`config/` judges what stands in the text; this is the one place that asks everything it points to,
for `envelope check`, for the start and for every reload (P7).
"""

from __future__ import annotations

from extproc.config.files import check_rego, check_secrets
from extproc.config.mistake import Mistake
from extproc.config.model import Config
from extproc.policy.choose import policy_mistakes
from extproc.usage.prices import PriceTable


def mistakes(config: Config, *, secrets: bool = True) -> list[Mistake]:
    """What must be mended first. `secrets=False` where Envoy alone reads them (a sidecar)."""
    files = check_rego(config)
    found = files or policy_mistakes(config.gateway.policy)
    return [*found, *(check_secrets(config) if secrets else ())]


def unpriced(config: Config) -> list[str]:
    """Models that every call is refused for: no price, and their account does not allow that."""
    prices = PriceTable.of(config)
    return [
        f"{account.name}/{model.id}"
        for account in config.accounts.values()
        for model in account.models
        if account.unpriced == "refuse" and prices.price(f"{account.name}/{model.id}") is None
    ]
