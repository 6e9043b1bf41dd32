"""The virtual accounts on whose behalf the gateway itself may call: judges' and shadow rules'."""

from __future__ import annotations

from extproc.config.judge_settings import judge_accounts
from extproc.config.model import Config


def internal_accounts(config: Config) -> frozenset[str]:
    shadows = (rule.shadow for rule in config.routing)
    return judge_accounts(config) | {one.account for one in shadows if one is not None}
