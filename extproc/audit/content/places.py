"""Where kept bodies lie, and for how long: the folder says it.

    content/days-30/2026-11-21/<owner>.bin     gone 30 days after the day is over
    content/kept/2026-11-21/<owner>.bin        kept for ever

Pure. Promises: a path that a log entry names leads nowhere but below the folder of contents.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import PurePosixPath

CONTENT = "content"
KEPT = "kept"
_FILE = re.compile(r"(kept|days-[0-9]{1,5})/[0-9]{4}-[0-9]{2}-[0-9]{2}/[A-Za-z0-9_-]{1,128}\.bin")
_KEY_ID = re.compile(r"[0-9a-f]{32}\.[0-9]{1,9}")


def place(days: int | None, now_ms: int) -> str:
    """The folder, below `content`, of what is kept now for so many days (None: for ever)."""
    kept = KEPT if days is None else f"days-{days}"
    return f"{kept}/{day_of(now_ms).isoformat()}"


def day_of(now_ms: int) -> date:
    """UTC."""
    return datetime.fromtimestamp(now_ms / 1000, UTC).date()


def days_of(name: str) -> int | None:
    """How long a folder `days-N` keeps; None for any other."""
    head, _, days = name.partition("-")
    return int(days) if head == "days" and days.isdigit() else None


def is_over(days: int, day: str, now_ms: int) -> bool:
    """Whether a folder's time is up: `days` whole days after its own. Raises ValueError."""
    return date.fromisoformat(day) + timedelta(days=days) < day_of(now_ms)


def is_place(file: str) -> bool:
    return _FILE.fullmatch(file) is not None


def is_key_id(text: str) -> bool:
    return _KEY_ID.fullmatch(text) is not None


def kept_for(file: str) -> int | None:
    return days_of(PurePosixPath(file).parts[0])
