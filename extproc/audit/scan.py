"""One pass over a log's entries: hashing them again, beside the hashes that are stored.

Promises: trusts nothing but the bytes of the entries; a stored hash is only ever compared. Every
entry must be readable, say its own index, and be its decision's only one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Literal

import orjson

from extproc.audit.log import ENTRIES, HASHES
from extproc.audit.merkle import HASH_BYTES, CompactRange, leaf_hash

Kind = Literal[
    "entry_altered", "entry_unreadable", "index_wrong", "duplicate_decision", "hash_altered",
    "truncated", "checkpoint_invalid", "checkpoint_order", "checkpoint_missing",
    "checkpoint_mismatch", "fork",
]  # fmt: skip
_FAULTS_MAX = 20


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong. `index`: the entry it is about, None when it is about no entry."""

    kind: Kind
    index: int | None
    text: str


class Scan:
    """`sizes`: where to remember the root on the way, in `roots`. Faults are capped."""

    def __init__(self, sizes: set[int]) -> None:
        self.tree = CompactRange()
        self.roots = {0: self.tree.root()} if 0 in sizes else {}
        self.faults: list[Fault] = []
        self._sizes = sizes
        self._seen: dict[str, int] = {}
        self._hash_fault = False

    @property
    def size(self) -> int:
        return self.tree.size

    def run(self, folder: Path, stored: int) -> None:
        with _open(folder / ENTRIES) as entries, _open(folder / HASHES) as hashes:
            for index, line in enumerate(_lines(entries)):
                self._read(index, line)
                nodes = self.tree.append(leaf_hash(line))
                if index < stored:
                    self._compare(index, nodes, hashes.read(HASH_BYTES * len(nodes)))
                if self.size in self._sizes:
                    self.roots[self.size] = self.tree.root()

    def _read(self, index: int, line: bytes) -> None:
        """The entry's own statements: readable, in its place, its decision's only one."""
        try:
            entry = orjson.loads(line)
            here, decision_id = entry["index"], str(entry["decision_id"])
        except (ValueError, KeyError, TypeError):
            self._fault("entry_unreadable", index, f"entry {index} is not an audit entry")
            return
        if type(here) is not int or here != index:
            self._fault("index_wrong", index, f"entry {index} says that it is entry {here}")
        first = self._seen.setdefault(decision_id, index)
        if first != index:
            text = f"entry {index} repeats the decision of entry {first}"
            self._fault("duplicate_decision", index, text)

    def _compare(self, index: int, nodes: list[bytes], stored: bytes) -> None:
        """Name the first node that differs: a leaf is exact, a parent names where it begins."""
        if self._hash_fault or stored == b"".join(nodes):
            return
        self._hash_fault = True
        level = next(
            i for i, n in enumerate(nodes) if stored[i * HASH_BYTES : (i + 1) * HASH_BYTES] != n
        )
        start = (index >> level) << level
        text = f"entry {index} is not the one that was hashed"
        if level:
            text = f"the hash over entries {start} to {index} is not the stored one"
        self._fault("entry_altered", start, text)

    def _fault(self, kind: Kind, index: int, text: str) -> None:
        if len(self.faults) < _FAULTS_MAX:
            self.faults.append(Fault(kind, index, text))


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """Finished lines; an unfinished last one was never part of the log."""
    for line in file:
        if line.endswith(b"\n"):
            yield line[:-1]


def _open(path: Path) -> BinaryIO:
    return path.open("rb") if path.exists() else BytesIO()
