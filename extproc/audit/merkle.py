"""The Merkle tree of RFC 6962 / RFC 9162, section 2.1: hashing, growing, proving, verifying.

Pure. A tree's complete subtrees are stored in post-order: each leaf is followed by the parents it
completes. Such a list only ever grows at its end, a tree of n leaves takes 2n - popcount(n) nodes,
and every root and proof needs O(log n) of them, whatever the size of the log.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()

Node = Callable[[int, int], bytes]
"""`node(level, index)`: hash of the complete subtree over leaves [index << level, +1 << level)."""


def leaf_hash(data: bytes) -> bytes:
    """SHA-256(0x00 || data): leaves and nodes cannot be mistaken for each other."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 || left || right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def node_count(size: int) -> int:
    """Nodes that a tree of `size` leaves stores."""
    return 2 * size - size.bit_count()


def node_position(level: int, index: int) -> int:
    """Where `node(level, index)` stands in the post-order list."""
    return node_count(((index + 1) << level) - 1) + level


def leaves_in(nodes: int) -> int:
    """The largest tree that `nodes` stored nodes hold completely."""
    size = nodes // 2
    while node_count(size + 1) <= nodes:
        size += 1
    return size


class CompactRange:
    """The right edge of a growing tree: one hash per set bit of `size`, largest subtree first."""

    __slots__ = ("edge", "size")

    def __init__(self, size: int = 0, edge: Sequence[bytes] = ()) -> None:
        self.size = size
        self.edge = list(edge)

    @classmethod
    def load(cls, node: Node, size: int) -> CompactRange:
        """The range of the first `size` leaves of a stored tree."""
        levels = [level for level in range(size.bit_length() - 1, -1, -1) if size >> level & 1]
        return cls(size, [node(level, (size >> level) - 1) for level in levels])

    def append(self, leaf: bytes) -> list[bytes]:
        """Add one leaf hash; returns the nodes to store: it, then the parents it completes."""
        made = [leaf]
        size = self.size
        while size & 1:
            made.append(node_hash(self.edge.pop(), made[-1]))
            size >>= 1
        self.edge.append(made[-1])
        self.size += 1
        return made

    def root(self) -> bytes:
        """The tree head: MTH of RFC 6962."""
        if not self.edge:
            return EMPTY_ROOT
        head = self.edge[-1]
        for left in reversed(self.edge[:-1]):
            head = node_hash(left, head)
        return head


def range_root(node: Node, start: int, end: int) -> bytes:
    """MTH(D[start:end]) where start..end is a subtree of the RFC's recursion."""
    width = end - start
    if width & (width - 1) == 0:
        level = width.bit_length() - 1
        return node(level, start >> level)
    middle = start + _split(width)
    return node_hash(range_root(node, start, middle), range_root(node, middle, end))


def inclusion_proof(node: Node, index: int, size: int) -> list[bytes]:
    """PATH(index, D[size]) of RFC 9162, 2.1.3.1: siblings from the leaf upwards."""
    if not 0 <= index < size:
        raise ValueError(f"no leaf {index} in a tree of {size}")
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(range_root(node, middle, end))
            end = middle
        else:
            path.append(range_root(node, start, middle))
            start = middle
    return path[::-1]


def consistency_proof(node: Node, old: int, size: int) -> list[bytes]:
    """PROOF(old, D[size]) of RFC 9162, 2.1.4.1; empty when `old` equals `size`."""
    if not 0 < old <= size:
        raise ValueError(f"no tree of {old} within a tree of {size}")
    path: list[bytes] = []
    start, end, whole = 0, size, True
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            path.append(range_root(node, middle, end))
            end = middle
        else:
            path.append(range_root(node, start, middle))
            start, whole = middle, False
    if not whole:
        path.append(range_root(node, start, end))
    return path[::-1]


def verify_inclusion(
    leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes
) -> bool:
    """RFC 9162, 2.1.3.2: whether `leaf` is leaf `index` of the tree of `size` under `root`."""
    if not 0 <= index < size:
        return False
    place, last, head = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return False
        if place & 1 or place == last:
            head = node_hash(sibling, head)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            head = node_hash(head, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and head == root


def verify_consistency(
    old: int, size: int, old_root: bytes, root: bytes, path: Sequence[bytes]
) -> bool:
    """RFC 9162, 2.1.4.2: whether the tree of `size` leaves extends the tree of `old` leaves."""
    if not 0 < old <= size:
        return False
    if old == size:
        return not path and old_root == root
    proof = [old_root, *path] if old & (old - 1) == 0 else list(path)
    if not proof:
        return False
    place, last = old - 1, size - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    before = after = proof[0]
    for sibling in proof[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            before, after = node_hash(sibling, before), node_hash(sibling, after)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            after = node_hash(after, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and before == old_root and after == root


def _split(width: int) -> int:
    """The largest power of two smaller than `width` (RFC 6962's k)."""
    return 1 << ((width - 1).bit_length() - 1)
