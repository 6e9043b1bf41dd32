"""The regular expressions that guardrails run: what may be written, read into a tree.

Promises: every expression that is read has a longest match, so that a stream knows how long to
wait for it (P5), and runs on an automaton, in time linear in the text.
Refuses, with what to write instead: repeats without an upper bound, lazy repeats, anchors of a
text's begin or end (texts arrive in pieces), back-references, look-around other than one character
at the edges, and what could match nothing.
"""

from __future__ import annotations

import string
from collections.abc import Iterable

from extproc.guardrails.detectors.regex_tree import (
    OTHER_SPACE,
    OTHERS,
    WORD,
    Alt,
    Branch,
    Chars,
    Edge,
    Look,
    Node,
    PatternMistake,
    Repeat,
    Seq,
    nodes,
    size,
    width,
)

WIDTH_MAX = 1000
"""The longest match an expression may have, in characters."""
SIZE_MAX = 8000
"""Characters of an expression once its repeats are written out."""

_ASCII = frozenset(map(chr, range(1, 128)))
_SPACE = frozenset((*" \t\n\r\f\v", OTHER_SPACE))
_DIGIT = frozenset(string.digits)
_CLASSES = {"w": WORD, "s": _SPACE, "d": _DIGIT}
_CONTROLS = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v"}
_RANGE_MAX = 64


def parse(pattern: str, ignore_case: bool = False) -> tuple[Branch, ...]:
    """Read an expression into its top-level alternatives. Raises PatternMistake."""
    if pattern.startswith("(?i)"):
        pattern, ignore_case = pattern[4:], True
    reader = _Reader(pattern, ignore_case)
    tree = reader.alternatives()
    if not reader.done:
        raise PatternMistake("has a ')' without its '('; write '\\)' for the character")
    branches = tuple(_branch(item) for item in (tree.items if isinstance(tree, Alt) else (tree,)))
    for branch in branches:
        _check(branch)
    return branches


def _branch(node: Node) -> Branch:
    items = list(node.items) if isinstance(node, Seq) else [node]
    before, after = [], []
    while items and _stands_before(items[0]):
        before.append(items.pop(0))
    while items and _stands_after(items[-1]):
        after.append(items.pop())
    return Branch(Seq(tuple(items)), tuple(before), tuple(after))  # type: ignore[arg-type]


def _stands_before(node: Node) -> bool:
    return isinstance(node, Edge) or (isinstance(node, Look) and node.behind)


def _stands_after(node: Node) -> bool:
    return isinstance(node, Edge) or (isinstance(node, Look) and not node.behind)


def _check(branch: Branch) -> None:
    if any(isinstance(node, Look) for node in nodes(branch.core)):
        raise PatternMistake("may look around only at its very begin, (?<!...), or end, (?!...)")
    if Edge() in nodes(branch.core) and _names_letters_outside_ascii(branch.core):
        raise PatternMistake(
            "has a '\\b' inside beside letters outside ASCII; put it at its begin or end"
        )
    least, most = width(branch.core)
    if least == 0:
        raise PatternMistake("can match nothing; make one part of it mandatory")
    if most > WIDTH_MAX:
        raise PatternMistake(f"can match {most} characters (at most {WIDTH_MAX}); bound it tighter")
    if size(branch.core) > SIZE_MAX:
        raise PatternMistake("is too large once its repeats are written out; bound it tighter")


def _names_letters_outside_ascii(node: Node) -> bool:
    """Inside an expression hyperscan judges `\\b`, and it knows ASCII only."""
    return any(
        char > "\x7f" and char.isalnum()
        for one in nodes(node)
        if isinstance(one, Chars)
        for char in one.some - OTHERS
    )


class _Reader:
    """Recursive descent over one expression."""

    def __init__(self, text: str, ignore_case: bool) -> None:
        self._text = text
        self._at = 0
        self._depth = 0
        self._ignore_case = ignore_case

    @property
    def done(self) -> bool:
        return self._at == len(self._text)

    def alternatives(self) -> Node:
        found = [self._sequence()]
        while self._take("|"):
            found.append(self._sequence())
        return found[0] if len(found) == 1 else Alt(tuple(found))

    def _sequence(self) -> Node:
        items: list[Node] = []
        while not self.done and self._text[self._at] not in "|)":
            items.append(self._repeated(self._atom()))
        return items[0] if len(items) == 1 else Seq(tuple(items))

    def _take(self, token: str) -> bool:
        found = self._text.startswith(token, self._at)
        if found:
            self._at += len(token)
        return found

    def _next(self) -> str:
        if self.done:
            raise PatternMistake("ends too early")
        self._at += 1
        return self._text[self._at - 1]

    # --- repeats -------------------------------------------------------------------------

    def _repeated(self, item: Node) -> Node:
        bounds = self._bounds()
        if bounds is None:
            return item
        if isinstance(item, Edge | Look):
            raise PatternMistake("repeats a place instead of a character")
        if self._text[self._at : self._at + 1] == "?":
            raise PatternMistake(
                "has a lazy repeat; matches are the longest there are, so exclude the end instead:"
                ' \'"[^"]{0,200}"\' for \'".{0,200}?"\''
            )
        if self._text[self._at : self._at + 1] in ("+", "*", "{"):
            raise PatternMistake("has a repeat of a repeat; put the first one into (?:...)")
        return Repeat(item, *bounds)

    def _bounds(self) -> tuple[int, int] | None:
        for sign, least in (("*", 0), ("+", 1)):
            if self._take(sign):
                raise PatternMistake(
                    f"has '{sign}', which has no longest match; write an upper bound:"
                    f" '{{{least},200}}' for '{sign}'"
                )
        if self._take("?"):
            return 0, 1
        close = self._text.find("}", self._at)
        inside = self._text[self._at + 1 : close]
        if self.done or self._text[self._at] != "{" or close < 0 or not _is_bounds(inside):
            return None
        self._at = close + 1
        least_text, comma, most_text = inside.partition(",")
        if comma and not most_text:
            raise PatternMistake(f"has '{{{inside}}}', which has no upper bound")
        least = int(least_text)
        most = int(most_text) if comma else least
        if not least <= most or not 1 <= most <= WIDTH_MAX:
            raise PatternMistake(f"has the bounds '{{{inside}}}'; they go from 0 to {WIDTH_MAX}")
        return least, most

    # --- atoms ---------------------------------------------------------------------------

    def _atom(self) -> Node:
        char = self._next()
        match char:
            case "(":
                return self._group()
            case "[":
                return self._class()
            case ".":
                return Chars(frozenset("\n"), but=True)
            case "\\":
                return self._escape()
            case "^" | "$":
                raise PatternMistake(
                    f"has '{char}'; texts arrive in pieces, so write '\\n' or '\\b' for an edge"
                )
            case "*" | "+" | "?":
                raise PatternMistake(f"has a '{char}' with nothing before it")
            case _:
                return self._literal(char)

    def _literal(self, char: str) -> Chars:
        return Chars(frozenset(_cases(char) if self._ignore_case else char))

    def _escape(self) -> Node:
        char = self._next()
        if char in "bB":
            return Edge(char == "B")
        if char in "AzZG":
            raise PatternMistake(f"has '\\{char}'; texts arrive in pieces and have no such edge")
        if char.isdigit() or char == "k":
            raise PatternMistake("has a back-reference, which no automaton can run")
        if char.lower() in _CLASSES:
            return Chars(_CLASSES[char.lower()], but=char.isupper())
        return self._literal(self._character(char))

    def _character(self, char: str) -> str:
        """The character of an escape that stands for one."""
        if char in _CONTROLS:
            return _CONTROLS[char]
        if char in "xu":
            digits = self._text[self._at : self._at + (2 if char == "x" else 4)]
            self._at += len(digits)
            if len(digits) != (2 if char == "x" else 4) or not _is_hex(digits):
                raise PatternMistake("has a broken '\\xHH' or '\\uHHHH'")
            return chr(int(digits, 16))
        if char.isalnum():
            raise PatternMistake(f"has an unknown escape '\\{char}'")
        return char

    def _group(self) -> Node:
        self._depth += 1
        if self._depth > 30:
            raise PatternMistake("nests more than 30 groups")
        look = self._look() if self._take("?") else None
        inner = self.alternatives()
        if not self._take(")"):
            raise PatternMistake("has a '(' without its ')'")
        self._depth -= 1
        if look is None:
            return inner
        if not isinstance(inner, Chars):
            raise PatternMistake("looks around for more than one character")
        behind, negated = look
        return Look(Chars(inner.some, inner.but != negated), behind)

    def _look(self) -> tuple[bool, bool] | None:
        """After `(?`: (behind, negated) of a look-around, None for a plain group."""
        for sign, kind in (("<!", (True, True)), ("<=", (True, False)), ("!", (False, True)),
                           ("=", (False, False))):  # fmt: skip
            if self._take(sign):
                return kind
        if self._take(":"):
            return None
        if self._take("P<") or self._take("<"):
            close = self._text.find(">", self._at)
            if close > 0 and self._text[self._at : close].isidentifier():
                self._at = close + 1
                return None
        raise PatternMistake("has a group that is not known; '(?i)' may stand at the begin only")

    # --- classes -------------------------------------------------------------------------

    def _class(self) -> Chars:
        negated = self._take("^")
        some: set[str] = set()
        first = True
        while first or not self._take("]"):
            some.update(self._members())
            first = False
        if self._ignore_case:
            some = {case for symbol in some for case in _cases(symbol)}
        return Chars(frozenset(some), negated)

    def _members(self) -> Iterable[str]:
        low = self._member()
        if isinstance(low, frozenset):
            return low
        follows = self._text[self._at : self._at + 2]
        if len(follows) < 2 or follows[0] != "-" or follows[1] == "]":
            return low
        self._at += 1
        high = self._member()
        if isinstance(high, frozenset) or high < low:
            raise PatternMistake("has a range in '[...]' that goes nowhere")
        if high > "\x7f" and ord(high) - ord(low) > _RANGE_MAX:
            raise PatternMistake(
                f"has a range of more than {_RANGE_MAX} characters outside ASCII; '\\w' is any"
                " letter of any script"
            )
        return map(chr, range(ord(low), ord(high) + 1))

    def _member(self) -> str | frozenset[str]:
        char = self._next()
        if char == "[" and self._text[self._at : self._at + 1] in (":", ".", "="):
            raise PatternMistake("has a '[:class:]', which is not known; write '\\w', '\\d', '\\s'")
        if char != "\\":
            return char
        char = self._next()
        if char == "b":
            return "\b"
        some = _CLASSES.get(char.lower())
        if some is None:
            return self._character(char)
        return some if char.islower() else (_ASCII | OTHERS) - some


def _is_bounds(text: str) -> bool:
    least, _, most = text.partition(",")
    return least.isdecimal() and (not most or most.isdecimal()) and len(text) <= 9


def _is_hex(text: str) -> bool:
    return all(char in string.hexdigits for char in text)


def _cases(symbol: str) -> tuple[str, ...]:
    """A character in both its cases, where each of them is one character."""
    if symbol in OTHERS:
        return (symbol,)
    return tuple({c for c in (symbol, symbol.lower(), symbol.upper()) if len(c) == 1})
