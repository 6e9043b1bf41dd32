"""Expressions as trees: what they are made of, how long and how large they are.

A text is seen as symbols: a character, or one of the three classes of characters outside ASCII
that no expression names (OTHER_WORD, OTHER_SPACE, OTHER).
"""

from __future__ import annotations

import string
from collections.abc import Iterator
from dataclasses import dataclass

OTHER_WORD, OTHER_SPACE, OTHER = "word", "space", "other"
OTHERS = frozenset((OTHER_WORD, OTHER_SPACE, OTHER))
WORD = frozenset((*string.ascii_letters, *string.digits, "_", OTHER_WORD))


class PatternMistake(ValueError):
    """What is wrong with an expression, in words for its author; never quotes a text."""


@dataclass(frozen=True, slots=True)
class Chars:
    """One symbol out of `some`, or with `but` one that is not in it."""

    some: frozenset[str]
    but: bool = False

    def has(self, symbol: str) -> bool:
        """Whether the symbol is in; a named character outside ASCII is of its class as well."""
        found = symbol in self.some or (symbol > "\x7f" and other_class(symbol) in self.some)
        return found != self.but


@dataclass(frozen=True, slots=True)
class Edge:
    """`\\b`, or with `inside` `\\B`."""

    inside: bool = False


@dataclass(frozen=True, slots=True)
class Look:
    """One character before or after that must be (or with `chars.but` must not be) there.

    The edge of a text satisfies it only when it is negated.
    """

    chars: Chars
    behind: bool


@dataclass(frozen=True, slots=True)
class Seq:
    items: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True)
class Alt:
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    item: Node
    least: int
    most: int


Node = Chars | Edge | Look | Seq | Alt | Repeat
Check = Edge | Look


@dataclass(frozen=True, slots=True)
class Branch:
    """One way to match: `core`, where the checks around it hold."""

    core: Seq
    before: tuple[Check, ...]
    after: tuple[Check, ...]


def other_class(char: str) -> str:
    """Which of the three classes a character outside ASCII is of."""
    if char in OTHERS:
        return char
    if char.isalnum():
        return OTHER_WORD
    return OTHER_SPACE if char.isspace() else OTHER


def width(node: Node) -> tuple[int, int]:
    """The least and the most characters a node can match."""
    match node:
        case Chars():
            return 1, 1
        case Seq(items):
            widths = [width(item) for item in items]
            return sum(w[0] for w in widths), sum(w[1] for w in widths)
        case Alt(items):
            widths = [width(item) for item in items]
            return min(w[0] for w in widths), max(w[1] for w in widths)
        case Repeat(item, least, most):
            one = width(item)
            return one[0] * least, one[1] * most
        case _:
            return 0, 0


def size(node: Node) -> int:
    """Positions of the automaton, about."""
    match node:
        case Seq(items) | Alt(items):
            return sum(map(size, items))
        case Repeat(item, _, most):
            return size(item) * most
        case _:
            return 1


def nodes(node: Node) -> Iterator[Node]:
    """The node and everything in it."""
    yield node
    match node:
        case Seq(items) | Alt(items):
            for item in items:
                yield from nodes(item)
        case Repeat(item):
            yield from nodes(item)
