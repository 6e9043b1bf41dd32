"""Whether a worker may begin calls, as far as the log is concerned: what the gateway's file says.

Promises: `standard` refuses only what the file tells it to refuse; `strict` also refuses where
nobody vouches for the log (no file, an old one, one that cannot be read). Fails closed there.
"""

from __future__ import annotations

from pathlib import Path

import orjson

STALE_MS = 15_000
"""A gateway process that has said nothing for so long cannot vouch for its log."""


def refusing(health_file: Path, *, strict: bool, now_ms: int) -> str:
    """Why no call may begin; '' where calls may. `now_ms`: Unix time."""
    try:
        said = orjson.loads(health_file.read_bytes())
        why, at_ms = str(said["refusing"]), int(said["at_ms"])
    except (OSError, ValueError, KeyError, TypeError):
        return "nobody keeps the audit log" if strict else ""
    if strict and now_ms - at_ms > STALE_MS:
        return "the audit log's keeper has not been heard of"
    return why
