"""Which entries a question is about. Pure: an entry and a filter in, yes or no out.

Promises: a filter that names a field the entry lacks does not match it; times are compared as
times, not as text. Refuses (ValueError) what it cannot read, instead of matching everything.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from operator import ge, gt, le, lt
from typing import Any

from extproc.audit.event import EVENT, record_class
from extproc.audit.values import Entry

_AGO = re.compile(r"(\d+)(ms|s|m|h|d|w)")
_CONDITION = re.compile(r"(.+?)(!=|>=|<=|=|>|<|~)(.*)", re.DOTALL)
_ORDER = {">=": ge, "<=": le, ">": gt, "<": lt}
_UNIT_MS = {
    "ms": 1,
    "s": 1_000,
    "m": 60_000,
    "h": 3_600_000,
    "d": 86_400_000,
    "w": 604_800_000,
}


@dataclass(frozen=True, slots=True)
class Condition:
    """`path` (dotted) compared with a value as text; `~`: a glob.

    Two numbers are compared as numbers, two times as times, anything else as text.
    """

    path: str
    operator: str
    value: str

    def matches(self, entry: Entry) -> bool:
        """Whether the entry has the field, and its value fits."""
        found = as_text(look_up(entry, self.path))
        if found is None:
            return False
        match self.operator:
            case "=":
                return found == self.value
            case "!=":
                return found != self.value
            case "~":
                return fnmatchcase(found, self.value)
            case _:
                left, right = _comparable(found, self.value)
                return bool(_ORDER[self.operator](left, right))


@dataclass(frozen=True, slots=True)
class Filter:
    """All parts must match; None matches everything. `model` may be a glob.

    `principal`: of an event, whoever did it. `team`: the caller's, else the one its metadata names.
    `since_ms` is inclusive, `until_ms` exclusive. `kind`: call | event. `record_class`: see
    `config/audit_model.py`.
    """

    decision: str | None = None
    principal: str | None = None
    team: str | None = None
    model: str | None = None
    code: str | None = None
    outcome: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None
    where: Sequence[Condition] = ()
    kind: str | None = None
    record_class: str | None = None

    def matches(self, entry: Entry) -> bool:
        """Whether this entry is asked for."""
        return (
            _is(self.decision, entry.get("decision_id"))
            and _is(self.principal, _either(entry, "principal.name", "actor.name"))
            and _is(self.team, _either(entry, "principal.team", "metadata.team"))
            and _is(self.code, look_up(entry, "decision.code"))
            and _is(self.outcome, look_up(entry, "decision.outcome"))
            and self._model(entry)
            and self._time(entry)
            and _is(self.kind, EVENT if entry.get("kind") == EVENT else "call")
            and (self.record_class is None or record_class(entry) == self.record_class)
            and all(condition.matches(entry) for condition in self.where)
        )

    def _model(self, entry: Entry) -> bool:
        if self.model is None:
            return True
        names = (look_up(entry, "request.model"), look_up(entry, "served.model"))
        return any(isinstance(n, str) and fnmatchcase(n, self.model) for n in names)

    def _time(self, entry: Entry) -> bool:
        if self.since_ms is None and self.until_ms is None:
            return True
        at_ms = time_of(entry)
        if at_ms is None:
            return False
        early = self.since_ms is not None and at_ms < self.since_ms
        return not early and (self.until_ms is None or at_ms < self.until_ms)


def look_up(entry: Entry, path: str) -> Any:
    """The value at a dotted path; None when it is not there. Keys that hold dots are found too."""
    value: Any = entry
    parts = path.split(".")
    while parts:
        if isinstance(value, list) and parts[0].isdigit() and int(parts[0]) < len(value):
            value = value[int(parts.pop(0))]
            continue
        if not isinstance(value, dict):
            return None
        taken = next((n for n in range(1, len(parts) + 1) if ".".join(parts[:n]) in value), 0)
        if not taken:
            return None
        value = value[".".join(parts[:taken])]
        parts = parts[taken:]
    return value


def as_text(value: Any) -> str | None:
    """A value as it is typed in a question: `true`, `12`, `gpt-4o-mini`; None for none."""
    match value:
        case None | dict() | list():
            return None
        case bool():
            return "true" if value else "false"
        case _:
            return str(value)


def time_of(entry: Entry) -> int | None:
    """The entry's `at` in milliseconds since 1970; None when it has none."""
    try:
        return _instant_ms(entry["at"])
    except (KeyError, TypeError, ValueError):
        return None


def parse_time(text: str, now_ms: int) -> int:
    """`90s`, `15m`, `1h`, `7d`, `2w` before now, or RFC 3339 or a date (UTC); in milliseconds."""
    ago = _AGO.fullmatch(text.strip())
    if ago:
        return now_ms - int(ago[1]) * _UNIT_MS[ago[2]]
    try:
        return _instant_ms(text.strip())
    except ValueError:
        raise ValueError(f"{text!r} is neither a duration (15m, 1h, 7d) nor RFC 3339") from None


def parse_where(text: str) -> Condition:
    """`key=value`, also with `!=`, `>=`, `<=`, `>`, `<`, `~`; the first one counts; raises
    ValueError."""
    found = _CONDITION.fullmatch(text)
    if not found:
        raise ValueError(f"{text!r} is not of the form key=value (or !=, >=, <=, >, <, ~glob)")
    return Condition(found[1], found[2], found[3])


def _comparable(left: str, right: str) -> tuple[Any, Any]:
    """Both as what both are: numbers, times, else text."""
    for read in (int, float, _instant_ms):
        try:
            return read(left), read(right)
        except ValueError:
            continue
    return left, right


def _instant_ms(text: str) -> int:
    when = datetime.fromisoformat(text)
    return round((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() * 1000)


def _either(entry: Entry, first: str, second: str) -> Any:
    return look_up(entry, first) or look_up(entry, second)


def _is(wanted: str | None, value: Any) -> bool:
    return wanted is None or wanted == value
