"""What an expression costs on the text that is worst for it, before any text is read.

Promises: `crossings` bounds how many pairs of a beginning and an end of matches there can be for
each character of a text; the work is their number. CROSSINGS_MAX keeps a pattern on its worst text
within about three times what the cheapest one (`\\d{1,9}` in nothing but digits) costs. A repeat
whose end is told by the next character makes no pairs.
"""

from __future__ import annotations

from collections.abc import Sequence

from extproc.guardrails.detectors.regex_alphabet import Alphabet
from extproc.guardrails.detectors.regex_automata import first, on_ascii_words
from extproc.guardrails.detectors.regex_tree import (
    Alt,
    Branch,
    Chars,
    Edge,
    Look,
    Node,
    Repeat,
    Seq,
    nodes,
    width,
)

CROSSINGS_MAX = 24

_EDGE_MAX = 16
_Codes = frozenset[int]


def crossings(branch: Branch, alphabet: Alphabet) -> float:
    """Pairs of a beginning and an end for each character, at most."""
    spread = _spread(branch, alphabet)
    head, _ = _fixed(branch.core, alphabet, last=False)
    tail, _ = _fixed(branch.core, alphabet, last=True)
    begins, ends = _distance(head), max(_distance(tail), _run_distance(branch, alphabet))
    if most := _starts_of_one(branch, alphabet):
        return min(spread, most) / ends
    if head and tail and not _overlap(head, tail[::-1]):
        return spread / (begins + ends) ** 2
    return spread / (max(begins, _kept_apart(branch, alphabet)) * ends)


def _starts_of_one(branch: Branch, alphabet: Alphabet) -> int:
    """How many beginnings share the one character that every match has once, as the `@` of an
    address behind its local part; 0 where there is none.
    """
    items = branch.core.items
    if len(items) < 2 or not isinstance(items[0], Repeat) or not isinstance(items[1], Chars):
        return 0
    if not _is_told(items[0], items[1:], branch, alphabet):
        return 0
    one = set(alphabet.members(items[1]))
    rest = (node for item in items[2:] for node in nodes(item) if isinstance(node, Chars))
    return items[0].most if all(one.isdisjoint(alphabet.members(r)) for r in rest) else 0


def _run_distance(branch: Branch, alphabet: Alphabet) -> int:
    """The least distance of two ends where whole runs end matches, as the letters behind the last
    dot of an address."""
    match branch.core.items[-2:]:
        case (Chars() as lead, Repeat(Chars() as run, least) as last):
            apart = set(alphabet.members(lead)).isdisjoint(alphabet.members(run))
            return least + 1 if apart and _is_told(last, (), branch, alphabet) else 1
        case _:
            return 1


def _spread(branch: Branch, alphabet: Alphabet) -> int:
    """How many ends one beginning can have beside its first."""
    items = branch.core.items
    total = 0
    for index, item in enumerate(items):
        least, most = width(item)
        if most > least and not _is_told(item, items[index + 1 :], branch, alphabet):
            total += most - least
    return total


def _is_told(item: Node, rest: Sequence[Node], branch: Branch, alphabet: Alphabet) -> bool:
    """Whether a repeat of a class ends in one place only, by what follows it."""
    if not isinstance(item, Repeat) or not isinstance(item.item, Chars):
        return False
    if not rest:  # of a last repeat only the longest run is asked for
        return not branch.after or on_ascii_words(branch, alphabet, last=True)
    chars, empty = first(Seq(tuple(rest)), last=False)
    own = set(alphabet.members(item.item))
    return not empty and all(own.isdisjoint(alphabet.members(one)) for one in chars)


def _kept_apart(branch: Branch, alphabet: Alphabet) -> int:
    """2 where no match can begin right behind where another one does."""
    begins = {c for one in first(branch.core, last=False)[0] for c in alphabet.members(one)}
    for check in branch.before:
        match check:
            case Edge(inside=False) if begins <= alphabet.word:
                return 2
            case Look(chars) if begins.isdisjoint(alphabet.members(chars)):
                return 2
    return 1


def _fixed(node: Node, alphabet: Alphabet, last: bool) -> tuple[list[_Codes], bool]:
    """What stands at a node's begin (with `last`, from its end on), and whether that is all."""
    match node:
        case Chars():
            return [frozenset(alphabet.members(node))], True
        case Seq(items):
            found: list[_Codes] = []
            for item in reversed(items) if last else items:
                more, whole = _fixed(item, alphabet, last)
                found += more
                if not whole or len(found) > _EDGE_MAX:
                    return found, False
            return found, True
        case Alt(items):
            parts = [_fixed(item, alphabet, last) for item in items]
            sizes = {len(chars) for chars, _ in parts}
            union = [frozenset[int]().union(*some) for some in zip(*(p for p, _ in parts))]  # noqa: B905
            return union, len(sizes) == 1 and all(whole for _, whole in parts)
        case Repeat(item, least, most) if least:
            chars, whole = _fixed(item, alphabet, last)
            return (chars * least if whole else chars), whole and least == most
        case Edge():
            return [], True
        case _:
            return [], False


def _distance(chars: Sequence[_Codes]) -> int:
    """The least distance of two places in a text where these characters stand."""
    for shift in range(1, len(chars)):
        if all(map(_meet, chars[shift:], chars)):
            return shift
    return max(1, len(chars))


def _overlap(left: Sequence[_Codes], right: Sequence[_Codes]) -> bool:
    """Whether a text can have both so that they share a character."""
    return any(
        all(map(_meet, left[max(0, shift) :], right[max(0, -shift) :]))
        for shift in range(1 - len(right), len(left))
    )


def _meet(left: _Codes, right: _Codes) -> bool:
    return not left.isdisjoint(right)
