"""Who is calling, once known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller.

    `key`: the key's name or public id, never its secret. `models`: globs over `account/model` and
    virtual model names; empty grants nothing. `tags`: metadata that wins over the caller's.
    `ceiling`: globs of the team; when set, they must cover a model too (a bound, never a grant).
    `internal`: the gateway itself calls, on behalf of a guardrail (`internal_key.py`).
    `provider_keys`: `account/key` of those that may be used, None for all.
    """

    type: Literal["virtual-account", "user"]
    name: str
    key: str
    team: str | None = None
    teams: tuple[str, ...] = ()
    email: str | None = None
    models: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    claims: Mapping[str, Any] = field(default_factory=dict)
    ceiling: tuple[str, ...] | None = None
    internal: bool = False
    provider_keys: frozenset[str] | None = None

    def may_use(self, account: str, key: str) -> bool:
        """Whether one of several keys of an account may be used for this caller."""
        named = self.provider_keys
        return named is None or f"{account}/{key}" in named or f"{account}/*" in named

    @property
    def subjects(self) -> frozenset[str]:
        """Every way a rule may name this caller (`user:`, `team:`, `virtualaccount:`, `*`)."""
        teams = {f"team:{t}" for t in (*self.teams, *((self.team,) if self.team else ()))}
        if self.type == "user":
            return frozenset({f"user:{self.email or self.name}", "team:everyone", "*", *teams})
        return frozenset({f"virtualaccount:{self.name}", "*", *teams})
