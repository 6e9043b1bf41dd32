"""Kinds of text and number that only limits and alerts hold, each with its own plain complaint.

Promises: amounts are exact in the store's units, or a mistake (P2). Refuses names where a pattern
or a prefix would never match, and time zones that another machine may not know.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Annotated
from zoneinfo import available_timezones

from pydantic import AfterValidator, Field

from extproc.config.fields import (
    COST_USD_MAX,
    SUBJECT_KINDS,
    TOKENS_MAX,
    Fault,
    complaint,
    exact_nano_usd,
    no_repeats,
    not_empty,
)
from extproc.config.mistake import did_you_mean, one_of

OPERATIONS = (
    "chat", "embeddings", "completions", "responses", "images", "audio", "moderations", "rerank",
    "tool",
)  # fmt: skip
CALENDAR_DURATIONS = ("1h", "1d", "1w", "1M", "1Q", "1Y")
_OF_THIS_MACHINE = frozenset({"localtime", "Factory"})
_EMAIL = re.compile(r"[^\s@<>,;:\"()\x00-\x1f\x7f]{1,64}@[^\s@<>,;:\"()\x00-\x1f\x7f]{1,190}")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")


def inexact(measure: str, limit: float | None, at: str) -> Iterator[Fault]:
    """What the store cannot count: it has whole nano-USD, tokens and requests."""
    if limit is None:
        return
    cost = measure == "cost"
    most = COST_USD_MAX if cost else TOKENS_MAX
    if limit > most:
        yield f"must be at most {most:,} {'USD' if cost else measure}", at
    elif cost and exact_nano_usd(limit) is None:
        yield "has more than nine decimal places of a USD", at
    elif not cost and not float(limit).is_integer():
        yield f"must be a whole number of {measure}", at


def _operation(value: str) -> str:
    if value not in OPERATIONS:
        raise complaint(f"must be {one_of(OPERATIONS)}{did_you_mean(value, OPERATIONS)}")
    return value


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset({"UTC", *available_timezones()}) - _OF_THIS_MACHINE


def _time_zone(value: str) -> str:
    if value not in _zones():
        hint = did_you_mean(value, _zones())
        raise complaint(f"is no time zone of the IANA database, e.g. 'Europe/Berlin'{hint}")
    return value


def _duration(value: str) -> str:
    if not re.fullmatch(r"[1-9][0-9]{0,3}[mhdwMQY]", value):
        raise complaint("must be a number and m, h, d, w, M (months), Q or Y, e.g. '1h', '1M'")
    return value


def _thresholds(values: tuple[float, ...]) -> tuple[float, ...]:
    if not values or any(not 0 < value <= 100 for value in values):
        raise complaint("must be percentages above 0, up to 100")
    return tuple(sorted(set(values)))


def exact_name_fault(value: str) -> str:
    """What is wrong with the name of a user, a team or a virtual account ('' = nothing)."""
    kind, colon, _ = value.partition(":")
    if colon and kind in SUBJECT_KINDS:
        return f"write the name alone, without '{kind}:'"
    exact = value and value == value.strip() and "*" not in value
    return "" if exact else "must be one exact name"


def model_pattern_fault(value: str) -> str:
    """What is wrong with a model's name or pattern ('' = nothing)."""
    good = re.fullmatch(r"[^\s?\[\]]{1,256}", value)
    return "" if good else "may hold no spaces and none of ? [ ] (the one wildcard is *)"


def _exact_name(value: str) -> str:
    if fault := exact_name_fault(value):
        raise complaint(fault)
    return value


def _email(value: str) -> str:
    # Line ends and commas would become further headers and recipients of a mail.
    if not _EMAIL.fullmatch(value):
        raise complaint("must be one e-mail address, e.g. 'finops@example.com'")
    return value


def _host(value: str) -> str:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        if not _HOST.fullmatch(value):
            raise complaint("must be a host name or an IP address, without port") from None
    return value


Operations = Annotated[
    tuple[Annotated[str, AfterValidator(_operation)], ...], AfterValidator(not_empty)
]
TimeZone = Annotated[str, AfterValidator(_time_zone)]
Duration = Annotated[str, AfterValidator(_duration)]
Thresholds = Annotated[tuple[float, ...], AfterValidator(_thresholds)]
# A user's e-mail (or name), a team, a virtual account: as subjects, without the `user:`.
ExactNames = Annotated[
    tuple[Annotated[str, AfterValidator(_exact_name)], ...], AfterValidator(no_repeats)
]
Email = Annotated[str, AfterValidator(_email)]
Emails = Annotated[tuple[Email, ...], AfterValidator(no_repeats)]
Host = Annotated[str, AfterValidator(_host)]
Tokens = Annotated[int, Field(ge=1, le=TOKENS_MAX)]
Count = Annotated[int, Field(ge=0, le=TOKENS_MAX)]
Amount = Annotated[float, Field(ge=0)]
