"""What the admin process is told: where the parts of one running gateway are."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Spec:
    """Written by the gateway as `admin.json`.

    `port` 0 = any free one. `envoy_socket` '' = this gateway has no Envoy of its own.
    `store_url` may hold a password: it is never shown (P4), and left out of this object's repr.
    """

    host: str
    port: int
    store_url: str
    sockets: tuple[str, ...]
    envoy_socket: str
    metrics_folder: Path
    audit_folder: Path
    config_file: Path

    def __repr__(self) -> str:
        return f"Spec({self.host}:{self.port})"

    @classmethod
    def read(cls, path: Path) -> Spec:
        """Raises OSError, and ValueError for a file that is not a whole spec."""
        raw = json.loads(path.read_text())
        try:
            return cls(
                host=str(raw["host"]),
                port=int(raw["port"]),
                store_url=str(raw["store_url"]),
                sockets=tuple(map(str, raw["sockets"])),
                envoy_socket=str(raw["envoy_socket"]),
                metrics_folder=Path(raw["metrics_folder"]),
                audit_folder=Path(raw["audit_folder"]),
                config_file=Path(raw["config_file"]),
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"{path.name} is not a whole spec") from error
