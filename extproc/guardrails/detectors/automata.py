"""hyperscan databases: compiled once on a machine, then taken from where they are kept.

Promises: a kept database is one of the very same expressions, flags and hyperscan version, and is
compiled anew where it cannot be read; what it finds is the same either way. Compiling all built-in
detectors takes some ten seconds of CPU, reading them back some ten milliseconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import version
from typing import Any, Protocol

import hyperscan


class Keeper(Protocol):
    """Keeps serialized databases by their name; losing one costs time only. Never raises."""

    def get(self, name: str) -> bytes | None: ...

    def put(self, name: str, data: bytes) -> None: ...


_VERSION = version("hyperscan")
_keepers: list[Keeper] = []


def keep_in(keeper: Keeper | None) -> None:
    """From now on databases are kept there; None: they are compiled each time."""
    _keepers[:] = [] if keeper is None else [keeper]


def compiled(
    expressions: Sequence[bytes],
    flags: Sequence[int] | None = None,
    ext: Sequence[Any] | None = None,
    ids: Sequence[int] | None = None,
) -> hyperscan.Database:
    """A block-mode database; expression n reports id n, unless `ids` says another.

    Raises hyperscan.HyperscanError.
    """
    asked = _Asked(tuple(expressions), _tuple(flags), _tuple(ext), _tuple(ids))
    name = sha256(repr((_VERSION, asked)).encode()).hexdigest()
    kept = _keepers[0].get(name) if _keepers else None
    database = None if kept is None else _read(kept)
    if database is None:
        database = _compile(asked)
        if _keepers:
            _keepers[0].put(name, hyperscan.dumpb(database))
    return database


@dataclass(frozen=True, slots=True)
class _Asked:
    """All that a database depends on but hyperscan itself."""

    expressions: tuple[bytes, ...]
    flags: tuple[int, ...] | None
    ext: tuple[Any, ...] | None
    ids: tuple[int, ...] | None


def _tuple(values: Sequence[Any] | None) -> tuple[Any, ...] | None:
    return None if values is None else tuple(values)


def _read(kept: bytes) -> hyperscan.Database | None:
    """hyperscan itself checks its version, the processor's features and a checksum."""
    try:
        database = hyperscan.loadb(kept, hyperscan.HS_MODE_BLOCK)
        database.scratch = hyperscan.Scratch(database)
    except hyperscan.HyperscanError:
        return None
    return database


def _compile(asked: _Asked) -> hyperscan.Database:
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    size = len(asked.expressions)
    database.compile(
        expressions=list(asked.expressions),
        ids=list(range(size) if asked.ids is None else asked.ids),
        elements=size,
        flags=list(asked.flags or [0] * size),
        ext=None if asked.ext is None else list(asked.ext),
    )
    return database
