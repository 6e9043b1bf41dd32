"""What was spent, added up from audit entries by any of their dimensions. Pure; integers only.

Promises: an entry is counted once in `whole`, and in exactly one row, so that the rows' sums are
the whole's (grouped by `rule` it is in the row of each rule that applied); one entry is held at a
time, so that a log of any length can be added up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from extproc.audit.dimensions import NONE, RULE, is_metadata, reader, rules
from extproc.audit.event import EVENT
from extproc.audit.values import Entry
from extproc.errors import Code

_LIMIT_CODES = frozenset((Code.RATE_LIMIT_EXCEEDED.value, Code.BUDGET_EXCEEDED.value))
Place = tuple[str, ...]


def usd(nano_usd: int) -> str:
    """Nano-USD as exact decimal text without trailing zeros, at least two digits: `0.00015`."""
    whole, rest = divmod(abs(nano_usd), 1_000_000_000)
    digits = f"{rest:09d}".rstrip("0").ljust(2, "0")
    return f"{'-' if nano_usd < 0 else ''}{whole}.{digits}"


@dataclass(slots=True)
class Spend:
    """Sums of one row. Tokens are disjoint; audio and images count as input and output, every
    cache write as one. Cost in nano-USD.

    `refused_by_limit`: of the refused ones, those that a rate limit or a budget refused.
    `degraded`: calls that a budget made smaller instead.
    """

    requests: int = 0
    refused: int = 0
    refused_by_limit: int = 0
    degraded: int = 0
    input_tokens: int = 0
    cached_input_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0
    cost_nano_usd: int = 0

    def add(self, entry: Entry) -> None:
        """Count one entry."""
        self.requests += 1
        decision = entry.get("decision")
        if isinstance(decision, dict) and decision.get("outcome") == "refused":
            self.refused += 1
            self.refused_by_limit += decision.get("code") in _LIMIT_CODES
        limits = entry.get("limits")
        if isinstance(limits, dict) and limits.get("degraded"):
            self.degraded += 1
        self.charge(entry)

    def charge(self, entry: Entry) -> None:
        """Only what was used, and what it cost."""
        usage = entry.get("usage")
        if isinstance(usage, dict):
            self.input_tokens += _summed(usage, _INPUT)
            self.cached_input_tokens += _whole(usage.get("cached_input_tokens"))
            self.cache_write_tokens += _summed(usage, _WRITTEN)
            self.output_tokens += _summed(usage, _OUTPUT)
        self.cost_nano_usd += _whole(entry.get("cost_nano_usd"))

    @property
    def total_tokens(self) -> int:
        cached = self.cached_input_tokens + self.cache_write_tokens
        return self.input_tokens + cached + self.output_tokens

    def to_json(self) -> dict[str, Any]:
        """`cost_usd` is exact decimal text; the integers are exact too."""
        return {
            "requests": self.requests,
            "refused": self.refused,
            "refused_by_limit": self.refused_by_limit,
            "degraded": self.degraded,
            "input_tokens": self.input_tokens,
            "cached_input_tokens": self.cached_input_tokens,
            "cache_write_tokens": self.cache_write_tokens,
            "output_tokens": self.output_tokens,
            "total_tokens": self.total_tokens,
            "cost_nano_usd": self.cost_nano_usd,
            "cost_usd": usd(self.cost_nano_usd),
        }


FIGURES = tuple(Spend().to_json())


@dataclass(frozen=True, slots=True)
class Sums:
    """`rows`: place -> sums, dearest first, then most requests, then by name."""

    by: tuple[str, ...]
    rows: dict[Place, Spend]
    whole: Spend

    def never_seen(self) -> Iterator[str]:
        """Metadata keys of `by` that no counted entry has."""
        for n, name in enumerate(self.by):
            if self.rows and is_metadata(name) and all(place[n] == NONE for place in self.rows):
                yield name


def add_up(entries: Iterable[Entry], by: Sequence[str]) -> Sums:
    """One row per combination of dimensions; entries that are not calls are left out.

    An earlier attempt that was billed is charged to the row of its own model and account.
    """
    rows: dict[Place, Spend] = {}
    entries = (entry for entry in entries if entry.get("kind") != EVENT)
    whole = _add_to_each(entries, by, rows) if RULE in by else _add_to_one(entries, by, rows)
    order = sorted(rows, key=lambda p: (-rows[p].cost_nano_usd, -rows[p].requests, p))
    return Sums(tuple(by), {place: rows[place] for place in order}, whole)


def _add_to_one(entries: Iterable[Entry], by: Sequence[str], rows: dict[Place, Spend]) -> Spend:
    readers = [reader(name) for name in by]

    def row_of(entry: Entry) -> Spend:
        place = tuple([read(entry) for read in readers])
        row = rows.get(place)
        if row is None:
            row = rows[place] = Spend()
        return row

    for entry in entries:
        own, earlier = _attempts(entry)
        row_of(entry).add(own)
        for attempt in earlier:
            row_of(attempt).charge(attempt)
    return _sum(rows.values())


def _add_to_each(entries: Iterable[Entry], by: Sequence[str], rows: dict[Place, Spend]) -> Spend:
    readers = [None if name == RULE else reader(name) for name in by]
    whole = Spend()

    def rows_of(entry: Entry) -> Iterator[Spend]:
        applied = rules(entry)
        values = (applied if read is None else (read(entry),) for read in readers)
        return (rows.setdefault(place, Spend()) for place in product(*values))

    for entry in entries:
        own, earlier = _attempts(entry)
        for row in (whole, *rows_of(entry)):
            row.add(own)
        for attempt in earlier:
            for row in (whole, *rows_of(attempt)):
                row.charge(attempt)
    return whole


def _attempts(entry: Entry) -> tuple[Entry, Sequence[Entry]]:
    """The entry with its last attempt's cost alone, and one for each that was billed before."""
    listed = entry.get("earlier_attempts")
    if not isinstance(listed, list):
        return entry, ()
    earlier = [
        {**entry, "served": attempt, "usage": attempt, "cost_nano_usd": attempt["cost_nano_usd"]}
        for attempt in listed
        if isinstance(attempt, dict) and "cost_nano_usd" in attempt
    ]
    rest = _whole(entry.get("cost_nano_usd")) - sum(_whole(a["cost_nano_usd"]) for a in earlier)
    return {**entry, "cost_nano_usd": rest}, earlier


def _sum(rows: Iterable[Spend]) -> Spend:
    whole = Spend()
    for row in rows:
        for name in Spend.__slots__:
            setattr(whole, name, getattr(whole, name) + getattr(row, name))
    return whole


_INPUT = ("input_tokens", "audio_input_tokens", "image_input_tokens")
_WRITTEN = ("cache_write_tokens", "cache_write_1h_tokens")
_OUTPUT = ("output_tokens", "audio_output_tokens")


def _summed(usage: dict[str, Any], names: Sequence[str]) -> int:
    return sum(_whole(usage[name]) for name in names if name in usage)


def _whole(value: Any) -> int:
    return value if type(value) is int else 0
