"""What a walk has found, as texts to look at: a value alone, or the pieces of a streamed one.

Pure. Promises: a piece is looked at in its text as a whole and by itself; short values also behind
their field's name, because a number or a password is often known by that alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from extproc.audit.content.scan import Leaf, Unit
from extproc.audit.content.walk import Found, nested, said
from extproc.guardrails import json_text

_NAMED_CHARS_MAX = 512
_DISTINCT_MAX = 8
"""A streamed field with more different pieces than this is text in pieces, not a value."""
_ALONE_CHARS_MIN = 6
"""Nothing shorter is personal data or a secret by itself."""
_INTEGRAL_MAX = 1e22
_ID_DIGITS = 9
"""Identity numbers lose their leading zeros when somebody writes them as numbers."""
_READ = json.JSONDecoder()


class Text:
    """One text: of one leaf, or of several, in order. `tree`: what it says, where it is JSON that
    came in pieces."""

    __slots__ = ("_spots", "leaves", "text", "tree")

    def __init__(self, leaves: Sequence[Leaf]) -> None:
        self.leaves = leaves
        self.text = leaves[0].text if len(leaves) == 1 else "".join(leaf.text for leaf in leaves)
        self.tree: dict[str, Any] | None = None
        spots, at = [], 0
        for leaf in leaves:
            spots.append((leaf, at, at + len(leaf.text)))
            at += len(leaf.text)
        self._spots = tuple(spots)

    @property
    def in_pieces(self) -> bool:
        return len(self.leaves) > 1

    @property
    def repeats(self) -> bool:
        """It says one thing again and again, as the frames of a stream say their id."""
        first = self.leaves[0].text
        return self.in_pieces and all(leaf.text == first for leaf in self.leaves)

    def saw(self, start: int, end: int, instead: str) -> None:
        Unit(self.text, self._spots).saw(start, end, instead)

    def units(self) -> Iterator[Unit]:
        """Everything that has to be looked at for it."""
        if not self.in_pieces:
            yield from _alone(self.leaves[0])
            return
        yield Unit(self.text, self._spots)
        if (unit := _through_escapes(self.text, self._spots)) is not None:
            yield unit

    def write(self) -> None:
        for leaf in self.leaves:
            leaf.write()

    def spread(self, found: Found) -> None:
        """JSON that came in pieces: the first says all of it, where anything in it has changed."""
        before = nested(self.text) if self.tree is not None else None
        if self.tree is None or before is None:
            return
        after = said(self.tree)
        if after != said(before):
            for leaf in self.leaves:
                found.put(leaf.holder, leaf.key, "")
            found.put(self.leaves[0].holder, self.leaves[0].key, after)


def whole_texts(found: Found, since: int = 0) -> list[Text]:
    """Every value by itself."""
    return [Text((leaf,)) for leaf, _ in found.leaves[since:]]


def streamed_texts(found: Found) -> list[Text]:
    """The values of all frames, those of one channel as one text."""
    channels: dict[tuple[object, ...], list[Leaf]] = {}
    for leaf, channel in found.leaves:
        channels.setdefault(channel, []).append(leaf)
    return [Text(leaves) for leaves in channels.values()]


class Pieces:
    """The pieces of streamed texts by themselves; equal ones are looked at once."""

    def __init__(self, texts: Iterable[Text]) -> None:
        self._same: list[tuple[Leaf, list[Leaf]]] = []
        self._named: list[bool] = []
        for text in texts:
            if text.in_pieces and text.tree is None:
                self._add(text.leaves)

    def _add(self, leaves: Sequence[Leaf]) -> None:
        distinct: dict[str, list[Leaf]] = {}
        for leaf in leaves:
            distinct.setdefault(leaf.text, []).append(leaf)
        named = len(distinct) <= _DISTINCT_MAX
        for text, same in distinct.items():
            if named or len(text) >= _ALONE_CHARS_MIN:
                self._same.append((Leaf({}, leaves[0].key, text), same))
                self._named.append(named)

    def units(self) -> Iterator[Unit]:
        for (leaf, _), named in zip(self._same, self._named, strict=True):
            yield from _alone(leaf, named=named)

    def tell(self) -> None:
        """What was found in one, to all that say the same."""
        for leaf, same in self._same:
            for one in same if leaf.regions else ():
                one.regions += leaf.regions


def _alone(leaf: Leaf, named: bool = True) -> Iterator[Unit]:
    """A value by itself, behind its field's name, and through its escapes."""
    size = len(leaf.text)
    if not size:
        return
    yield Unit(leaf.text, ((leaf, 0, size),))
    if named and type(leaf.key) is str and leaf.key and size <= _NAMED_CHARS_MAX:
        yield _behind_its_name(leaf, leaf.text)
    if (unit := _through_escapes(leaf.text, ((leaf, 0, size),))) is not None:
        yield unit


def _behind_its_name(leaf: Leaf, text: str) -> Unit:
    head = f"{leaf.key}: "
    return Unit(head + text, ((leaf, len(head), len(head) + len(text)),))


def _through_escapes(text: str, spots: tuple[tuple[Leaf, int, int], ...]) -> Unit | None:
    """JSON that breaks off, or that could be read in two ways: as a reader of it would see it."""
    if "\\" not in text or text.lstrip()[:1] not in ("{", "["):
        return None
    view = json_text.read(text)
    return Unit(view.text, spots, view.raw)


def numbers(found: Found) -> Iterator[Unit]:
    """Numbers as the texts that people would write."""
    for leaf, *_ in found.numbers.values():
        for text in _written(leaf):
            yield Unit(text, ((leaf, 0, len(text)),))
            if type(leaf.key) is str:
                yield _behind_its_name(leaf, text)


def _written(leaf: Leaf) -> Iterator[str]:
    value = leaf.holder[leaf.key]
    yield leaf.text
    if type(value) is float:
        if value.is_integer() and abs(value) < _INTEGRAL_MAX:
            yield f"{value:.0f}"
    elif 10 ** (_ID_DIGITS - 3) <= value < 10 ** (_ID_DIGITS - 1):
        yield f"{value:0{_ID_DIGITS}d}"


def write_numbers(found: Found) -> None:
    for same in found.numbers.values():
        for leaf in same if same[0].regions else ():
            leaf.regions = same[0].regions
            leaf.write()


def names(found: Found) -> Iterator[Unit]:
    for _, leaf in found.keys:
        yield Unit(leaf.text, ((leaf, 0, len(leaf.text)),))


def masked_values(fields: re.Pattern[str], text: str) -> Iterator[tuple[int, int]]:
    """Where the values of masked fields stand in words that hold JSON. To the end of the text
    where the JSON is not whole, or stands in quotes itself."""
    reached = 0
    for match in fields.finditer(text):
        start = match.end()
        if start < reached:
            continue
        try:
            reached = len(text) if match[1] else _READ.raw_decode(text, start)[1]
        except (ValueError, RecursionError):
            reached = len(text)
        yield start, reached
