"""What the tests of this folder start from: a configuration, keys, a clock that obeys."""

from __future__ import annotations

from typing import Any

from extproc.config.model import Config, GatewayConfig, Team, User, VirtualAccount
from extproc.identity.keys import MintedKey, mint
from extproc.identity.record import KeyRecord

NOW_MS = 1_800_000_000_000


def config(
    accounts: tuple[dict[str, Any], ...] = (),
    users: tuple[dict[str, Any], ...] = (),
    teams: tuple[dict[str, Any], ...] = (),
) -> Config:
    """A configuration of principals alone."""
    return Config(
        digest="0" * 64,
        gateway=GatewayConfig(type="gateway-config", name="gateway"),
        accounts={},
        teams={t["name"]: Team(type="team", **t) for t in teams},
        users={u["name"]: User(type="user", **u) for u in users},
        virtual_accounts={a["name"]: VirtualAccount(type="virtual-account", **a) for a in accounts},
        rate_limits=(),
        budgets=(),
        routing=(),
        guardrails={},
        guardrail_rules=(),
    )


def minted(seed: int) -> MintedKey:
    """The same key for the same seed; nothing secret about it."""
    return mint(seed.to_bytes(8, "big") + bytes([seed % 256]) * 32)


def record(seed: int, account: str = "bot", **changes: Any) -> KeyRecord:
    key = minted(seed)
    values: dict[str, Any] = {"name": f"key {seed}", "created_ms": NOW_MS, **changes}
    return KeyRecord(id=key.id, sha256=key.sha256, account=account, **values)


class Clock:
    """Milliseconds that pass when told to."""

    def __init__(self) -> None:
        self.ms = 1_000

    def __call__(self) -> int:
        return self.ms
