"""Whether charges fit, given what their counters hold: what `ledger/reserve.lua` decides.

Promises: the store's script is the rule and this its mirror; a test holds one against the other on
random histories (`tests/replay/test_simulated_ledger.py`). Pure. Refuses nothing itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from extproc.limits.values import AMOUNT_MAX, Charge, Degrade


@dataclass(frozen=True, slots=True)
class Standing:
    """What one counter holds before a call."""

    spent: int
    reserved: int

    @property
    def held(self) -> int:
        return self.spent + self.reserved


@dataclass(frozen=True, slots=True)
class Fit:
    """One charge. `over`: it has no room, and its mode lets the call pass all the same."""

    taken: int
    over: bool
    fits: bool


@dataclass(frozen=True, slots=True)
class Room:
    """The judgement on all charges. `refused`: indexes of those without room that refuse, the one
    that is named first; empty: everything is taken. `degrade`: nothing is, something smaller is
    wanted."""

    fits: tuple[Fit, ...]
    refused: tuple[int, ...] = ()
    degrade: Degrade | None = None


def judge(charges: Sequence[Charge], standings: Sequence[Standing]) -> Room:
    """All or none. `standings`: of each charge's counter, in the same order."""
    fits = tuple(_fit(c, s) for c, s in zip(charges, standings, strict=True))
    hard = [n for n, c in enumerate(charges) if c.mode == "enforce" and not fits[n].fits]
    degrade = _degrade(charges, standings, fits)
    if degrade is not None and not (hard and charges[hard[0]].measure in ("requests", "slots")):
        return Room(fits, degrade=degrade)
    if not hard:
        soft = [n for n, c in enumerate(charges) if c.mode == "soft"]
        if soft and not any(fits[n].fits for n in soft):
            return Room(fits, refused=(soft[0],))
    return Room(fits, refused=tuple(hard))


def _fit(charge: Charge, standing: Standing) -> Fit:
    room = charge.limit - standing.held
    fits, take = charge.limit < 0 or charge.amount <= room, charge.amount
    if not fits and charge.mode == "enforce" and charge.floor <= room:
        fits, take = True, room
    return Fit(min(take, AMOUNT_MAX - standing.held), not fits and charge.mode != "enforce", fits)


def _degrade(
    charges: Sequence[Charge], standings: Sequence[Standing], fits: Sequence[Fit]
) -> Degrade | None:
    """The first budget that has a step to take: for want of room, or because enough is spent."""
    for n, (charge, standing) in enumerate(zip(charges, standings, strict=True)):
        if charge.degrade_at < 0:
            continue
        full = not fits[n].fits
        if (full and charge.mode == "enforce") or (
            not full and standing.spent >= charge.degrade_at
        ):
            return Degrade(n, standing.spent, full)
    return None
