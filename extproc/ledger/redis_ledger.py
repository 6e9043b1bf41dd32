"""The ledger over Redis or Valkey: every operation is one script call, atomic in the store (P2).

Promises: spent + reserved never passes a hard limit, over all replicas; a reservation is closed
exactly once; the store's clock alone decides a window; a store that has lost data serves nobody
until what was spent is back (`epoch.py`). Refuses: to guess. Whatever the store answers that is not
the expected reply is LedgerUnavailable, and the caller fails closed.
The store must not evict (`maxmemory-policy noeviction`): an evicted counter forgets what was spent.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from redis.asyncio import Redis

from extproc.ledger import scripts
from extproc.ledger.epoch import EpochLine
from extproc.ledger.holding import (
    Holding,
    Place,
    charge_arguments,
    counter_state,
    place,
    read_noted,
)
from extproc.ledger.marks import Marks, pages, worth_keeping
from extproc.ledger.readings import reading
from extproc.ledger.redis_line import Argument, RedisLine
from extproc.ledger.slate import Slate
from extproc.ledger.store_clock import StoreClock
from extproc.limits.values import (
    AMOUNT_MAX,
    NOTHING,
    Charge,
    CounterReading,
    CounterState,
    Degrade,
    Exceeded,
    LedgerUnavailable,
    Measure,
    Reserved,
)

PAGE = 500
LOOK_BACK = 1_000
"""`QUIET` of shared.lua: a counter says that it has changed once in so many writes."""
IDS_PER_CALL = 1_000
MARKS_PER_CALL = 50
MARKS_MAX = 50_000
RECOVERY_MS = 3_000
MEASURES: tuple[Measure, ...] = ("requests", "tokens", "cost")
REBUILDING, STOPPED, GIVEN_UP, CLOCKS, TOO_LONG_AGO = -3, -4, -5, -6, -7


def wall_clock_ms() -> int:
    return time.time_ns() // 1_000_000


class RedisLedger:
    """Implements `Ledger`. `clock_ms`: our clock; `store_ms` replaces the store's in tests (ms).

    `recovery_ms`: how long calls are refused after data was lost. `slate`: where this worker notes
    what became of its reservations. `expired`: reservations this replica found unsettled past their
    time, and charged in full.
    """

    def __init__(
        self,
        client: Redis,
        *,
        timeout_ms: int = 500,
        clock_ms: Callable[[], int] = wall_clock_ms,
        store_ms: Callable[[], int] | None = None,
        recovery_ms: int = RECOVERY_MS,
        slate: Slate | None = None,
        marks_max: int = MARKS_MAX,
    ) -> None:
        self._line = RedisLine(client, timeout_ms)
        self._clock = StoreClock(clock_ms)
        self.store = EpochLine(self._line, self._clock, recovery_ms, store_ms)
        self.store.restore = self._bring_back
        self._slate = slate
        self.marks = Marks(marks_max)
        self._open: dict[str, Holding] = {}
        self._owners: set[str] = set()
        self.expired = 0

    # --- on the caller's path -----------------------------------------------------------------

    async def reserve(
        self, reservation_id: str, owner: str, charges: Sequence[Charge], ttl_ms: int
    ) -> Reserved | Exceeded | Degrade:
        """Take all charges or none, in one atomic step; the same id again takes nothing more.

        Raises LedgerUnavailable; then settle the id with NOTHING, as its fate is unknown.
        """
        if self._slate is not None:
            self._slate.asked(reservation_id)
        places, reply = await self._reserve(reservation_id, owner, charges, ttl_ms)
        try:
            return self._outcome(reservation_id, owner, charges, ttl_ms, places, reply)
        except (TypeError, ValueError, IndexError) as error:
            raise LedgerUnavailable("unexpected reply") from error

    async def _reserve(
        self, reservation_id: str, owner: str, charges: Sequence[Charge], ttl_ms: int
    ) -> tuple[list[Place], Any]:
        """Once more where our clock was not the store's: then other windows are running."""
        for last in (False, True):
            now_ms = self._clock.now_ms()
            places = [place(charge, now_ms) for charge in charges]
            arguments: list[Argument] = [reservation_id, owner, ttl_ms]
            for charge, where in zip(charges, places, strict=True):
                arguments += charge_arguments(charge, where)
            reply = await self.store.call(scripts.RESERVE, arguments)
            if reply[0] != CLOCKS or last:
                break
            self._clock.learn(reply[1])
        if reply[0] < 0:
            raise LedgerUnavailable(_why(reply))
        self._clock.confirm()
        return places, reply

    def _outcome(
        self, reservation_id: str, owner: str, charges: Sequence[Charge], ttl_ms: int,
        places: list[Place], reply: list[int],
    ) -> Reserved | Exceeded | Degrade:  # fmt: skip
        match reply[0]:
            case 1:
                self.expired += reply[2]
                states, held = self._states(charges, places, reply, 3)
                holding = self._open[reservation_id] = Holding(owner, ttl_ms, places, held)
                if self._slate is not None:
                    self._slate.held(reservation_id, holding.noted(self.store.epoch))
                self._owners.add(owner)
                return Reserved(states)
            case 2:
                self._free(reservation_id)
                return Degrade(reply[2], reply[3], reply[4] == 1)
            case 0:
                self._free(reservation_id)
                states, _ = self._states(charges, places, reply, 4)
                refused = charges[reply[2]]
                return Exceeded(refused.rule_id, refused.kind, reply[3], states)
        raise ValueError

    def _states(
        self, charges: Sequence[Charge], places: Sequence[Place], reply: list[int], at: int
    ) -> tuple[tuple[CounterState, ...], list[int]]:
        """What the reply says of each charge from `at` on, and how much of it was taken."""
        states, held, now_ms = [], [], self._clock.now_ms()
        for charge, where in zip(charges, places, strict=True):
            spent, reserved, reset_ms, over, taken = reply[at : at + 5]
            at += 5
            if where.kept and spent > 0:
                self.marks.note(where.key, spent, where.meta, now_ms)
            held.append(taken)
            states.append(
                counter_state(charge, spent, reserved - taken, taken, reset_ms, over=over == 1)
            )
        return tuple(states), held

    def spent_seen(self, charge: Charge) -> int:
        """The most that was seen spent in the counter's running span, without asking."""
        return self.marks.spent(place(charge, self._clock.now_ms()).key)

    def sent(self, reservation_id: str) -> None:
        """The call goes to a provider: from now on it may be billed."""
        if self._slate is not None:
            self._slate.sent(reservation_id)

    def used(self, reservation_id: str, actual: Mapping[Measure, int]) -> None:
        """The call is over; `settle` follows. Should this process die first, its slate says it."""
        if self._slate is not None:
            self._slate.used(reservation_id, actual)

    # --- after it -----------------------------------------------------------------------------

    async def settle(self, reservation_id: str, actual: Mapping[Measure, int]) -> bool:
        """Replace the reservation by what was used; False when it was closed before.

        A measure that is missing is unknown: charged as it was reserved. Raises
        LedgerUnavailable (safe to repeat) and ValueError for a negative amount.
        """
        arguments: list[Argument] = [reservation_id]
        for measure in MEASURES:
            used = actual.get(measure)
            if used is not None and used < 0:
                raise ValueError(f"negative {measure}")
            arguments.append(-1 if used is None else min(used, AMOUNT_MAX))
        reply = await self.store.call(scripts.SETTLE, arguments)
        holding = self._open.pop(reservation_id, None)
        self._free(reservation_id)
        if reply[0] == 1 and holding is not None and len(holding.places) == len(reply) - 2:
            now_ms = self._clock.now_ms()
            for where, spent in zip(holding.places, reply[2:], strict=True):
                if where.kept and spent > 0:
                    self.marks.note(where.key, spent, where.meta, now_ms)
        return bool(reply[0] == 1)

    async def settle_noted(
        self, reservation_id: str, actual: Mapping[Measure, int], noted: bytes
    ) -> bool:
        """The same for a reservation of a dead worker. One that the store has lost since is made
        again first: `noted` is what its worker wrote down (`Holding.noted`)."""
        if await self.settle(reservation_id, actual):
            return True
        found = read_noted(reservation_id, noted)
        if found is None or found[0] == self.store.epoch or actual == NOTHING:
            return False
        await self.store.call(scripts.HOLD, found[1])
        return await self.settle(reservation_id, actual)

    async def renew(self, reservation_ids: Sequence[str], ttl_ms: int) -> None:
        """Keep reservations of calls that still run; closed ones stay closed."""
        for start in range(0, len(reservation_ids), IDS_PER_CALL):
            ids = reservation_ids[start : start + IDS_PER_CALL]
            await self.store.call(scripts.RENEW, [ttl_ms, *ids])

    async def reap(self, owner: str) -> int:
        """Charge in full what a dead owner left open; how many there were."""
        total = 0
        while True:
            _, _, seen, closed = await self.store.call(scripts.REAP, [owner, PAGE])
            total += int(closed)
            if seen == 0:
                return total

    async def sweep(self) -> int:
        """Close reservations that have expired; how many there were (at most a page)."""
        closed = int((await self.store.call(scripts.SWEEP, [PAGE]))[2])
        self.expired += closed
        return closed

    async def check(self) -> tuple[int, bool]:
        """Notice that the store has lost data, without waiting for a call. Raises
        LedgerUnavailable. For how long calls are still refused (ms), and whether they are stopped.
        """
        _, _, wait_ms, stopped = await self.store.call(scripts.HEALTH, [])
        return wait_ms, stopped == 1

    # --- for operators ------------------------------------------------------------------------

    async def health(self) -> str:
        """`ok`, or why calls are refused: a few plain words. Never raises."""
        try:
            wait_ms, stopped = await self.check()
        except LedgerUnavailable as error:
            return str(error)
        if stopped:
            return _why([STOPPED])
        return _why([REBUILDING, wait_ms]) if wait_ms else "ok"

    async def counters(self) -> list[CounterReading]:
        """Read every live counter, sorted by kind, rule, counter. For operators, not requests."""
        found: dict[tuple[str, ...], CounterReading] = {}
        cursor = 0
        while cursor >= 0:
            page, cursor = await self.page(cursor)
            for one in page:  # the store may give a counter twice
                found[one.counter, one.measure, one.window, one.window_id] = one
        return sorted(found.values(), key=lambda r: (r.kind, r.rule_id, r.counter, r.measure))

    async def page(self, cursor: int, *, note: bool = False) -> tuple[list[CounterReading], int]:
        """Some of the live counters, and where to go on (-1 = that was all). Begin with 0.

        One that comes or goes meanwhile may be missing. `note`: remember what they have spent.
        """
        reply = await self.store.call(scripts.COUNTERS, ["all", cursor, PAGE, 0])
        return self._readings(reply, note), int(reply[2])

    async def changed(
        self, since: int, last_seq: int
    ) -> tuple[list[CounterReading], int, int] | None:
        """Counters that changed after seq `since`, noted as well: a page of them, where to go on
        (-1 = that was all), and the present seq. None: too long ago, read them all.

        `last_seq`: the seq of the look before. To miss nothing begin LOOK_BACK before it.
        """
        reply = await self.store.call(scripts.COUNTERS, ["changed", since, PAGE, last_seq])
        if reply[0] == TOO_LONG_AGO:
            return None
        return self._readings(reply, True), int(reply[2]), int(reply[1])

    def _readings(self, reply: list[Any], note: bool) -> list[CounterReading]:
        found = [part.decode() for part in reply[4:]]
        rows = list(zip(*[iter(found)] * 5, strict=True))
        if note:
            for key, meta, spent, _, _ in rows:
                if worth_keeping(key, meta):
                    # Counters of one rule and span share their meta: keep it once.
                    self.marks.note(key, int(spent), sys.intern(meta), reply[3])
        return [reading(k, m, int(s), int(r), int(t)) for k, m, s, r, t in rows]

    async def aclose(self) -> None:
        """Close the connection; what is under way fails."""
        self._line.drop()

    # --- memory -------------------------------------------------------------------------------

    def _free(self, reservation_id: str) -> None:
        if self._slate is not None:
            self._slate.free(reservation_id)

    async def _bring_back(self) -> None:
        """In a new epoch: what was spent, and what is still under way. Safe to repeat."""
        for part in pages(self.marks.items(), MARKS_PER_CALL):
            arguments: list[Argument] = []
            for key, mark in part:
                arguments += (key, mark.spent, mark.meta, mark.seen_ms)
            await self.store.call_once(scripts.BRING, arguments)
        for owner in self._owners:
            mine = [i for i, holding in self._open.items() if holding.owner == owner]
            await self.store.call_once(scripts.FORGET, [owner, *mine])
        for reservation_id, holding in list(self._open.items()):
            if reservation_id in self._open:
                await self.store.call_once(scripts.HOLD, holding.arguments(reservation_id))


def _why(reply: Sequence[int]) -> str:
    match reply[0]:
        case -3:
            return f"what the store has lost is being brought back ({reply[1]} ms to go)"
        case -4:
            return "the store may evict counters: set maxmemory-policy noeviction"
        case -5:
            return "this reservation was given up"
        case _:
            return "the store's clock does not stand still"


__all__ = ["NOTHING", "RedisLedger", "wall_clock_ms"]
