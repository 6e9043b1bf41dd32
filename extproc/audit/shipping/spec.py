"""What the shipping process is told: which log, which configuration, where it keeps its cursors."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

FOLDER = "shipping"
"""Below the state's audit folder: cursors, what was set aside, the latest figures."""


@dataclass(frozen=True, slots=True)
class Spec:
    """`audit_folder`: the state's. `config_file`: validated sources as JSON, read again on SIGHUP.
    `origin`: the log's name, which stays while the log does. `leave_within_ms`: what SIGTERM
    leaves for sending what is there.

    `store_url` may hold a password: it is never shown (P4), and left out of this object's repr.
    """

    audit_folder: Path
    config_file: Path
    origin: str
    store_url: str = field(repr=False)
    leave_within_ms: int

    @property
    def log_folder(self) -> Path:
        return self.audit_folder / "log"

    @property
    def folder(self) -> Path:
        return shipping_folder(self.audit_folder)

    @classmethod
    def read(cls, path: Path) -> Spec:
        """Raises OSError, and ValueError for a file that is not a whole spec."""
        raw = json.loads(path.read_text())
        try:
            return cls(
                audit_folder=Path(raw["audit_folder"]),
                config_file=Path(raw["config_file"]),
                origin=str(raw["origin"]),
                store_url=str(raw["store_url"]),
                leave_within_ms=int(raw["leave_within_ms"]),
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"{path.name} is not a whole spec") from error


def shipping_folder(audit_folder: Path) -> Path:
    """Where the shipping process keeps its files."""
    return audit_folder / FOLDER
