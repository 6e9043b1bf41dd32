"""What the limit rules ask of the ledger, and what it answers.

Integers only: requests, tokens, nano-USD.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, Protocol

NANO_USD = 1_000_000_000
AMOUNT_MAX = 2**53 - 1
"""The store counts in doubles (Lua); above this an integer is no longer exact."""
Measure = Literal["requests", "tokens", "cost", "slots"]
"""`slots`: calls in flight. Whatever a call ends like, its slot is free again."""
Kind = Literal["rate", "concurrency", "budget"]
Mode = Literal["enforce", "audit", "soft"]
"""`audit` records what it would have refused; `soft` refuses only if every soft one would."""
NOTHING: Mapping[Measure, int] = MappingProxyType({"requests": 0, "tokens": 0, "cost": 0})
"""Settle with this when nothing was sent at all: everything reserved is given back."""


@dataclass(frozen=True, slots=True)
class Span:
    """One run of a calendar window: `id` (`2026-11`), from `start_ms` to before `end_ms`."""

    id: str
    start_ms: int
    end_ms: int


class Window(Protocol):
    """Over what time a counter counts.

    `shape`: `sliding` over the last `width_ms`, `calendar` = one `Span` after the other,
    `flight` = no time at all, only what is open. `label`: its name in counters and figures, e.g.
    `minute`, `day`, `month`, `total`, `flight`, `1M`. `width_ms`: nominal for a calendar window.
    """

    @property
    def shape(self) -> Literal["sliding", "calendar", "flight"]: ...
    @property
    def label(self) -> str: ...
    @property
    def width_ms(self) -> int: ...

    def span(self, now_ms: int) -> Span:
        """The calendar span that `now_ms` (Unix time) falls in. Only for `calendar`."""
        ...


@dataclass(frozen=True, slots=True)
class Charge:
    """One counter that one request touches.

    `counter`: its name without window, e.g. `rate:team-rpm:` or `budget:team-day:alice`.
    `amount`: what to reserve; `floor`: the least it may shrink to (equal to `amount` = strict).
    `limit`: -1 means none. `soft_limit`: passing it is only recorded; -1 none.
    `degrade_at`: with so much spent the request must be made smaller first; -1 never.
    """

    kind: Kind
    rule_id: str
    counter: str
    measure: Measure
    amount: int
    floor: int
    limit: int
    window: Window
    mode: Mode = "enforce"
    soft_limit: int = -1
    degrade_at: int = -1


@dataclass(frozen=True, slots=True)
class CounterState:
    """One counter after the reserve. `reset_ms`: until the window has moved on (0: no window).

    `over`: it would have refused, but for its mode. `over_soft`: its soft limit is passed. `spent`,
    `reserved`: of it before this call; `taken`: of it by this call.
    """

    rule_id: str
    kind: Kind
    measure: Measure
    limit: int
    left: int
    reset_ms: int
    over: bool = False
    over_soft: bool = False
    spent: int = field(default=0, compare=False)
    reserved: int = field(default=0, compare=False)
    taken: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Reserved:
    """All charges were taken, all at once."""

    counters: tuple[CounterState, ...]


@dataclass(frozen=True, slots=True)
class Exceeded:
    """One charge had no room; nothing at all was taken."""

    rule_id: str
    kind: Kind
    retry_after_ms: int
    counters: tuple[CounterState, ...] = ()


@dataclass(frozen=True, slots=True)
class Degrade:
    """A budget wants the request made smaller (`Charge.degrade_at`); nothing at all was taken.

    `index`: of the charge. `spent`: of its counter. `full`: the request as it is has no room.
    """

    index: int
    spent: int
    full: bool


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

    `limit`: -1 means none. `window`: its label. `window_id`: the running span of a calendar window,
    e.g. `2026-11`. `reset_ms`: until the window has moved on (0: no window). `elapsed_ms`: since a
    calendar span began. `audit_only`: it refuses nothing. `soft_limit`: -1 means none.
    """

    rule_id: str
    kind: Kind
    counter: str
    measure: Measure
    shape: Literal["sliding", "calendar", "flight"]
    window: str
    window_id: str
    limit: int
    spent: int
    reserved: int
    reset_ms: int
    audit_only: bool = False
    elapsed_ms: int = 0
    soft_limit: int = -1

    @property
    def left(self) -> int:
        return -1 if self.limit < 0 else max(0, self.limit - self.spent - self.reserved)

    @property
    def unit(self) -> str:
        """As the configuration writes it: `cost_per_day`, `tokens_total`, `concurrent_requests`."""
        if self.shape == "flight":
            return "concurrent_requests"
        return f"{self.measure}_{'total' if self.window == 'total' else 'per_' + self.window}"


class LedgerUnavailable(Exception):
    """The store did not answer, or not what it should: fail closed (`store_unavailable`)."""


class Ledger(Protocol):
    """Reserve before the call, settle after it, exactly once (P2)."""

    async def reserve(
        self, reservation_id: str, owner: str, charges: Sequence[Charge], ttl_ms: int
    ) -> Reserved | Exceeded | Degrade:
        """Take all charges or none, in one atomic step. Raises LedgerUnavailable."""
        ...

    def spent_seen(self, charge: Charge) -> int:
        """The most that was seen spent in the counter's running span, without asking; 0 if none.

        Spend only grows within a span: what was seen is a lower bound.
        """
        ...

    def sent(self, reservation_id: str) -> None:
        """The call goes to a provider: from now on it may be billed. Cheap, never raises."""
        ...

    def used(self, reservation_id: str, actual: Mapping[Measure, int]) -> None:
        """The call is over; `settle` follows. Should this process die first, this is known."""
        ...

    async def settle(self, reservation_id: str, actual: Mapping[Measure, int]) -> bool:
        """Replace the reservation by what happened; False when it was settled already.

        A measure missing from `actual` is unknown and charged as it was reserved.
        """
        ...

    async def renew(self, reservation_ids: Sequence[str], ttl_ms: int) -> None:
        """Keep reservations of calls that still run."""
        ...

    async def check(self) -> tuple[int, bool]:
        """Notice a store that has lost data. Raises LedgerUnavailable."""
        ...
