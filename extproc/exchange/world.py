"""Everything one exchange decides by: one configuration made ready, and the ports to the outside.

Built by `app.py`, swapped whole on reload. An exchange keeps the world it began with, so a reload
never changes the rules in the middle of a call.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from extproc.audit.content.values import ContentKeeper
from extproc.audit.values import AuditLog
from extproc.config.model import Config
from extproc.errors import Refusal
from extproc.exchange.mirror import Mirror
from extproc.exchange.record import Record
from extproc.guardrails.asking import Asker
from extproc.guardrails.engine import Engine
from extproc.identity.principal import Principal
from extproc.limits.caps import CapMatcher
from extproc.limits.match import LimitMatcher
from extproc.limits.values import Ledger
from extproc.policy.values import PolicyEngine
from extproc.routing.plan import Router
from extproc.usage.prices import PriceTable
from extproc.usage.tokens import TokenCounter


class Authenticator(Protocol):
    """Key text -> principal, or the one refusal for every way of being wrong."""

    async def authenticate(self, key: str, now_ms: int) -> Principal | Refusal: ...


class Observer(Protocol):
    """Told of every closed exchange, out of the caller's path."""

    def exchange_closed(self, record: Record) -> None: ...

    def shadowed(self, result: str) -> None:
        """Told of every copy that a shadow rule asked for."""
        ...

    async def run(self) -> None:
        """Publish what was observed, again and again, until cancelled."""
        ...

    async def close(self) -> None:
        """Publish the last of it."""
        ...


class Shadows(Protocol):
    """Policies that are asked and never heeded."""

    engines: Sequence[Any]

    def note(self, record: Record, clock_ns: Callable[[], int]) -> None:
        """Write into the record what each would have decided. Never raises."""
        ...


@dataclass(frozen=True, slots=True)
class World:
    """`now_ns` is monotonic; `draw` gives floats in [0, 1).

    `mirror` makes the copies of shadow rules. `content`: None where digests are all that is kept.
    `asker` asks guardrail services, for at most `patience_s` a hook. `pseudonym_key`: what keyed
    placeholders are made with.
    """

    config: Config
    keys: Authenticator
    router: Router
    policy: PolicyEngine
    policy_engine: str
    limits: LimitMatcher
    caps: CapMatcher
    ledger: Ledger
    prices: PriceTable
    tokens: TokenCounter
    guardrails: Engine
    asker: Asker | None
    pseudonym_key: bytes
    patience_s: float
    audit: AuditLog
    observer: Observer
    owner: str
    now_ns: Callable[[], int]
    draw: Callable[[], float]
    mirror: Mirror | None = None
    content: ContentKeeper | None = None
    shadow_policies: Shadows | None = None
