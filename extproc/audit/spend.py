"""What was spent, added up from audit entries by any of their dimensions. Pure; integers only.

Promises: every entry falls into exactly one row, so that the rows' sums are the whole log's; what
an entry lacks counts as `-`, never as somebody else's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from extproc.audit.query import as_text, look_up
from extproc.audit.values import Entry

NONE = "-"
DIMENSIONS = {
    "team": ("principal.team", "metadata.team"),
    "principal": ("principal.name",),
    "type": ("principal.type",),
    "key": ("principal.key",),
    "model": ("served.model", "request.model"),
    "requested_model": ("request.model",),
    "operation": ("request.operation",),
    "environment": ("environment", "metadata.environment"),
    "outcome": ("decision.outcome",),
    "code": ("decision.code",),
}
"""Names that `--by` knows, each with where it is looked up, in order. `day` and `account` are
computed; any other name is a metadata key (`metadata.NAME` where it would be hidden)."""


@dataclass(slots=True)
class Spend:
    """Sums of one row. Tokens are disjoint, as in `Usage`; cost in nano-USD."""

    requests: int = 0
    refused: int = 0
    input_tokens: int = 0
    cached_input_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0
    cost_nano_usd: int = 0

    def add(self, entry: Entry) -> None:
        """Count one entry."""
        usage = entry.get("usage") or {}
        self.requests += 1
        self.refused += look_up(entry, "decision.outcome") == "refused"
        self.input_tokens += _whole(usage.get("input_tokens"))
        self.cached_input_tokens += _whole(usage.get("cached_input_tokens"))
        self.cache_write_tokens += _whole(usage.get("cache_write_tokens"))
        self.output_tokens += _whole(usage.get("output_tokens"))
        self.cost_nano_usd += _whole(entry.get("cost_nano_usd"))

    @property
    def total_tokens(self) -> int:
        return (
            self.input_tokens
            + self.cached_input_tokens
            + self.cache_write_tokens
            + self.output_tokens
        )

    def to_json(self) -> dict[str, Any]:
        """`cost_usd` is exact decimal text; the integers are exact too."""
        return {
            "requests": self.requests,
            "refused": self.refused,
            "input_tokens": self.input_tokens,
            "cached_input_tokens": self.cached_input_tokens,
            "cache_write_tokens": self.cache_write_tokens,
            "output_tokens": self.output_tokens,
            "total_tokens": self.total_tokens,
            "cost_nano_usd": self.cost_nano_usd,
            "cost_usd": usd(self.cost_nano_usd),
        }


def add_up(entries: Iterable[Entry], by: Sequence[str]) -> dict[tuple[str, ...], Spend]:
    """One row per combination of dimensions, dearest first, then most requests, then by name."""
    rows: dict[tuple[str, ...], Spend] = {}
    for entry in entries:
        place = tuple(dimension(entry, name) for name in by)
        rows.setdefault(place, Spend()).add(entry)
    order = sorted(rows, key=lambda p: (-rows[p].cost_nano_usd, -rows[p].requests, p))
    return {place: rows[place] for place in order}


def dimension(entry: Entry, name: str) -> str:
    """The entry's value for one dimension; `-` when it has none."""
    if name == "day":
        return str(entry.get("at") or NONE)[:10]
    if name == "account":
        return str(look_up(entry, "served.model") or NONE).partition("/")[0]
    key = name.removeprefix("metadata.")
    for path in DIMENSIONS.get(name, (f"metadata.{key}",)):
        value = as_text(look_up(entry, path))
        if value:
            return value
    return NONE


def usd(nano_usd: int) -> str:
    """Nano-USD as exact decimal text without trailing zeros, at least two digits: `0.00015`."""
    whole, rest = divmod(abs(nano_usd), 1_000_000_000)
    digits = f"{rest:09d}".rstrip("0").ljust(2, "0")
    return f"{'-' if nano_usd < 0 else ''}{whole}.{digits}"


def _whole(value: Any) -> int:
    return value if type(value) is int else 0
