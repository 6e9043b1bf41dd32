"""W3C Trace Context: continue the caller's trace, or begin one named after the decision."""

from __future__ import annotations

import re

_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_NO_TRACE, _NO_SPAN = "0" * 32, "0" * 16


def child_of(traceparent: str, decision_id: str) -> tuple[str, str, str]:
    """(traceparent for the provider, trace id, our span id). Ill-formed ones begin a new trace.

    The span id is the tail of the decision id (a UUID): random, and found again from the log.
    """
    own = decision_id.replace("-", "")
    span = own[-16:]
    match = _TRACEPARENT.fullmatch(traceparent)
    if match is None or match[1] == _NO_TRACE or match[2] == _NO_SPAN:
        return f"00-{own}-{span}-01", own, span
    return f"00-{match[1]}-{span}-{match[3]}", match[1], span
