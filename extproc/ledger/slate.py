"""A worker's slate: what became of each of its reservations, readable after it was killed (P2).

A file of fixed slots, mapped into memory: writing is a few microseconds and no system call, and
what was written outlives the process (not a power cut). Promises: whoever finds the slate of a dead
worker knows which reservations were only asked for, which were sent to a provider, and which were
answered and with what usage. Also the spool of settlements that the store would not take.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from extproc.limits.values import Measure

SLOTS = 4096
ID_BYTES_MAX = 64
# State and length last: they are written after the rest, so that a slot is whole or free.
_SLOT = struct.Struct("<qqq64s")
_TAIL = struct.Struct("<BBH")
SLOT_BYTES = 1024
_TAIL_AT = SLOT_BYTES - _TAIL.size
_HELD_BYTES_MAX = SLOT_BYTES - _SLOT.size - _TAIL.size


class State(IntEnum):
    """How far a reservation came."""

    FREE = 0
    ASKED = 1
    SENT = 2
    USED = 3


@dataclass(frozen=True, slots=True)
class Line:
    """One reservation on a slate. `used`: what `USED` was settled with (or is to be).

    `held`: what it holds in the store, as `holding.py` writes it; empty where that was not noted.
    """

    reservation_id: str
    state: State
    used: Mapping[Measure, int]
    held: bytes = b""


class Slate:
    """Owned by one worker. A reservation that finds no free slot is charged in full if we die."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Open and locked for as long as this process lives: so others know that it does.
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # A full disk shows here; a hole would end the process when it is written to.
        os.posix_fallocate(self._descriptor, 0, SLOTS * SLOT_BYTES)
        self._map = mmap.mmap(self._descriptor, SLOTS * SLOT_BYTES)
        self._free = list(range(SLOTS - 1, -1, -1))
        self._slots: dict[str, int] = {}

    def asked(self, reservation_id: str) -> None:
        """A reservation is about to be made. The same id again keeps its slot."""
        text = reservation_id.encode("utf-8", "replace")
        if reservation_id in self._slots or not self._free or len(text) > ID_BYTES_MAX:
            return
        slot = self._slots[reservation_id] = self._free.pop()
        at = slot * SLOT_BYTES
        _SLOT.pack_into(self._map, at, 0, 0, 0, text)
        _TAIL.pack_into(self._map, at + _TAIL_AT, State.ASKED, len(text), 0)

    def held(self, reservation_id: str, held: bytes) -> None:
        """What the store gave it. Longer than a slot is left out."""
        slot = self._slots.get(reservation_id)
        if slot is None or len(held) > _HELD_BYTES_MAX:
            return
        at = slot * SLOT_BYTES
        self._map[at + _SLOT.size : at + _SLOT.size + len(held)] = held
        struct.pack_into("<H", self._map, at + _TAIL_AT + 2, len(held))

    def sent(self, reservation_id: str) -> None:
        """From now on a provider may bill it."""
        self._move(reservation_id, State.SENT)

    def used(self, reservation_id: str, actual: Mapping[Measure, int]) -> None:
        """It ended; this is what it used. A missing measure counts as reserved."""
        slot = self._slots.get(reservation_id)
        if slot is None:
            return
        amounts = [actual.get(m, -1) for m in ("requests", "tokens", "cost")]
        struct.pack_into("<qqq", self._map, slot * SLOT_BYTES, *amounts)
        self._move(reservation_id, State.USED)

    def free(self, reservation_id: str) -> None:
        """The store has it; nothing is left to remember."""
        slot = self._slots.pop(reservation_id, None)
        if slot is not None:
            self._map[slot * SLOT_BYTES + _TAIL_AT] = State.FREE
            self._free.append(slot)

    def _move(self, reservation_id: str, state: State) -> None:
        slot = self._slots.get(reservation_id)
        if slot is not None:
            self._map[slot * SLOT_BYTES + _TAIL_AT] = state

    def leave(self) -> None:
        """The worker ends. What is still on it is settled by whoever finds it."""
        if not self._slots:
            self._path.unlink(missing_ok=True)
        self._map.close()
        os.close(self._descriptor)


def is_abandoned(path: Path) -> bool:
    """Whether the worker that owned it is gone."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


def read(path: Path) -> Iterator[Line]:
    """What a slate says. Raises OSError when it cannot be read; a torn end is left out."""
    content = path.read_bytes()
    for at in range(0, len(content) - SLOT_BYTES + 1, SLOT_BYTES):
        state, length, held_length = _TAIL.unpack_from(content, at + _TAIL_AT)
        if state in (State.ASKED, State.SENT, State.USED):
            requests, tokens, cost, text = _SLOT.unpack_from(content, at)
            amounts: dict[Measure, int] = {"requests": requests, "tokens": tokens, "cost": cost}
            known = {m: n for m, n in amounts.items() if n >= 0}
            begin = at + _SLOT.size
            held = content[begin : begin + min(held_length, _HELD_BYTES_MAX)]
            yield Line(text[:length].decode(errors="replace"), State(state), known, held)
