"""Where a charge is counted in the store, and what a reservation holds there. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from extproc.ledger.marks import KEEP_MS
from extproc.ledger.redis_line import Argument
from extproc.limits.values import AMOUNT_MAX, Charge, CounterState, Measure, Mode

MODES: dict[Mode, str] = {"enforce": "e", "audit": "a", "soft": "v"}


@dataclass(frozen=True, slots=True)
class Place:
    """A counter in the running window. `key`, `meta`: as in `shared.lua`. `w1`, `w2`: from and to
    of a calendar span, or the width and 0. `kept`: it is worth bringing back after a loss."""

    key: str
    measure: Measure
    mode: str
    w1: int
    w2: int
    meta: str
    kept: bool


def place(charge: Charge, now_ms: int) -> Place:
    """Where `charge` is counted at that time (ms, by the store's clock)."""
    window, span_id = charge.window, ""
    shape, w1, w2 = window.shape[0], window.width_ms, 0
    if shape == "c":
        span = window.span(now_ms)
        span_id, w1, w2 = span.id, span.start_ms, span.end_ms
    mode = MODES[charge.mode]
    return Place(
        f"{{envelope}}:{shape}:{window.label}:{charge.measure}:{span_id}:{charge.counter}",
        charge.measure,
        shape + mode,
        w1,
        w2,
        f"{mode}:{w1}:{w2}:{charge.limit}:{charge.soft_limit}:{charge.rule_id}",
        shape == "c" or (shape == "s" and w1 >= KEEP_MS),
    )


def charge_arguments(charge: Charge, where: Place) -> tuple[Argument, ...]:
    """What `reserve.lua` wants. Raises ValueError for amounts it cannot count."""
    if not (0 <= charge.floor <= charge.amount <= AMOUNT_MAX and -1 <= charge.limit <= AMOUNT_MAX):
        raise ValueError(f"charge of {charge.rule_id} is out of range")
    return (
        where.key, where.mode, charge.measure, charge.amount, charge.floor, charge.limit,
        charge.degrade_at, where.w1, where.w2, where.meta,
    )  # fmt: skip


def counter_state(
    c: Charge, spent: int, reserved: int, taken: int, reset_ms: int, *, over: bool
) -> CounterState:
    """What is told of a counter. `spent`, `reserved`: before this call; `taken`: by it."""
    gone = spent + reserved + taken
    return CounterState(
        c.rule_id, c.kind, c.measure, c.limit,
        left=-1 if c.limit < 0 else max(0, c.limit - gone),
        reset_ms=reset_ms, over=over, over_soft=0 <= c.soft_limit < gone,
        spent=spent, reserved=reserved, taken=taken,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Holding:
    """One open reservation of this process: enough to make it again."""

    owner: str
    ttl_ms: int
    places: Sequence[Place]
    held: Sequence[int]
    """How much of each place."""

    def arguments(self, reservation_id: str) -> list[Argument]:
        """What `hold.lua` wants."""
        arguments: list[Argument] = [reservation_id, self.owner, self.ttl_ms]
        for where, amount in zip(self.places, self.held, strict=True):
            arguments += (where.key, where.measure, amount, where.meta)
        return arguments

    def noted(self, epoch: str) -> bytes:
        """For the slate: enough to bring its budgets back, should nobody else be left to do it."""
        kept = [
            (where.key, where.measure, amount, where.meta)
            for where, amount in zip(self.places, self.held, strict=True)
            if where.kept
        ]
        return json.dumps((epoch, self.owner, self.ttl_ms, kept)).encode() if kept else b""


def read_noted(reservation_id: str, noted: bytes) -> tuple[str, list[Argument]] | None:
    """The epoch it was made in, and what `hold.lua` wants; None where nothing was noted."""
    try:
        epoch, owner, ttl_ms, kept = json.loads(noted)
        arguments: list[Argument] = [reservation_id, str(owner), int(ttl_ms)]
        for key, measure, amount, meta in kept:
            arguments += (str(key), str(measure), int(amount), str(meta))
    except (ValueError, TypeError):
        return None
    return str(epoch), arguments
