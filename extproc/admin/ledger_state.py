"""The state of the ledger as a metric and as a reason for not being ready.

Only in `ok` are calls taken (P2): `rebuilding` brings back what the store has lost, in `stopped`
the store may evict counters, in `lost` it holds no ledger, `unavailable` does not answer as it
should.
"""

from __future__ import annotations

from typing import Literal, Protocol, get_args

from extproc.ledger.epoch import NoLedger
from extproc.limits.values import LedgerUnavailable

State = Literal["ok", "rebuilding", "stopped", "lost", "unavailable"]
STATES: tuple[State, ...] = get_args(State)


class Checked(Protocol):
    """The part of `RedisLedger` that is needed."""

    async def check(self) -> tuple[int, bool]: ...


async def ledger_state(ledger: Checked) -> State:
    """Ask the store. Never raises LedgerUnavailable."""
    try:
        wait_ms, stopped = await ledger.check()
    except NoLedger:
        return "lost"
    except LedgerUnavailable:
        return "unavailable"
    if stopped:
        return "stopped"
    return "rebuilding" if wait_ms else "ok"
