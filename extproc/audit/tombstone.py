"""Tombstones: what stands in the place of an entry whose time was up.

    {"event":E,"index":N,"leaf_hash":"<base64>","pruned":true}

Promises: the tree stays what it was, for the leaf's hash stands here; entry E (`audit.prune`) of
the same log accounts for it, by a count and a digest over all that were pruned with it. Whoever
puts a tombstone in the place of an entry himself has no such entry. Pure.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass

from extproc.audit.merkle import leaf_hash

PRUNE, KEY_ROTATE, LOG_BEGIN = "audit.prune", "audit.key.rotate", "audit.log.begin"
OWN_ACTIONS = frozenset((PRUNE, KEY_ROTATE, LOG_BEGIN))
"""Events of the log about itself: verify rests on them, so they are never pruned."""
_LINE = re.compile(
    rb'\{"event":(0|[1-9][0-9]{0,15}),"index":(0|[1-9][0-9]{0,15}),'
    rb'"leaf_hash":"([A-Za-z0-9+/]{43}=)","pruned":true\}'
)
_START = b'{"event":'


@dataclass(frozen=True, slots=True)
class Tombstone:
    """A leaf without its data. `event`: the entry that accounts for it."""

    index: int
    leaf: bytes
    event: int

    def line(self) -> bytes:
        """Its canonical bytes."""
        encoded = base64.b64encode(self.leaf)
        return b'{"event":%d,"index":%d,"leaf_hash":"%b","pruned":true}' % (
            self.event,
            self.index,
            encoded,
        )


def read_tombstone(line: bytes) -> Tombstone | None:
    """The tombstone that a line is, None when it is none or is spelled in another way."""
    if not line.startswith(_START):
        return None
    found = _LINE.fullmatch(line)
    if found is None:
        return None
    stone = Tombstone(int(found[2]), base64.b64decode(found[3]), int(found[1]))
    return stone if stone.line() == line else None


def is_tombstone(line: bytes) -> bool:
    """Whether a line stands for an entry that is gone."""
    return read_tombstone(line) is not None


def leaf_of(line: bytes) -> bytes:
    """A line's leaf hash: its own, or the one that its tombstone keeps."""
    stone = read_tombstone(line)
    return leaf_hash(line) if stone is None else stone.leaf


class PruneDigest:
    """Count and SHA-256 over `index:<leaf hash, hex>` lines, in order: what a prune event says."""

    __slots__ = ("_hash", "count")

    def __init__(self) -> None:
        self.count = 0
        self._hash = hashlib.sha256()

    def add(self, index: int, leaf: bytes) -> None:
        self.count += 1
        self._hash.update(b"%d:%b\n" % (index, leaf.hex().encode()))

    def hex(self) -> str:
        return self._hash.hexdigest()
