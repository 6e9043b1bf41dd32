"""Kept bodies whose time is up go, a day's folder at a time; the log's entries stay.

Promises: how long is told by the folder alone (`places.py`), so that a changed configuration
shortens nothing that was promised to be kept, and prolongs nothing. Deletes nothing it does not
know. Raises OSError.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from extproc.audit.content.places import days_of, is_over
from extproc.audit.disk import sync_folder

ACTION = "audit.content.expire"


@dataclass(frozen=True, slots=True)
class Gone:
    """One day's folder. `folder`: below `content`, e.g. `days-30/2026-11-21`."""

    folder: str
    files: int
    bytes: int

    def details(self) -> dict[str, object]:
        return {"folder": self.folder, "files": self.files, "bytes": self.bytes}


def expire(folder: Path, now_ms: int) -> list[Gone]:
    """Delete what is over below the folder of contents; the caller records each (`ACTION`)."""
    gone = []
    for kept in sorted(folder.iterdir()) if folder.is_dir() else ():
        days = days_of(kept.name)
        if days is not None and kept.is_dir():
            gone += [_delete(day) for day in sorted(kept.iterdir()) if _over(day, days, now_ms)]
            sync_folder(kept)
    return gone


def _over(day: Path, days: int, now_ms: int) -> bool:
    try:
        return day.is_dir() and is_over(days, day.name, now_ms)
    except ValueError:
        return False


def _delete(day: Path) -> Gone:
    sizes = [os.stat(path).st_size for path in day.iterdir()]
    shutil.rmtree(day)
    return Gone(f"{day.parent.name}/{day.name}", len(sizes), sum(sizes))
