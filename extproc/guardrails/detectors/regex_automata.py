"""Trees of expressions into hyperscan's syntax, forwards, backwards and by their beginnings."""

from __future__ import annotations

from extproc.guardrails.detectors.regex_alphabet import Alphabet
from extproc.guardrails.detectors.regex_tree import (
    Alt,
    Branch,
    Chars,
    Edge,
    Node,
    PatternMistake,
    Repeat,
    Seq,
    nodes,
    width,
)

_CHAINED_MAX = 12
"""Longer sequences are halved, so that long literals do not nest deep."""
_ANY = b"[\\x00-\\xff]"


def bracket(codes: list[int]) -> bytes:
    """A bracket expression, short, for hyperscan reads at most 16,000 characters of pattern."""
    parts: list[bytes] = []
    first = last = codes[0]
    for code in (*codes[1:], 999):
        if code == last + 1:
            last = code
            continue
        parts += (
            _byte(first),
            b"-" if last > first + 1 else b"",
            _byte(last)[: 9 * (last > first)],
        )
        first = last = code
    return _byte(codes[0]) if len(codes) == 1 else b"[" + b"".join(parts) + b"]"


def _byte(code: int) -> bytes:
    char = bytes((code,))
    return char if char.isalnum() else b"\\x%02x" % code


def write(node: Node, alphabet: Alphabet, backwards: bool) -> bytes:
    match node:
        case Chars():
            codes = alphabet.members(node)
            if not codes:
                raise PatternMistake("has a class that no character is in")
            return bracket(codes)
        case Edge(inside):
            return b"\\B" if inside else b"\\b"
        case Seq(items):
            order = reversed(items) if backwards else items
            return b"".join(write(item, alphabet, backwards) for item in order)
        case Alt(items):
            return b"(?:" + b"|".join(write(i, alphabet, backwards) for i in items) + b")"
        case Repeat(item, least, most):
            return b"(?:%s){%d,%d}" % (write(item, alphabet, backwards), least, most)
        case _:
            raise AssertionError("look-around is no part of a core")


def beginnings(node: Node, whole: bool) -> Node:
    """Everything after which at least one more character is wanted, or with `whole` the matches
    themselves as well. May be nothing at all.
    """
    match node:
        case Seq(items) if 1 < len(items) <= _CHAINED_MAX:
            return Alt((beginnings(items[0], False),
                        Seq((items[0], beginnings(Seq(items[1:]), whole)))))  # fmt: skip
        case Seq(items) if len(items) > 1:
            half = len(items) // 2
            left, right = Seq(items[:half]), Seq(items[half:])
            return Alt((beginnings(left, False), Seq((left, beginnings(right, whole)))))
        case Seq(items) if items:
            return beginnings(items[0], whole)
        case Alt(items):
            return Alt(tuple(beginnings(item, whole) for item in items))
        case Repeat(item, _, most) if most > 1:
            return Seq((Repeat(item, 0, most - 1), beginnings(item, whole)))
        case Repeat(item):
            return beginnings(item, whole)
        case Chars() if whole:
            return Repeat(node, 0, 1)
        case _:
            return Seq()


def _without_edges(node: Node) -> Node:
    match node:
        case Edge():
            return Seq()
        case Seq(items):
            return Seq(tuple(map(_without_edges, items)))
        case Alt(items):
            return Alt(tuple(map(_without_edges, items)))
        case Repeat(item, least, most):
            return Repeat(_without_edges(item), least, most)
        case _:
            return node


def first(node: Node, last: bool) -> tuple[list[Chars], bool]:
    """What a node can begin with (with `last`: end with), and whether it can be empty."""
    match node:
        case Chars():
            return [node], False
        case Seq(items):
            found: list[Chars] = []
            for item in reversed(items) if last else items:
                chars, empty = first(item, last)
                found += chars
                if not empty:
                    return found, False
            return found, True
        case Alt(items):
            parts = [first(item, last) for item in items]
            return [c for chars, _ in parts for c in chars], any(empty for _, empty in parts)
        case Repeat(item, least):
            chars, empty = first(item, last)
            return chars, empty or least == 0
        case _:
            return [], True


def on_ascii_words(branch: Branch, alphabet: Alphabet, last: bool) -> bool:
    """Whether hyperscan's `\\b`, which knows ASCII only, may filter for ours at this end."""
    checks = branch.after if last else branch.before
    if Edge() not in checks:
        return False
    codes = {c for chars in first(branch.core, last)[0] for c in alphabet.members(chars)}
    return all(code < 128 and code in alphabet.word for code in codes)


def anywhere(branch: Branch, alphabet: Alphabet) -> bytes:
    """Matches wherever the branch does; may match where its checks do not hold."""
    before, after = _filters(branch, alphabet)
    return before + write(branch.core, alphabet, backwards=False) + after


def backwards(branch: Branch, alphabet: Alphabet) -> bytes:
    before, after = _filters(branch, alphabet)
    return after + write(branch.core, alphabet, backwards=True) + before


def ends(branch: Branch, alphabet: Alphabet) -> list[tuple[bytes, int]]:
    """From one character before a match on: expressions, and how far each reads behind its end.

    Where the last item repeats one class only its longest runs are reported: `\\d{1,900}` would
    otherwise call back for each of 900 ends.
    """
    after = _filters(branch, alphabet)[1]
    items = branch.core.items
    last = items[-1]
    if branch.after or not isinstance(last, Repeat) or not isinstance(last.item, Chars):
        return [(b"^" + _ANY + write(branch.core, alphabet, backwards=False) + after, 0)]
    front = b"^" + _ANY + write(Seq(items[:-1]), alphabet, backwards=False)
    codes = alphabet.members(last.item)
    same, other = bracket(codes), bracket(sorted(set(range(256)) - set(codes)))
    longest = (front + same + b"{%d}" % last.most, 0)
    if last.least == last.most:
        return [longest]
    return [longest, (front + same + b"{%d,%d}" % (last.least, last.most - 1) + other, 1)]


def opening(branch: Branch, alphabet: Alphabet) -> bytes:
    """Backwards from the end: a beginning, or the whole where its right side is not yet known.

    Edges inside are taken to hold, for what stands behind them may be still to come.
    """
    core = branch.core
    waits = bool(branch.after) or any(isinstance(node, Edge) for node in nodes(core))
    if width(core)[1] == 1 and not waits:
        return b"^\\x00"  # one character is there or is not; no text holds a NUL that is read
    written = write(beginnings(_without_edges(core), waits), alphabet, backwards=True)
    return b"^(?:" + written + b")" + _filters(branch, alphabet)[0]


def _filters(branch: Branch, alphabet: Alphabet) -> tuple[bytes, bytes]:
    """`\\b` on either side where hyperscan's, which knows ASCII only, may filter for ours."""
    before, after = (on_ascii_words(branch, alphabet, last) for last in (False, True))
    return b"\\b" * before, b"\\b" * after
