"""When a key ends: RFC 3339 instants, or dates.

Promises: `instant_ms` is strict: no local times, no week dates, no two-digit years. A date means
its first instant in UTC, the earliest reading, so that a key never lives longer than its reader
thought.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from extproc.config.model import KeySpec

_RFC3339 = re.compile(
    r"\d{4}-\d{2}-\d{2}"
    r"([Tt ]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2}))?"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WANTED = "must be a date (2026-12-31) or an RFC 3339 time with its offset (2026-12-31T12:00:00Z)"


def instant_ms(text: str) -> int:
    """Milliseconds since 1970 in UTC, rounded down. Raises ValueError with a plain sentence."""
    if not _RFC3339.fullmatch(text):
        raise ValueError(_WANTED)
    # datetime keeps microseconds; further digits of the fraction are dropped (earlier, never later)
    upper = re.sub(r"(\.\d{6})\d+", r"\1", text.upper())
    try:
        moment = datetime.fromisoformat(upper)
    except ValueError:
        raise ValueError(_WANTED) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def expires_ms(spec: KeySpec) -> int | None:
    """The instant from which a key is refused, in milliseconds since 1970; None = never."""
    return None if spec.expires is None else instant_ms(spec.expires)
