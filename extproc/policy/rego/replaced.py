"""Builtins that the embedded engine answers differently from OPA, answered here as OPA does.

Where OPA's answer is "undefined" or odd, these raise: the decision then denies, with a fault. So a
difference can only ever close. Compared with a real OPA in tests/policy/test_replaced.py.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

import regorus

GLOB_TEXT_MAX: Final = 256
GLOB_STARS_MAX: Final = 4
"""`**` counts as two. Matching backtracks: these bound it (an evaluation cannot be interrupted)."""

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,6})?\Z")
_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]{0,14})\Z")
_RFC3339 = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:[0-5]\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)\Z", re.ASCII
)
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_VERB = re.compile(r"%(.?)", re.S)
_GLOB_OTHER = re.compile(r"[?\[\]{}\\!]|\*\*\*")


def lower(text: str) -> str:
    """Simple case mapping, character by character, as Go's strings.ToLower."""
    if text.isascii():
        return text.lower()
    return "".join("i" if c == "\u0130" else c.lower() for c in _text(text))


def upper(text: str) -> str:
    """Simple case mapping: a character without a one-character capital stays (Go's ToUpper)."""
    if text.isascii():
        return text.upper()
    return "".join(_capital(c) for c in _text(text))


def _capital(char: str) -> str:
    for found in (char.upper(), char.title()):
        if len(found) == 1:
            return found
    return char


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("text expected")
    return value


def to_number(value: Any) -> int | float:
    """Plain decimal notation only; what OPA reads differently raises."""
    match value:
        case None | False:
            return 0
        case True:
            return 1
        case int() | float():
            return value
        case str() if _WHOLE.match(value):
            return int(value)
        case str() if _NUMBER.match(value):
            return float(value)
    raise ValueError("not a plain decimal number")


def to_whole_number(value: Any) -> int:
    """`to_number` for bundles that compute: fractions raise."""
    found = to_number(value)
    if isinstance(found, float):
        raise ValueError("not a whole number")
    return found


def sprintf(form: str, values: list[Any]) -> str:
    """%s %d %v %% over texts, whole numbers, booleans and null, as Go's fmt prints them."""
    rest = iter(values)
    done = object()
    text = _VERB.sub(lambda m: _verb(m[1], rest), form)
    if next(rest, done) is not done:
        raise ValueError("more values than verbs")
    return text


def _verb(verb: str, values: Any) -> str:
    if verb == "%":
        return "%"
    value = next(values)
    match verb, value:
        case "d", bool() | None:
            raise ValueError("%d of no number")
        case "s" | "v", str():
            return value
        case "d" | "v", int() if not isinstance(value, bool):
            return str(value)
        case "s" | "v", None:
            return "null"
        case "v", bool():
            return "true" if value else "false"
    raise ValueError("this verb does not fit this value")


def glob_match(pattern: str, delimiters: list[str] | None, text: str) -> bool:
    """`*` stands for any run without a delimiter, `**` for any run; `?`, classes, braces raise."""
    if delimiters and any(len(mark) != 1 for mark in delimiters):
        raise ValueError("a delimiter is one character")
    if len(text) > GLOB_TEXT_MAX or pattern.count("*") > GLOB_STARS_MAX:
        raise ValueError("too long to match in bounded time")
    marks = "" if delimiters is None else "".join(delimiters or ["."])
    return _glob(pattern, marks).fullmatch(text) is not None


@lru_cache(maxsize=4096)
def _glob(pattern: str, delimiters: str) -> re.Pattern[str]:
    if _GLOB_OTHER.search(pattern):
        raise ValueError("only * and ** are supported in glob.match patterns")
    run = f"[^{re.escape(delimiters)}]*" if delimiters else ".*"
    parts = re.split(r"(\*\*?)", pattern)
    stands = {"*": run, "**": ".*"}
    return re.compile("".join(stands.get(p) or re.escape(p) for p in parts), re.S)


def parse_rfc3339_ns(text: str) -> int:
    """Nanoseconds since 1970; capital T and Z, no leap seconds, as Go's time.RFC3339."""
    found = _RFC3339.match(text)
    if not found:
        raise ValueError("not RFC 3339")
    whole, fraction, zone = found.groups()
    moment = datetime.datetime.fromisoformat(whole + ("+00:00" if zone == "Z" else zone))
    seconds = (moment - _EPOCH) // datetime.timedelta(seconds=1)
    nanos = seconds * 1_000_000_000 + int((fraction or "0").ljust(9, "0"))
    if not -(2**63) <= nanos < 2**63:
        raise ValueError("outside the range of nanoseconds")
    return nanos


def install(engine: regorus.Engine, whole_only: bool) -> None:
    """Put the replacements in front of the engine's own builtins."""
    number: Callable[[Any], int | float] = to_whole_number if whole_only else to_number
    engine.add_extension("lower", 1, lower)
    engine.add_extension("upper", 1, upper)
    engine.add_extension("to_number", 1, number)
    engine.add_extension("sprintf", 2, sprintf)
    engine.add_extension("glob.match", 3, glob_match)
    engine.add_extension("time.parse_rfc3339_ns", 1, parse_rfc3339_ns)
