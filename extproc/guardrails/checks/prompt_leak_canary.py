"""Canaries: given strings, found however they are dressed up.

Promises: found in any case, with up to GAP_MAX other characters between any two of theirs,
reversed, in hex and in base64 at each of its three alignments; exact for any split of the text
(P5); linear. What is held back is only what could be the begin of one.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from extproc.guardrails.values import Span

CANARY = "CANARY"
GAP_MAX = 3
_FORM_MIN = 8
_KEPT = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
_OTHERS = bytes(code for code in range(256) if code not in _KEPT)
_LOWER = bytes(range(256)).lower()
_BREAK = 0


def forms(canary: str) -> Iterator[bytes]:
    """Every spelling that is looked for: lower-case letters and digits."""
    data = canary.encode("ascii")
    plain = _squeezed(data)
    yield plain
    yield plain[::-1]
    yield data.hex().encode()
    for shift in range(3):
        coded = b64encode(bytes(shift) + data).rstrip(b"=")
        whole = (shift + len(data)) * 8 // 6  # the last character may hold bits of what follows
        yield _squeezed(coded[(0, 2, 3)[shift] : whole])


def _squeezed(data: bytes) -> bytes:
    return data.translate(_LOWER, _OTHERS)


class Canaries:
    """Looks for all forms of all canaries. Stateless."""

    def __init__(self, canaries: Iterable[str]) -> None:
        found = chain.from_iterable(map(forms, canaries))
        self._forms: Sequence[bytes] = sorted({form for form in found if len(form) >= _FORM_MIN})
        self._longest = max(map(len, self._forms))
        self._begins = {form[:size] for form in self._forms for size in range(1, len(form))}
        self.holdback_max = self._longest * (GAP_MAX + 1)

    def scan(self, text: str, start: int, final: bool) -> tuple[list[Span], int]:
        """As `Detector.scan`; needs no context."""
        data = text[start:].encode("ascii", "replace")
        spans: list[Span] = []
        if self._may_hold(data):
            spans = list(self._find(data, start))
        if final:
            return spans, len(text)
        floor = spans[-1].end if spans else start
        return spans, max(floor, start + self._open(data, floor - start))

    def _may_hold(self, data: bytes) -> bool:
        """Fast: nothing but gaps tells this from the exact answer."""
        squeezed = _squeezed(data)
        return any(form in squeezed for form in self._forms)

    def _find(self, data: bytes, start: int) -> Iterator[Span]:
        """Of overlapping ones the first to end, which text to come cannot change."""
        chars, places = _joined(data, 0)
        matches = sorted(
            (at + len(form), at) for form in self._forms for at in _occurrences(chars, form)
        )
        reached = 0
        for end, at in matches:
            if at >= reached:
                yield Span(start + places[at], start + places[end - 1] + 1, CANARY)
                reached = end

    def _open(self, data: bytes, floor: int) -> int:
        """Where the longest begin of a form lies at the end of the data; its length when none."""
        first = max(floor, len(data) - self.holdback_max)
        chars, places = _joined(data, first)
        if not places or len(data) - places[-1] - 1 > GAP_MAX or 0 in data[places[-1] :]:
            return len(data)
        for size in range(min(len(chars), self._longest), 0, -1):
            if bytes(chars[-size:]) in self._begins:
                return places[len(chars) - size]
        return len(data)


def _joined(data: bytes, first: int) -> tuple[bytearray, list[int]]:
    """Letters and digits of `data[first:]` in lower case, and where each stands; a break (a NUL,
    with the place before it) where more than GAP_MAX others, or a NUL, lie between two.
    """
    chars, places = bytearray(), []
    last = first - 1
    for at in range(first, len(data)):
        code = data[at]
        if code not in _KEPT:
            continue
        if chars and (at - last - 1 > GAP_MAX or (at - last > 1 and 0 in data[last + 1 : at])):
            chars.append(_BREAK)
            places.append(last)
        chars.append(_LOWER[code])
        places.append(at)
        last = at
    return chars, places


def _occurrences(chars: bytearray, form: bytes) -> Iterator[int]:
    at = chars.find(form)
    while at >= 0:
        yield at
        at = chars.find(form, at + 1)
