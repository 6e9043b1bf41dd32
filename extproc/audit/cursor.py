"""How far the sequencer has come: written in one step after the log is durable.

Whatever the cursor says is already in the log; what it does not say yet may be in the log too,
from entry `log_size` on. A missing or unreadable cursor therefore costs time, never an entry.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import orjson

from extproc.audit.disk import replace_file

NAME = "cursor.json"


@dataclass(frozen=True, slots=True)
class Cursor:
    """`offsets`: segment -> bytes taken. `finished`: dead owners that are wholly in the log.

    `covered`: entries that a checkpoint vouched for by then.
    """

    log_size: int = 0
    offsets: dict[str, int] = field(default_factory=dict)
    finished: tuple[str, ...] = ()
    covered: int = 0

    def save(self, folder: Path) -> None:
        """Durable when it returns; raises OSError, and then the old one may still stand."""
        data = {
            "log_size": self.log_size,
            "offsets": self.offsets,
            "finished": list(self.finished),
            "covered": self.covered,
        }
        replace_file(folder / NAME, orjson.dumps(data) + b"\n")

    @classmethod
    def load(cls, folder: Path) -> Cursor:
        """The saved cursor; an empty one when there is none that can be read."""
        try:
            data = orjson.loads((folder / NAME).read_bytes())
            offsets = {str(k): int(v) for k, v in data["offsets"].items()}
            finished = tuple(map(str, data["finished"]))
            return cls(int(data["log_size"]), offsets, finished, int(data.get("covered", 0)))
        except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
            return cls()
