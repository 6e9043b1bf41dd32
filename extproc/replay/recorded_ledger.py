"""The store as it stood when a call was decided: its answer follows from the recorded counters.

Promises: what room there was is judged again, by the same rules as ever (`room.py`); a charge that
was not recorded finds its counter empty, and the difference shows in what comes out. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from extproc.ledger.holding import counter_state
from extproc.limits.values import Charge, Degrade, Exceeded, Measure, Reserved
from extproc.replay.recorded import Recorded, section
from extproc.replay.room import Standing, judge


class RecordedLedger:
    """Implements `Ledger` for one call."""

    def __init__(self, call: Recorded) -> None:
        self._standings = {
            (c["rule_id"], c["measure"]): Standing(c["spent"], c["reserved"]) for c in call.counters
        }
        self._dues = list(section(call.entry, "limits").get("due", ()))

    async def reserve(
        self, reservation_id: str, owner: str, charges: Sequence[Charge], ttl_ms: int
    ) -> Reserved | Exceeded | Degrade:
        """The dues first, in their order, then the counters."""
        if self._dues:
            due = _due(self._dues.pop(0), charges)
            if due is not None:
                return due
        standings = [self._standing(charge) for charge in charges]
        room = judge(charges, standings)
        if room.degrade is not None:
            return room.degrade
        states = tuple(
            counter_state(
                charge, at.spent, at.reserved, 0 if room.refused else fit.taken, 0, over=fit.over
            )
            for charge, at, fit in zip(charges, standings, room.fits, strict=True)
        )
        if room.refused:
            first = charges[room.refused[0]]
            return Exceeded(first.rule_id, first.kind, 0, states)
        return Reserved(states)

    def _standing(self, charge: Charge) -> Standing:
        return self._standings.get((charge.rule_id, charge.measure), Standing(0, 0))

    def spent_seen(self, charge: Charge) -> int:
        """Whatever was seen before is among the recorded dues."""
        return 0

    def sent(self, reservation_id: str) -> None: ...

    def used(self, reservation_id: str, actual: Mapping[Measure, int]) -> None: ...

    async def settle(self, reservation_id: str, actual: Mapping[Measure, int]) -> bool:
        return True

    async def renew(self, reservation_ids: Sequence[str], ttl_ms: int) -> None: ...

    async def check(self) -> tuple[int, bool]:
        return 0, False


def _due(said: Mapping[str, Any], charges: Sequence[Charge]) -> Degrade | None:
    """The recorded due, where these charges have a budget that wants it at such a spend."""
    for index, charge in enumerate(charges):
        if charge.rule_id == said["rule_id"] and charge.degrade_at >= 0:
            spent, full = said["spent"], said["full"]
            return Degrade(index, spent, full) if full or spent >= charge.degrade_at else None
    return None
