"""Where compiled guardrail databases are kept: a folder of this user, by their content's name.

Promises: a file that others could have written is not read; one that cannot be written or read
costs time only. Keeps at most FILES_MAX, the newest.
"""

from __future__ import annotations

import os
import stat
import sys
from contextlib import suppress
from pathlib import Path

from extproc.guardrails.detectors import automata

FILES_MAX = 4096
_LOOK_EVERY = 64


def default_folder() -> Path:
    """Below `XDG_CACHE_HOME` (XDG Base Directory Specification), else `~/.cache`."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(base) / "envelope" / "automata"


def keep_automata() -> None:
    """From now on what is compiled is kept for the next process."""
    automata.keep_in(FileKeeper(default_folder()))


class FileKeeper:
    """One file a database, mode 0600, put in place whole. Says on a terminal what takes long."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._written = 0
        self._told = False

    def get(self, name: str) -> bytes | None:
        found = self._read(name)
        if found is None and not self._told and sys.stderr.isatty():
            self._told = True
            print("compiling guardrail patterns, once on this machine ...", file=sys.stderr)
        return found

    def _read(self, name: str) -> bytes | None:
        try:
            descriptor = os.open(self._folder / name, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            with open(descriptor, "rb") as file:
                state = os.fstat(descriptor)
                private = state.st_uid == os.getuid() and not state.st_mode & 0o022
                return file.read() if private and stat.S_ISREG(state.st_mode) else None
        except OSError:
            return None

    def put(self, name: str, data: bytes) -> None:
        aside = self._folder / f".{name}.{os.getpid()}"
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
            with open(os.open(aside, flags, 0o600), "wb") as file:
                file.write(data)
            os.replace(aside, self._folder / name)
            if self._written % _LOOK_EVERY == 0:
                self._forget_the_oldest()
            self._written += 1

    def _forget_the_oldest(self) -> None:
        files = [path for path in self._folder.iterdir() if not path.name.startswith(".")]
        if len(files) > FILES_MAX:
            files.sort(key=lambda path: path.stat().st_mtime)
            for path in files[: len(files) - FILES_MAX]:
                path.unlink(missing_ok=True)
