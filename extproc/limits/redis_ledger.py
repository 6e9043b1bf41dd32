"""The ledger over Redis or Valkey: every operation is one script call, atomic in the store (P2).

Promises: spent + reserved never passes a hard limit, over all replicas; a reservation is closed
exactly once; nobody's clock but the store's decides a window. Refuses: to guess. Whatever the store
answers that is not the expected reply is LedgerUnavailable, and the caller fails closed.
The store must not evict (`maxmemory-policy noeviction`): an evicted counter forgets what was spent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import hiredis
from redis.asyncio import Redis

from extproc.limits.redis_line import Argument, RedisLine
from extproc.limits.rules import AMOUNT_MAX
from extproc.limits.values import (
    Charge,
    CounterReading,
    CounterState,
    Exceeded,
    LedgerUnavailable,
    Measure,
    Reserved,
)

PAGE = 200
IDS_PER_CALL = 1_000
# Every key carries this hash tag, so a cluster keeps them on one shard; one key routes the call.
ROUTING_KEY = b"{envelope}:open"
MEASURES: tuple[Measure, ...] = ("requests", "tokens", "cost")
MODES = {
    ("sliding", False): b"s", ("sliding", True): b"sa",
    ("calendar", False): b"c", ("calendar", True): b"ca",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Script:
    """A Lua script as the store knows it."""

    source: bytes
    sha1: bytes


def _script(name: str) -> Script:
    folder = Path(__file__).parent
    source = (folder / "close.lua").read_bytes() + (folder / f"{name}.lua").read_bytes()
    digest = hashlib.sha1(source, usedforsecurity=False).hexdigest()
    return Script(source, digest.encode())


RESERVE, SETTLE, RENEW = _script("reserve"), _script("settle"), _script("renew")
REAP, COUNTERS = _script("reap"), _script("counters")


class RedisLedger:
    """Implements `Ledger`. `clock_ms` replaces the store's clock in tests (ms since the epoch).

    `expired`: reservations this replica found unsettled past their time, and charged in full.
    """

    def __init__(
        self, client: Redis, *, timeout_ms: int = 500, clock_ms: Callable[[], int] | None = None
    ) -> None:
        self._line = RedisLine(client, timeout_ms)
        self._clock_ms = clock_ms
        self.expired = 0

    async def reserve(
        self, reservation_id: str, owner: str, charges: Sequence[Charge], ttl_ms: int
    ) -> Reserved | Exceeded:
        """Take all charges or none, in one atomic step; the same id again takes nothing more.

        Raises LedgerUnavailable; then settle the id with NOTHING, as its fate is unknown.
        """
        arguments = [self._now(), reservation_id, owner, ttl_ms]
        for charge in charges:
            arguments += _charge_arguments(charge)
        reply = await self._run(RESERVE, arguments)
        try:
            return self._outcome(reply, charges)
        except (TypeError, ValueError, IndexError) as error:
            raise LedgerUnavailable("unexpected reply") from error

    def _outcome(self, reply: list[int], charges: Sequence[Charge]) -> Reserved | Exceeded:
        if reply[0] == 1:
            self.expired += reply[1]
            return Reserved(_states(charges, reply, 2))
        refused = charges[reply[1]]
        return Exceeded(refused.rule_id, refused.kind, reply[2], _states(charges, reply, 3))

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
        return bool(await self._run(SETTLE, arguments) == 1)

    async def renew(self, reservation_ids: Sequence[str], ttl_ms: int) -> None:
        """Keep reservations of calls that still run; closed ones stay closed."""
        for start in range(0, len(reservation_ids), IDS_PER_CALL):
            ids = reservation_ids[start : start + IDS_PER_CALL]
            await self._run(RENEW, [self._now(), ttl_ms, *ids])

    async def reap(self, owner: str) -> int:
        """Charge in full what a dead owner left open; how many there were."""
        total = 0
        while True:
            seen, closed = await self._run(REAP, [owner, PAGE])
            total += int(closed)
            if seen == 0:
                return total

    async def counters(self) -> list[CounterReading]:
        """Read every live counter, sorted by kind, rule, counter. For operators, not requests."""
        readings: list[CounterReading] = []
        start, more = 0, True
        while more:
            reply = await self._run(COUNTERS, [self._now(), start, start + PAGE - 1])
            readings += _readings([part.decode() for part in reply[1:]])
            start, more = start + PAGE, int(reply[0]) == PAGE
        return sorted(readings, key=lambda r: (r.kind, r.rule_id, r.counter, r.measure))

    async def aclose(self) -> None:
        """Close the connection; what is under way fails."""
        self._line.drop()

    def _now(self) -> Argument:
        return self._clock_ms() if self._clock_ms else 0

    async def _run(self, script: Script, arguments: Sequence[Argument]) -> Any:
        """Call by hash; a store that lost its scripts (restart, SCRIPT FLUSH) is taught once."""
        try:
            return await self._call(b"EVALSHA", script.sha1, arguments)
        except hiredis.ReplyError as error:
            if not str(error).startswith("NOSCRIPT"):
                raise self._refused(error) from error
        try:
            return await self._call(b"EVAL", script.source, arguments)
        except hiredis.ReplyError as error:
            raise self._refused(error) from error

    async def _call(self, command: bytes, script: bytes, arguments: Sequence[Argument]) -> Any:
        return await self._line.execute(command, script, b"1", ROUTING_KEY, *arguments)

    def _refused(self, error: Exception) -> LedgerUnavailable:
        code = str(error).split(" ", 1)[0]
        if code in ("READONLY", "MASTERDOWN", "LOADING"):  # a replica now: ask anew who leads
            self._line.drop()
        return LedgerUnavailable(f"the store refused: {code}")


def _charge_arguments(charge: Charge) -> tuple[Argument, ...]:
    if not (0 <= charge.floor <= charge.amount <= AMOUNT_MAX and -1 <= charge.limit <= AMOUNT_MAX):
        raise ValueError(f"charge of {charge.rule_id} is out of range")
    return (
        charge.counter, charge.rule_id, charge.measure, charge.amount, charge.floor, charge.limit,
        charge.window_ms, MODES[charge.window, charge.audit_only],
    )  # fmt: skip


def _states(charges: Sequence[Charge], reply: list[int], start: int) -> tuple[CounterState, ...]:
    numbers = iter(reply[start:])
    return tuple(
        CounterState(c.rule_id, c.kind, c.measure, c.limit, left, reset, over == 1)
        for c, left, reset, over in zip(charges, numbers, numbers, numbers, strict=True)
    )


def _readings(parts: list[str]) -> list[CounterReading]:
    rows = zip(*[iter(parts)] * 10, strict=True)
    return [_reading(*row) for row in rows]


def _reading(
    mode: str, window_ms: str, measure: str, counter: str, audit: str,
    rule_id: str, limit: str, spent: str, reserved: str, reset_ms: str,
) -> CounterReading:  # fmt: skip
    return CounterReading(
        rule_id=rule_id,
        kind="rate" if counter.startswith("rate:") else "budget",
        counter=counter,
        measure=cast(Measure, measure),
        window="sliding" if mode == "s" else "calendar",
        window_ms=int(window_ms),
        limit=int(limit),
        spent=int(spent),
        reserved=int(reserved),
        reset_ms=int(reset_ms),
        audit_only=audit == "1",
    )
