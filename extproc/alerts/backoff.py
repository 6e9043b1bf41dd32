"""How long to wait before another attempt. Pure: chance is a parameter."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from random import Random

ATTEMPTS = 5
FIRST_MS, MOST_MS = 1_000, 30_000
REST_MS, REST_MS_MAX = 10 * 60_000, 4 * 3_600_000


def wait_ms(attempt: int, retry_after_ms: int, chance: Random) -> int:
    """Before the attempt after the `attempt`-th (from 0): doubling, the upper half by chance.

    What the target asked for in `retry-after` is the least.
    """
    most = min(MOST_MS, FIRST_MS << attempt)
    return max(retry_after_ms, int(most * (0.5 + chance.random() / 2)))


def rest_ms(failures: int, retry_after_ms: int) -> int:
    """After `failures` rounds of attempts (from 1): ten minutes, doubling, four hours at most."""
    doubled = REST_MS << min(failures - 1, 10)
    return min(REST_MS_MAX, max(doubled, retry_after_ms))


def retry_after_ms(value: str | None, now_ms: int) -> int:
    """RFC 9110 10.2.3: seconds or a date; 0 when absent or unreadable, four hours at most."""
    if not value or len(value) > 64:
        return 0
    if value.strip().isdecimal():
        return min(REST_MS_MAX, int(value) * 1000)
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return 0
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    since_epoch = (at - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()
    return min(REST_MS_MAX, max(0, int(since_epoch * 1000) - now_ms))
