"""One proof for many entries."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from extproc.audit.merkle import CompactRange, leaf_hash, node_position
from extproc.audit.questions.multiproof import multiproof
from extproc.audit.questions.standalone_verify import Bad, tree


def grown(size: int) -> tuple[list[bytes], list[bytes], bytes]:
    """Leaf hashes, stored nodes and root of a tree."""
    leaves = [leaf_hash(b"%d" % n) for n in range(size)]
    growing, nodes = CompactRange(), list[bytes]()
    for leaf in leaves:
        nodes += growing.append(leaf)
    return leaves, nodes, growing.root()


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_selection_gives_the_root_and_no_other_does(data: st.DataObject) -> None:
    """P3: records and hashes give the signed root; one record more, less or other does not."""
    size = data.draw(st.integers(1, 70))
    chosen = sorted(data.draw(st.sets(st.integers(0, size - 1), min_size=1)))
    leaves, nodes, root = grown(size)
    proof = list(multiproof(lambda level, n: nodes[node_position(level, n)], chosen, size))
    given_leaves = {n: leaves[n] for n in chosen}
    assert tree(given_leaves, iter(proof), size) == root
    wrong = data.draw(st.sampled_from(chosen))
    assert _root({**given_leaves, wrong: leaf_hash(b"other")}, proof, size) != root
    less = {n: leaf for n, leaf in given_leaves.items() if n != wrong}
    assert _root(less, proof, size) != root
    if proof:
        assert _root(given_leaves, [b"\0" * 32, *proof[1:]], size) != root
        assert _root(given_leaves, proof[1:], size) != root
    assert _root(given_leaves, [*proof, b"\0" * 32], size) != root


def test_neighbours_share_their_hashes() -> None:
    """Audit: a thousand neighbours need a few dozen hashes, not twenty each."""
    leaves, nodes, root = grown(5_000)
    chosen = list(range(1_234, 2_234))
    proof = list(multiproof(lambda level, n: nodes[node_position(level, n)], chosen, 5_000))
    assert len(proof) < 26
    assert tree({n: leaves[n] for n in chosen}, iter(proof), 5_000) == root


def _root(leaves: dict[int, bytes], proof: list[bytes], size: int) -> bytes | None:
    try:
        return tree(leaves, iter(proof), size)
    except Bad:
        return None
