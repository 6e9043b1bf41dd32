"""The Merkle tree against the published vectors of Certificate Transparency, and by property."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.audit.merkle import (
    EMPTY_ROOT,
    CompactRange,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    leaves_in,
    node_count,
    node_hash,
    node_position,
    range_root,
    verify_consistency,
    verify_inclusion,
)

LEAVES = [
    bytes.fromhex(text)
    for text in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]  # fmt: skip
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
PROOF_0_8 = [
    "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
    "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
]
CONSISTENCY_6_8 = [
    "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
    "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
]
CONSISTENCY_2_5 = [
    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
    "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
]


class Tree:
    """A tree of stored nodes, as the log keeps them."""

    def __init__(self, leaves: list[bytes]) -> None:
        self.nodes: list[bytes] = []
        self.roots = [EMPTY_ROOT]
        self.range = CompactRange()
        for leaf in leaves:
            self.nodes += self.range.append(leaf_hash(leaf))
            self.roots.append(self.range.root())

    def node(self, level: int, index: int) -> bytes:
        return self.nodes[node_position(level, index)]


def mth(leaves: list[bytes]) -> bytes:
    """MTH as RFC 6962, 2.1 writes it down."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaf_hash(leaves[0])
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return node_hash(mth(leaves[:k]), mth(leaves[k:]))


@pytest.mark.parametrize("size", range(1, 9))
def test_roots_are_the_published_ones(size: int) -> None:
    """P3: RFC 6962 hashing, known answers."""
    assert Tree(LEAVES[:size]).range.root().hex() == ROOTS[size - 1]


def test_proofs_are_the_published_ones() -> None:
    """P3: RFC 6962 audit and consistency proofs, known answers."""
    tree = Tree(LEAVES)
    assert [h.hex() for h in inclusion_proof(tree.node, 0, 8)] == PROOF_0_8
    assert [h.hex() for h in consistency_proof(tree.node, 1, 8)] == PROOF_0_8
    assert [h.hex() for h in consistency_proof(tree.node, 6, 8)] == CONSISTENCY_6_8
    assert [h.hex() for h in consistency_proof(tree.node, 2, 5)] == CONSISTENCY_2_5


@given(st.integers(0, 70), st.integers(0, 70))
def test_any_prefix_has_the_root_of_the_definition(size: int, more: int) -> None:
    """P3: the compact range, the stored nodes and RFC 6962's recursion agree at every size."""
    leaves = [bytes([n]) for n in range(size + more)]
    tree = Tree(leaves)
    assert tree.roots[size] == mth(leaves[:size])
    assert CompactRange.load(tree.node, size).root() == tree.roots[size]
    if size:
        assert range_root(tree.node, 0, size) == tree.roots[size]
    assert len(tree.nodes) == node_count(size + more)


@given(st.data())
def test_proofs_verify_and_nothing_else_does(data: st.DataObject) -> None:
    """P3: a proof holds for its own leaf, index, size and root, and for no other."""
    size = data.draw(st.integers(1, 40))
    index = data.draw(st.integers(0, size - 1))
    tree = Tree([bytes([n]) for n in range(size)])
    leaf, root = tree.node(0, index), tree.roots[size]
    path = inclusion_proof(tree.node, index, size)
    assert verify_inclusion(leaf, index, size, path, root)
    wrong = data.draw(st.integers(-1, size + 1).filter(lambda n: n != index))
    assert not verify_inclusion(leaf, wrong, size, path, root)
    assert not verify_inclusion(leaf_hash(b"other"), index, size, path, root)
    assert not verify_inclusion(leaf, index, size, [*path, root], root)
    assert not verify_inclusion(leaf, index, size, path[:-1], root) or not path


@given(st.data())
def test_a_tree_is_consistent_with_its_own_past_only(data: st.DataObject) -> None:
    """P3: a consistency proof shows append-only, and does not hold for a changed past."""
    size = data.draw(st.integers(1, 40))
    old = data.draw(st.integers(1, size))
    tree = Tree([bytes([n]) for n in range(size)])
    path = consistency_proof(tree.node, old, size)
    assert verify_consistency(old, size, tree.roots[old], tree.roots[size], path)
    other = Tree([b"changed", *(bytes([n]) for n in range(1, size))])
    assert not verify_consistency(old, size, other.roots[old], tree.roots[size], path)
    assert not verify_consistency(old, size, tree.roots[old], other.roots[size], path)
    assert not verify_consistency(0, size, EMPTY_ROOT, tree.roots[size], path)


@given(st.integers(0, 3000))
def test_stored_nodes_tell_how_many_leaves_are_complete(nodes: int) -> None:
    """P3: a torn hashes file is cut back to whole leaves."""
    size = leaves_in(nodes)
    assert node_count(size) <= nodes < node_count(size + 1)
