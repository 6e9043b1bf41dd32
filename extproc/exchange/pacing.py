"""Time limits and retries of one call: the caller may ask for less time, its rule decides the rest.

Headers: `x-tfy-request-timeout` and `x-tfy-ttft-timeout-ms` (milliseconds; an attempt whose answer
has not begun by then is over, and the next target is asked), `x-tfy-retry-config`
(`{"attempts": n, "onStatusCodes": [...]}`). What is ill-formed is refused, never guessed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import orjson

from extproc.errors import Code, Refusal
from extproc.exchange.pace import Pace
from extproc.exchange.request import Request
from extproc.llm.fields import least
from extproc.routing.values import Target

_RETRY, _MS_MAX, _TRIES_MAX = "x-tfy-retry-config", 3_600_000, 7
_LIMITS = ("x-tfy-request-timeout", "x-tfy-ttft-timeout-ms")


def read(request: Request) -> Refusal | None:
    """What the caller's headers say."""
    headers, stated = request.incoming.headers, []
    for name in _LIMITS:
        text = headers.get(name)
        if text is None:
            continue
        if not text.isascii() or not text.isdigit() or not 0 < int(text) <= _MS_MAX:
            return _refuse(name, f"must be a number of milliseconds up to {_MS_MAX}")
        stated.append(int(text))
    retry = _retry(headers.get(_RETRY))
    if isinstance(retry, Refusal):
        return retry
    tries, codes = retry
    if stated or tries is not None:
        request.pace = Pace(least(*stated), tries, codes)
        request.record.basis.retry = None if tries is None else (tries, codes)
    return None


def _retry(text: str | None) -> tuple[int | None, tuple[int, ...]] | Refusal:
    if text is None:
        return None, ()
    try:
        said: Any = orjson.loads(text)
    except orjson.JSONDecodeError:
        said = None
    match said:
        case {"attempts": int(tries), **rest} if type(tries) is int and 0 <= tries <= _TRIES_MAX:
            codes: Any = rest.pop("onStatusCodes", [])
            sound = not rest and type(codes) is list
            if sound and all(type(code) is int and 400 <= code <= 599 for code in codes):
                return tries, tuple(codes)
    return _refuse(_RETRY, 'must be like {"attempts": 2, "onStatusCodes": [429, 500]}')


def retried(request: Request, targets: Sequence[Target]) -> tuple[Target, ...]:
    """The targets with the retries that the caller asked for."""
    pace = request.pace
    if pace.tries is None:
        return tuple(targets)
    return tuple(
        replace(t, retries=pace.tries, retry_codes=pace.try_on or t.retry_codes) for t in targets
    )


def attempt_ms(request: Request) -> int | None:
    """How long one attempt may take until its answer begins; None: as the listener says."""
    timeouts = request.routed.timeouts if request.routed is not None else None
    ruled = timeouts.first_token_timeout_ms if timeouts is not None else None
    return least(request.pace.attempt_ms, ruled)


def call_ms(request: Request) -> int | None:
    """How long all attempts together may take; None: as the listener says."""
    timeouts = request.routed.timeouts if request.routed is not None else None
    return timeouts.request_timeout_ms if timeouts is not None else None


def tier(request: Request) -> str:
    """The listener's tier of time limits, '' for its own."""
    timeouts = request.routed.timeouts if request.routed is not None else None
    return (timeouts.tier if timeouts is not None else None) or ""


def _refuse(header: str, what: str) -> Refusal:
    return Refusal(Code.INVALID_REQUEST, f"The header {header} {what}.")
