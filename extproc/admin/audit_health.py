"""What the gateway's own process says of the audit log, about once a second.

    audit-health.json   {"ok": bool, "why": str, "at_ms": int, ...} in the run folder

Promises: a log that is not well, and one that nobody has spoken for lately, is missing (defaults
deny). Where there never was such a file (`envelope admin` beside a gateway of before) nothing is
said of it.
"""

from __future__ import annotations

import json
from pathlib import Path

STALE_MS = 10_000
WHY_CHARS_MAX = 200


def why_not(path: Path, now_ms: int) -> str:
    """'' when the log is well, or nobody speaks for it at all. `now_ms`: Unix time.

    Raises OSError for a file that is there and cannot be read.
    """
    try:
        text = path.read_text(errors="replace")
    except FileNotFoundError:
        return ""
    try:
        said = json.loads(text)
        ok, why, at_ms = said["ok"] is True, str(said["why"]), int(said["at_ms"])
    except (ValueError, KeyError, TypeError):
        return "its state cannot be read"
    # A clock that was set back makes the file one of the future: nobody vouches for now either.
    if abs(now_ms - at_ms) > STALE_MS:
        return "nobody has spoken for it lately"
    return "" if ok else (why[:WHY_CHARS_MAX] or "it is not well")
