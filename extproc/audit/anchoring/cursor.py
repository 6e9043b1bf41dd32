"""What a target has had, on the disk: so that a restart sends nothing twice and forgets nothing.

A cursor of a target whose place was changed, of another log, or that cannot be read counts as
none: then the latest checkpoint is sent, and the target says what it has.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from pathlib import Path

import orjson

from extproc.audit.checkpoint import Checkpoint
from extproc.audit.disk import replace_file


@dataclass(frozen=True, slots=True)
class Cursor:
    """`sent`: the newest checkpoint it took. `at_ms`: when (Unix time). `place`: a digest of where
    that was."""

    place: str
    sent: Checkpoint
    at_ms: int

    def save(self, path: Path) -> None:
        """Durable when it returns; raises OSError."""
        data = {
            "place": self.place,
            "origin": self.sent.origin,
            "size": self.sent.size,
            "root": self.sent.root_base64,
            "at_ms": self.at_ms,
        }
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        replace_file(path, orjson.dumps(data) + b"\n")

    @classmethod
    def load(cls, path: Path) -> Cursor | None:
        """None when there is none that can be read; raises OSError."""
        try:
            data = orjson.loads(path.read_bytes())
            root = base64.b64decode(data["root"], validate=True)
            sent = Checkpoint(str(data["origin"]), int(data["size"]), root)
            return cls(str(data["place"]), sent, int(data["at_ms"]))
        except (FileNotFoundError, ValueError, KeyError, TypeError, binascii.Error):
            return None
