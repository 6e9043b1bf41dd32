"""What became of each attempt, read from the attributes that come with the answer's head.

Envoy makes the attempts and the processor sees the last one's answer alone. The earlier ones leave
a trail in dynamic metadata (`lua/attempt.lua`), written by our own filters only: no header from
outside reaches it. "1:429+30,3:late,4" is: slot 1 answered 429 and asked for 30 seconds of rest,
slot 3 was not answered in time, slot 4 came last; how that one ended is told by the answer's head
and its details.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from extproc.routing.values import Ended, Ending

TRAIL = "metadata.filter_metadata['envelope.attempts'].last.trail"
COUNT = "upstream.request_attempt_count"
DETAILS = "response.code_details"
CONNECTION = "upstream.local_address"
RETRY_AFTER = "response.headers['retry-after']"
ATTRIBUTES = ("xds.cluster_name", COUNT, DETAILS, CONNECTION, TRAIL, RETRY_AFTER)
"""CEL expressions that the listener asks for; one without a value is left out by Envoy."""
_VIA_UPSTREAM = "via_upstream"


def attempts_made(attrs: Mapping[str, Any], status: int) -> tuple[Ended, ...]:
    """Every attempt that was made, in order; the last one's slot is where the answer came from.

    Empty when Envoy refused before the first. `status`: of the answer's head. Where Envoy itself
    does not say how an attempt ended, it counts as broken: the provider may have worked.
    """
    count = int(attrs.get(COUNT, 0))
    if not count:
        return ()
    pieces = [piece.partition(":") for piece in str(attrs.get(TRAIL, "1")).split(",")]
    ended = [_ended(int(slot), ending) for slot, _, ending in pieces if ending]
    slot, _, last = pieces[-1]
    if not last:
        another = count > len(pieces)
        ended.append(
            Ended(int(slot), Ending.BROKEN) if another else _last(int(slot), attrs, status)
        )
    return tuple(ended)


def _ended(slot: int, ending: str) -> Ended:
    status, _, rest = ending.partition("+")
    if status.isdigit():
        return Ended(slot, Ending.ANSWERED, int(status), int(rest or 0))
    return Ended(slot, Ending(ending))


def _last(slot: int, attrs: Mapping[str, Any], status: int) -> Ended:
    details = str(attrs.get(DETAILS, _VIA_UPSTREAM))
    if details == _VIA_UPSTREAM:
        return Ended(slot, Ending.ANSWERED, status, _seconds(attrs.get(RETRY_AFTER)))
    if CONNECTION not in attrs:
        return Ended(slot, Ending.UNSENT)
    return Ended(slot, Ending.LATE if "timeout" in details else Ending.BROKEN)


def _seconds(said: Any) -> int:
    """Whole seconds that the last answer asks for; a date, or nonsense, asks for none."""
    text = str(said or "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 5 else 0
