"""The ledger as a model: dictionaries, no store. What the scripts must agree with, step by step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from extproc.limits.values import Charge, CounterState, Exceeded, Measure, Reserved

BUCKETS = 60
Place = tuple[str, int]


@dataclass
class ModelLedger:
    """`spent` and `held` by (counter, bucket or day); `open`: id -> (expires, answer, parts)."""

    spent: dict[Place, int] = field(default_factory=dict)
    held: dict[Place, int] = field(default_factory=dict)
    open: dict[str, tuple[int, Reserved, list[tuple[Place, Measure, int]]]] = field(
        default_factory=dict
    )

    def reserve(self, name: str, charges: Sequence[Charge], ttl: int, now: int
                ) -> Reserved | Exceeded:  # fmt: skip
        if name in self.open:
            return self.open[name][1]
        for late in [n for n, (expires, *_) in self.open.items() if expires <= now]:
            self.settle(late, {})
        rooms = [c.limit - sum(self.usage(c, now)) for c in charges]
        resets = [_reset(c, now) for c in charges]
        full = [n for n, c in enumerate(charges) if c.floor > rooms[n]]
        if full:
            first = charges[full[0]]
            wait = max(self._wait(charges[n], rooms[n], now) for n in full)
            return Exceeded(first.rule_id, first.kind, wait, _states(charges, rooms, resets))
        takes = [min(c.amount, room) for c, room in zip(charges, rooms, strict=True)]
        left = [room - take for room, take in zip(rooms, takes, strict=True)]
        answer = Reserved(_states(charges, left, resets))
        parts = [(_place(c, now), c.measure, t) for c, t in zip(charges, takes, strict=True)]
        for place, _, amount in parts:
            self.held[place] = self.held.get(place, 0) + amount
        self.open[name] = (now + ttl, answer, parts)
        return answer

    def settle(self, name: str, actual: Mapping[Measure, int]) -> bool:
        if name not in self.open:
            return False
        for place, measure, amount in self.open.pop(name)[2]:
            self.held[place] -= amount
            self.spent[place] = self.spent.get(place, 0) + actual.get(measure, amount)
        return True

    def renew(self, names: Sequence[str], ttl: int, now: int) -> None:
        for name in names:
            if name in self.open:
                self.open[name] = (now + ttl, *self.open[name][1:])

    def usage(self, c: Charge, now: int) -> tuple[int, int]:
        """Spent and reserved inside the window."""
        last = _place(c, now)[1]
        first = last - BUCKETS if c.window.shape == "sliding" else last
        places = [(c.counter, b) for b in range(first, last + 1)]
        return sum(self.spent.get(p, 0) for p in places), sum(self.held.get(p, 0) for p in places)

    def _wait(self, c: Charge, room: int, now: int) -> int:
        counter, last = _place(c, now)
        if c.window.shape == "calendar":
            return _reset(c, now)
        for b in range(last - BUCKETS, last + 1):
            room += self.spent.get((counter, b), 0) + self.held.get((counter, b), 0)
            if room >= c.floor:
                return (b + BUCKETS + 1) * (c.window.width_ms // BUCKETS) - now
        return _reset(c, now)


def _place(c: Charge, now: int) -> Place:
    return c.counter, now // (
        c.window.width_ms // BUCKETS if c.window.shape == "sliding" else c.window.width_ms
    )


def _reset(c: Charge, now: int) -> int:
    if c.window.shape == "calendar":
        return c.window.width_ms - now % c.window.width_ms
    width = c.window.width_ms // BUCKETS
    return (now // width + BUCKETS + 1) * width - now


def _states(charges: Sequence[Charge], left: list[int], resets: list[int]
            ) -> tuple[CounterState, ...]:  # fmt: skip
    return tuple(
        CounterState(c.rule_id, c.kind, c.measure, c.limit, max(0, room), reset)
        for c, room, reset in zip(charges, left, resets, strict=True)
    )
