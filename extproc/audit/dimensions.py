"""What spend can be grouped by: names that an entry is asked for. Pure.

Promises: what an entry lacks is `-`, never somebody else's; a name that is no dimension is a
metadata key, and `metadata.NAME` is always one. Refuses (ValueError) a name given twice, and one
that is also a figure.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import date
from functools import lru_cache

from extproc.audit.query import as_text
from extproc.audit.values import Entry

NONE = "-"
METADATA = "metadata."
Read = Callable[[Entry], str]
_FIELDS = {
    "team": (("principal", "team"), ("metadata", "team")),
    "principal": (("principal", "name"),),
    "type": (("principal", "type"),),
    "key": (("principal", "key"),),
    "model": (("served", "model"), ("request", "model")),
    "requested_model": (("request", "model"),),
    "provider": (("served", "provider"),),
    "operation": (("request", "operation"),),
    "outcome": (("decision", "outcome"),),
    "code": (("decision", "code"),),
}
_AT = {"hour": 13, "day": 10, "month": 7}
"""Characters of `at` (RFC 3339, UTC)."""
RULE = "rule"
"""The one dimension with several values: an entry stands in the row of each rule that applied."""


def _field(entry: Entry, outer: str, name: str) -> str | None:
    part = entry.get(outer)
    return as_text(part.get(name)) if isinstance(part, dict) else None


def _of_fields(places: Sequence[tuple[str, str]]) -> Read:
    def read(entry: Entry) -> str:
        for outer, name in places:
            value = _field(entry, outer, name)
            if value:
                return value
        return NONE

    return read


def _of_time(characters: int) -> Read:
    return lambda entry: str(entry.get("at") or NONE)[:characters]


def _week(entry: Entry) -> str:
    return _week_of_day(str(entry.get("at") or NONE)[:10])


@lru_cache(maxsize=1_024)
def _week_of_day(day: str) -> str:
    """`2026-W47` (ISO 8601: weeks begin on Monday)."""
    try:
        return f"{date.fromisoformat(day):%G-W%V}"
    except ValueError:
        return NONE


def _name_if(kind: str) -> Read:
    def read(entry: Entry) -> str:
        if _field(entry, "principal", "type") != kind:
            return NONE
        return _field(entry, "principal", "name") or NONE

    return read


def _account(entry: Entry) -> str:
    return (_field(entry, "served", "model") or NONE).partition("/")[0]


def _environment(entry: Entry) -> str:
    own = as_text(entry.get("environment"))
    return own or _field(entry, "metadata", "environment") or NONE


def rules(entry: Entry) -> tuple[str, ...]:
    """Ids of the rules that applied, the one that refused included; (`-`,) for none."""
    limits, decision = entry.get("limits"), entry.get("decision")
    applied = limits.get("rule_ids") if isinstance(limits, dict) else None
    named = [rule for rule in applied if isinstance(rule, str)] if applied else []
    refused = decision.get("rule_id") if isinstance(decision, dict) else None
    if isinstance(refused, str):
        named.append(refused)
    return tuple(dict.fromkeys(named)) or (NONE,)


_READ: dict[str, Read] = {
    **{name: _of_fields(places) for name, places in _FIELDS.items()},
    **{name: _of_time(characters) for name, characters in _AT.items()},
    "week": _week,
    "user": _name_if("user"),
    "virtual_account": _name_if("virtual-account"),
    "account": _account,
    "environment": _environment,
}
DIMENSIONS = tuple(sorted((*_READ, RULE)))


def is_metadata(name: str) -> bool:
    """Whether this name asks for a metadata key."""
    return name not in DIMENSIONS


def reader(name: str) -> Read:
    """A function from an entry to its value for one dimension but `rule`."""
    return _READ.get(name) or _of_fields((("metadata", name.removeprefix(METADATA)),))


def parse_by(text: str, figures: Collection[str]) -> tuple[str, ...]:
    """`team,model` as names; raises ValueError."""
    by = tuple(name.strip() for name in text.split(",") if name.strip())
    for name in by:
        if by.count(name) > 1:
            raise ValueError(f"--by names {name!r} twice")
        if name in figures:
            raise ValueError(f"{name!r} is a figure; for the metadata key say {METADATA}{name}")
        if name == METADATA:
            raise ValueError(f"{name!r} names no metadata key")
    return by
