"""A ledger in this process's memory, for calls that were: a simulation of the store (P2).

Promises: decides as the store's scripts do, window for window and bucket for bucket; time is what
the replay says it is, and only moves forward. Refuses nothing. Not simulated: reservations that
expire (every call of a log has ended), several gateways' clocks, a store that loses data.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from extproc.ledger.holding import Place, counter_state, place
from extproc.limits.values import (
    AMOUNT_MAX,
    Charge,
    CounterState,
    Degrade,
    Exceeded,
    Measure,
    Reserved,
)
from extproc.replay.room import Standing, judge

BUCKETS = 60
"""Of a sliding window, as in `ledger/shared.lua`."""
_FLIGHT_WAIT_MS = 1_000


@dataclass(slots=True)
class Counter:
    """One counter. `parts`: bucket -> [spent, reserved]; of a counter without buckets, one."""

    parts: dict[int, list[int]] = field(default_factory=dict)
    spent: int = 0
    reserved: int = 0

    def drop_before(self, bucket: int) -> None:
        """What has left the window is forgotten. Buckets are kept in order."""
        while self.parts and (oldest := next(iter(self.parts))) < bucket:
            spent, reserved = self.parts.pop(oldest)
            self.spent -= spent
            self.reserved -= reserved

    def take(self, bucket: int, amount: int) -> None:
        self.parts.setdefault(bucket, [0, 0])[1] += amount
        self.reserved += amount

    def close(self, bucket: int, held: int, used: int) -> None:
        """Replace a reservation by what was used; of a bucket that has left, nothing is left."""
        part = self.parts.get(bucket)
        if part is not None:
            used = min(used, AMOUNT_MAX - self.spent)
            part[0] += used
            part[1] -= held
            self.spent += used
            self.reserved -= held

    def begin_with(self, bucket: int, spent: int) -> None:
        self.parts[bucket] = [spent, 0]
        self.spent = spent


@dataclass(frozen=True, slots=True)
class _Held:
    counter: Counter
    bucket: int
    measure: Measure
    amount: int


Seed = Callable[[Charge, str], int]
"""What a counter held before the first recorded call that touched it; the text names the counter
in its running window."""


def _nothing(_charge: Charge, _key: str) -> int:
    return 0


class SimulatedLedger:
    """Implements `Ledger`. Set `now_ms` before each call. `seed`: asked once for each counter."""

    def __init__(self, seed: Seed = _nothing) -> None:
        self.now_ms = 0
        self._seed = seed
        self._counters: dict[str, Counter] = {}
        self._open: dict[str, list[_Held]] = {}

    async def reserve(
        self, reservation_id: str, owner: str, charges: Sequence[Charge], ttl_ms: int
    ) -> Reserved | Exceeded | Degrade:
        """Take all charges or none."""
        places = [place(charge, self.now_ms) for charge in charges]
        found = [self._counter(c, p) for c, p in zip(charges, places, strict=True)]
        standings = [Standing(counter.spent, counter.reserved) for counter in found]
        room = judge(charges, standings)
        if room.degrade is not None:
            return room.degrade
        taken = [0 if room.refused else fit.taken for fit in room.fits]
        states: list[CounterState] = []
        for n, (charge, standing) in enumerate(zip(charges, standings, strict=True)):
            reset_ms, over = self._reset_ms(places[n]), room.fits[n].over
            states.append(
                counter_state(
                    charge, standing.spent, standing.reserved, taken[n], reset_ms, over=over
                )
            )
        if room.refused:
            first = charges[room.refused[0]]
            wait = max(self._wait_ms(charges[n], places[n], found[n]) for n in room.refused)
            return Exceeded(first.rule_id, first.kind, wait, tuple(states))
        self._open[reservation_id] = [
            self._take(counter, charge, where, amount)
            for counter, charge, where, amount in zip(found, charges, places, taken, strict=True)
        ]
        return Reserved(tuple(states))

    def spent_seen(self, charge: Charge) -> int:
        """Nothing is remembered beside the counters: the reservation itself says it."""
        return 0

    def sent(self, reservation_id: str) -> None:
        """A replay sends nothing."""

    def used(self, reservation_id: str, actual: Mapping[Measure, int]) -> None:
        """Nobody dies here before `settle`."""

    async def settle(self, reservation_id: str, actual: Mapping[Measure, int]) -> bool:
        """Replace the reservation by what was used; what is missing counts as reserved."""
        held = self._open.pop(reservation_id, None)
        for one in held or ():
            used = 0 if one.measure == "slots" else actual.get(one.measure, one.amount)
            one.counter.close(one.bucket, one.amount, used)
        return held is not None

    async def renew(self, reservation_ids: Sequence[str], ttl_ms: int) -> None:
        """Nothing expires."""

    async def check(self) -> tuple[int, bool]:
        """Nothing is ever lost."""
        return 0, False

    # --- counters -------------------------------------------------------------------------------

    def _counter(self, charge: Charge, where: Place) -> Counter:
        counter = self._counters.get(where.key)
        bucket = self._bucket(where)
        if counter is None:
            counter = self._counters[where.key] = Counter()
            if where.mode[0] != "f" and (spent := self._seed(charge, where.key)):
                counter.begin_with(bucket, spent)
        if where.mode[0] == "s":
            counter.drop_before(bucket - BUCKETS)
        return counter

    def _take(self, counter: Counter, charge: Charge, where: Place, amount: int) -> _Held:
        bucket = self._bucket(where)
        counter.take(bucket, amount)
        return _Held(counter, bucket, charge.measure, amount)

    def _bucket(self, where: Place) -> int:
        return self.now_ms // _width_ms(where) if where.mode[0] == "s" else 0

    def _reset_ms(self, where: Place) -> int:
        match where.mode[0]:
            case "s":
                width = _width_ms(where)
                return (self._bucket(where) + BUCKETS + 1) * width - self.now_ms
            case "c":
                return where.w2 - self.now_ms
            case _:
                return 0

    def _wait_ms(self, charge: Charge, where: Place, counter: Counter) -> int:
        """How long until there is room again."""
        match where.mode[0]:
            case "c":
                return self._reset_ms(where)
            case "f":
                return _FLIGHT_WAIT_MS
        need = charge.floor - (charge.limit - counter.spent - counter.reserved)
        for bucket, (spent, reserved) in counter.parts.items():
            need -= spent + reserved
            if need <= 0:
                return (bucket + BUCKETS + 1) * _width_ms(where) - self.now_ms
        return self._reset_ms(where)


def _width_ms(where: Place) -> int:
    return -(-where.w1 // BUCKETS)
