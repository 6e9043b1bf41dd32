"""Notice that a configuration changed, and take it only when it is whole.

Promises: a bad change is reported once and nothing else happens (P7); so is a configuration that
became empty or vanished. A change is read only after it has held still for `settle_ms`, so that a
file caught while being written is not taken for its first half. Policies and secret files that the
configuration points to count as part of it. No thread, no sleep, no clock: the caller polls.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from extproc.config.files import REGO_SUFFIXES, check_files, referenced_files
from extproc.config.load import load
from extproc.config.mistake import Mistake
from extproc.config.model import Config
from extproc.config.sources import Source, config_files, digest, read_sources

SETTLE_MS = 250

Fingerprint = tuple[tuple[str, int, int, int, int], ...]
Seen = tuple[Fingerprint, Fingerprint]
Load = Callable[[Sequence[Source]], Config | list[Mistake]]
Check = Callable[[Config], list[Mistake]]


@dataclass(frozen=True, slots=True)
class Unchanged:
    """Nothing to do."""


@dataclass(frozen=True, slots=True)
class Changed:
    """Take this. `config.digest` equal to the running one: only files it points to changed."""

    sources: tuple[Source, ...]
    config: Config


@dataclass(frozen=True, slots=True)
class Bad:
    """Keep what runs; say this once."""

    mistakes: tuple[Mistake, ...]


class Watch:
    """Owns what was last seen of one configuration on disk.

    `running`: the configuration that is in force. `load` and `check` judge a new one; the defaults
    are `load.load` and `files.check_files`.
    """

    def __init__(
        self,
        path: str | Path,
        running: Config,
        *,
        load: Load = load,
        check: Check = check_files,
        settle_ms: int = SETTLE_MS,
    ) -> None:
        self._path = Path(path)
        self._load = load
        self._check = check
        self._settle_ms = settle_ms
        self._run(running)
        self._followed = self._running_files
        # Nothing seen yet: the text may have changed since `running` was read.
        self._seen: Seen | None = None
        self._pending: tuple[Seen, int] | None = None

    def poll(self, now_ms: int) -> Unchanged | Changed | Bad:
        """One look. `now_ms` from any clock that only moves forward."""
        seen = self._look()
        if seen == self._seen:
            self._pending = None
            return Unchanged()
        if self._pending is None or self._pending[0] != seen:
            self._pending = (seen, now_ms)
        if now_ms - self._pending[1] < self._settle_ms:
            return Unchanged()
        self._pending = None
        sources = read_sources(self._path)
        if self._look() != seen:
            return Unchanged()  # it moved while being read: judged when it holds still again
        return self._judge(sources, seen)

    def _look(self) -> Seen:
        return config_fingerprint(self._path), fingerprint(self._followed)

    def _judge(self, sources: list[Source], seen: Seen) -> Unchanged | Changed | Bad:
        self._seen = seen
        if digest(sources) == self._digest and self._running_files_seen == self._files_now():
            self._follow(self._running_files)
            return Unchanged()
        config = self._load(sources)
        if isinstance(config, list):
            return Bad(tuple(config))
        # Also of a bad one: the file it lacks may appear later.
        self._follow(frozenset(referenced_files(config)))
        if mistakes := self._check(config):
            return Bad(tuple(mistakes))
        self._run(config)
        return Changed(tuple(sources), config)

    def _run(self, config: Config) -> None:
        self._digest = config.digest
        self._running_files = frozenset(referenced_files(config))
        self._running_files_seen = self._files_now()

    def _files_now(self) -> Fingerprint:
        return fingerprint(self._running_files)

    def _follow(self, files: frozenset[Path]) -> None:
        self._followed = files
        if self._seen is not None:
            self._seen = (self._seen[0], fingerprint(files))


def config_fingerprint(path: Path) -> Fingerprint:
    """Of a configuration file, or of the files that `read_sources` would read in a folder."""
    return tuple(map(_stat, (path, *(config_files(path) if path.is_dir() else ()))))


def fingerprint(paths: Iterable[Path]) -> Fingerprint:
    """Of all files at or below the paths: name, modification and change time, size, inode."""
    return tuple(_stat(file) for path in sorted(paths) for file in (path, *_below(path)))


def _below(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if file.suffix in REGO_SUFFIXES)


def _stat(path: Path) -> tuple[str, int, int, int, int]:
    try:
        found = os.stat(path)
    except OSError:
        return str(path), 0, 0, 0, 0
    if stat.S_ISDIR(found.st_mode):
        # A folder's own times also move for files that are none of ours.
        return str(path), 0, 0, 0, 1
    return str(path), found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino
