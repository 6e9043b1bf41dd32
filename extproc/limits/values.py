"""What the limit rules ask of the ledger, and what it answers.

Integers only: requests, tokens, nano-USD.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, Protocol

from extproc.usage.usage import Usage

NANO_USD = 1_000_000_000
Measure = Literal["requests", "tokens", "cost"]
Window = Literal["sliding", "calendar"]
NOTHING: Mapping[Measure, int] = MappingProxyType({"requests": 0, "tokens": 0, "cost": 0})
"""Settle with this when nothing was sent at all: everything reserved is given back."""


@dataclass(frozen=True, slots=True)
class Charge:
    """One counter that one request touches.

    `counter`: store key without window, e.g. `rate:team-rpm:` or `budget:team-day:alice`.
    `amount`: what to reserve; `floor`: the least it may shrink to (equal to `amount` = strict).
    `limit`: -1 means none (audit mode: recorded, never refused).
    `window`: `sliding` over the last `window_ms`, or `calendar` = UTC days of 86,400,000 ms.
    """

    kind: Literal["rate", "budget"]
    rule_id: str
    counter: str
    measure: Measure
    amount: int
    floor: int
    limit: int
    window: Window
    window_ms: int
    audit_only: bool = False


@dataclass(frozen=True, slots=True)
class CounterState:
    """One counter after the reserve. `reset_ms`: until the window has moved on."""

    rule_id: str
    kind: Literal["rate", "budget"]
    measure: Measure
    limit: int
    left: int
    reset_ms: int
    over: bool = False


@dataclass(frozen=True, slots=True)
class Reserved:
    """All charges were taken, all at once."""

    counters: tuple[CounterState, ...]


@dataclass(frozen=True, slots=True)
class Exceeded:
    """One charge had no room; nothing at all was taken."""

    rule_id: str
    kind: Literal["rate", "budget"]
    retry_after_ms: int
    counters: tuple[CounterState, ...] = ()


@dataclass(frozen=True, slots=True)
class Amounts:
    """The most one request may use, before it is sent (P2).

    `tokens`: input and output of all choices together. `output_stated`: the caller (or a policy)
    set a maximum for the output; otherwise `tokens` holds the model's own.
    """

    requests: int
    tokens: int
    input_tokens: int
    output_stated: bool
    cost_nano_usd: int
    choices: int = 1


@dataclass(frozen=True, slots=True)
class CounterReading:
    """One live counter as an operator sees it; amounts in the measure's unit (cost: nano-USD).

    `limit`: -1 means none. `reset_ms`: until the window has moved on.
    """

    rule_id: str
    kind: Literal["rate", "budget"]
    counter: str
    measure: Measure
    window: Window
    window_ms: int
    limit: int
    spent: int
    reserved: int
    reset_ms: int
    audit_only: bool = False

    @property
    def left(self) -> int:
        return -1 if self.limit < 0 else max(0, self.limit - self.spent - self.reserved)


class LedgerUnavailable(Exception):
    """The store did not answer, or not what it should: fail closed (`store_unavailable`)."""


class Ledger(Protocol):
    """Reserve before the call, settle after it, exactly once (P2)."""

    async def reserve(
        self, reservation_id: str, owner: str, charges: Sequence[Charge], ttl_ms: int
    ) -> Reserved | Exceeded:
        """Take all charges or none, in one atomic step. Raises LedgerUnavailable."""
        ...

    async def settle(self, reservation_id: str, actual: Mapping[Measure, int]) -> bool:
        """Replace the reservation by what happened; False when it was settled already.

        A measure missing from `actual` is unknown and charged as it was reserved.
        """
        ...

    async def renew(self, reservation_ids: Sequence[str], ttl_ms: int) -> None:
        """Keep reservations of calls that still run."""
        ...

    async def reap(self, owner: str) -> int:
        """Settle, at the full amount, what a dead owner left open; how many there were."""
        ...


def actuals(usage: Usage | None, cost_nano_usd: int) -> dict[Measure, int]:
    """What a settled exchange used, by measure. No usage = the call never ran: nothing is charged
    but the request itself."""
    tokens = usage.total_tokens if usage else 0
    return {"requests": 1, "tokens": tokens, "cost": cost_nano_usd}
