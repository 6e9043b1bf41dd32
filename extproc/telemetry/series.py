"""Counters and histograms of one worker: plain dicts of integers, with a bound on every label.

Promises: an observation costs a dict access; however many values callers invent, a metric has at
most SERIES_MAX series and a label at most VALUES_MAX values. What does not fit is counted under
`other`, and that it did not fit is counted too.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Generic, TypeVar

from extproc.telemetry.catalog import Definition

VALUES_MAX = 200
SERIES_MAX = 2_000
VALUE_CHARS_MAX = 400
"""Above `account/model` at its longest, so that no configured name is cut."""
OTHER = "other"

Key = tuple[str, ...]
Row = TypeVar("Row", int, list[int])


class Bound:
    """Which label values a metric has let in so far."""

    __slots__ = ("_known", "overflows")

    def __init__(self, definition: Definition) -> None:
        self._known: tuple[set[str], ...] = tuple(set() for _ in definition.labels)
        self.overflows = 0

    def admit(self, key: Key, rows: dict[Key, Row]) -> Key:
        """The key itself, or one with `other` where it does not fit."""
        bounded = tuple(map(_admit_value, self._known, key))
        if bounded not in rows and len(rows) >= SERIES_MAX:
            bounded = (OTHER,) * len(key)
        if bounded != key:
            self.overflows += 1
        return bounded


def _admit_value(known: set[str], value: str) -> str:
    if value in known:
        return value
    if len(known) >= VALUES_MAX or len(value) > VALUE_CHARS_MAX or not _encodable(value):
        return OTHER
    known.add(value)
    return value


def _encodable(value: str) -> bool:
    """Not half a surrogate pair, which JSON from a caller may hold and no file can."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


class _Series(Generic[Row]):
    __slots__ = ("bound", "definition", "rows")

    def __init__(self, definition: Definition) -> None:
        self.definition = definition
        self.rows: dict[Key, Row] = {}
        self.bound = Bound(definition)


class Counter(_Series[int]):
    """Label values -> sum, in the definition's inner unit."""

    __slots__ = ()

    def add(self, key: Key, amount: int = 1) -> None:
        rows = self.rows
        if key in rows:
            rows[key] += amount
        else:
            key = self.bound.admit(key, rows)
            rows[key] = rows.get(key, 0) + amount


class Histogram(_Series[list[int]]):
    """Label values -> [count per bucket ..., count above the last, sum]. Not cumulative."""

    __slots__ = ("_bounds",)

    def __init__(self, definition: Definition) -> None:
        super().__init__(definition)
        self._bounds = definition.bounds

    def observe(self, key: Key, amount: int) -> None:
        row = self.rows.get(key)
        if row is None:
            key = self.bound.admit(key, self.rows)
            row = self.rows.setdefault(key, [0] * (len(self._bounds) + 2))
        row[bisect_left(self._bounds, amount)] += 1
        row[-1] += amount
