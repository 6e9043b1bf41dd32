"""Texts cut and joined to the size that a service takes in one question.

Promises: every character of every text is in some piece; no piece is longer than asked for; with an
overlap every stretch of text up to that length stands whole in some piece, so that nothing hides on
a cut; what is found in a piece leads back to its text. Lengths are in Unicode code points: a piece
never ends inside one. Refuses (`too_large`): more pieces than one hook may ask about.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from extproc.guardrails.values import GuardrailFault, Passage

PIECES_MAX = 64
"""Questions that one guardrail asks about one hook, at most."""
_BETWEEN = "\n\n"
_BACK = 400
"""How far before the limit a blank is looked for, to cut there."""


@dataclass(frozen=True, slots=True)
class Part:
    """text[start:end] of passage `passage`; stands at `at` in its piece."""

    passage: int
    start: int
    end: int
    at: int = 0


@dataclass(frozen=True, slots=True)
class Piece:
    """What is asked about at once."""

    text: str
    parts: tuple[Part, ...]

    def path(self, passages: Sequence[Passage]) -> str:
        """Of the one passage it is from; '' when it is from several."""
        owners = {part.passage for part in self.parts}
        return passages[owners.pop()].path if len(owners) == 1 else ""

    def places(self, start: int, end: int) -> Iterator[tuple[int, int, int]]:
        """(passage, start, end) of what stands at text[start:end] of this piece."""
        for part in self.parts:
            low = max(start, part.at)
            high = min(end, part.at + part.end - part.start)
            if low < high:
                yield part.passage, part.start + low - part.at, part.start + high - part.at


def cut(passages: Sequence[Passage], chars_max: int, overlap: int = 0) -> list[Piece]:
    """Pieces of one passage each, in order. Blank texts have none: there is nothing to judge."""
    assert chars_max > overlap + _BACK
    return [
        Piece(passage.text[start:end], (Part(index, start, end),))
        for index, passage in enumerate(passages)
        if passage.text and not passage.text.isspace()
        for start, end in _cuts(passage.text, chars_max, overlap)
    ]


def pack(pieces: Sequence[Piece], chars_max: int, apart_max: int) -> list[Piece]:
    """Up to `apart_max` pieces stay apart, so that a finding has its place; more are joined in
    order, as many as fit into `chars_max`. Raises GuardrailFault `too_large`."""
    packed = list(pieces) if len(pieces) <= apart_max else list(_packed(pieces, chars_max))
    if len(packed) > PIECES_MAX:
        raise GuardrailFault("too_large")
    return packed


def _cuts(text: str, chars_max: int, overlap: int) -> Iterator[tuple[int, int]]:
    start = 0
    while len(text) - start > chars_max:
        end = _blank(text, start + chars_max - _BACK, start + chars_max)
        yield start, end
        start = end - overlap
    yield start, len(text)


def _blank(text: str, low: int, high: int) -> int:
    """Where to cut: behind the last line end, else the last blank, else at the limit."""
    at = text.rfind("\n", low, high)
    at = at if at >= 0 else text.rfind(" ", low, high)
    return at + 1 if at >= 0 else high


def _packed(pieces: Sequence[Piece], chars_max: int) -> Iterator[Piece]:
    group: list[Piece] = []
    size = 0
    for piece in pieces:
        if group and size + len(_BETWEEN) + len(piece.text) > chars_max:
            yield _joined(group)
            group, size = [], 0
        size += len(piece.text) + (len(_BETWEEN) if group else 0)
        group.append(piece)
    if group:
        yield _joined(group)


def _joined(group: Sequence[Piece]) -> Piece:
    if len(group) == 1:
        return group[0]
    parts: list[Part] = []
    at = 0
    for piece in group:
        parts += (Part(p.passage, p.start, p.end, at + p.at) for p in piece.parts)
        at += len(piece.text) + len(_BETWEEN)
    return Piece(_BETWEEN.join(piece.text for piece in group), tuple(parts))
