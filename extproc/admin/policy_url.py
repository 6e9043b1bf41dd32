"""Which OPA server the running configuration asks, if any.

Read from the file that the gateway hands to its workers; parsed again only when it was replaced.
"""

from __future__ import annotations

from pathlib import Path

from extproc.config.load import load
from extproc.config.sources import sources_from_json


class OpaUrl:
    """One configuration file. `read` is for a thread: parsing takes a while."""

    def __init__(self, config_file: Path) -> None:
        self._file = config_file
        self._seen: tuple[int, int, int] | None = None
        self._url: str | None = None

    def read(self) -> str | None:
        """The URL, None where policies are evaluated in process.

        Raises OSError and ValueError when that cannot be told.
        """
        stat = self._file.stat()
        now = (stat.st_mtime_ns, stat.st_ino, stat.st_size)
        if now != self._seen:
            loaded = load(sources_from_json(self._file.read_text()))
            if isinstance(loaded, list):
                raise ValueError("the handed-over configuration does not load")
            opa = loaded.gateway.policy.opa
            self._url = opa.url if opa is not None else None
            self._seen = now
        return self._url
