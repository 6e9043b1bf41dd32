"""One proof for many entries: the hashes of every part of the tree that holds none of them.

The tree of RFC 6962 is walked from its root; a part without any of the entries is one hash, a part
with some is walked on, an entry itself is hashed by whoever checks. So n neighbouring entries need
about 2 log2(size) hashes together, not n log2(size). `standalone_verify.py` walks the same way.
Pure.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence

from extproc.audit.merkle import Node, range_root


def multiproof(node: Node, indexes: Sequence[int], size: int) -> Iterator[bytes]:
    """Hashes from left to right. `indexes`: ascending, each below `size`; raises ValueError."""
    if not indexes or indexes[0] < 0 or indexes[-1] >= size:
        raise ValueError("no entries, or entries beyond the tree")
    yield from _walk(node, indexes, 0, size)


def _walk(node: Node, indexes: Sequence[int], start: int, end: int) -> Iterator[bytes]:
    first = bisect_left(indexes, start)
    if first == len(indexes) or indexes[first] >= end:
        yield range_root(node, start, end)
    elif bisect_left(indexes, end) - first < end - start:  # else every leaf is an entry
        middle = start + (1 << ((end - start - 1).bit_length() - 1))
        yield from _walk(node, indexes, start, middle)
        yield from _walk(node, indexes, middle, end)
