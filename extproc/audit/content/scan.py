"""Looking at many small texts at once, and writing what was found back into each.

Pure. Promises: both detectors look at every text; where findings overlap all of their characters
go. A detector that fails raises Unreadable: what nobody looked at is not kept.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

from extproc.guardrails.gate import Gate, Scanner
from extproc.guardrails.scanning import Hit, look
from extproc.guardrails.values import Detector
from extproc.guardrails.window import Window

PIECE_CHARS = 65_536
_BETWEEN = "\x00"
"""No finding holds it, and every rule reads it as an edge (`guardrails/hook.py`)."""

Steps = Generator[None, None, None]
"""Work in pieces: after each of them others may go on."""


class Unreadable(Exception):
    """Nobody can say what is in a body: it is not what it should be, or a detector failed."""


@dataclass(slots=True)
class Leaf:
    """One value of a tree that may be replaced: `holder[key]`. `number`: replaced as a whole.

    `regions`: (start, end, replacement) of what was found in it.
    """

    holder: Any
    key: Any
    text: str
    number: bool = False
    regions: list[tuple[int, int, str]] = field(default_factory=list)

    def write(self) -> None:
        """Put what remains of it in its place."""
        if not self.regions:
            return
        if self.number:
            self.holder[self.key] = min(self.regions)[2]
        else:
            self.holder[self.key] = without(self.text, self.regions)


def without(text: str, regions: Sequence[tuple[int, int, str]]) -> str:
    """The text with every region replaced; of those that overlap the leftmost one's word stands."""
    parts: list[str] = []
    at = 0
    for start, end, instead in sorted(regions, key=lambda region: (region[0], -region[1])):
        if start >= at:
            parts += (text[at:start], instead)
        at = max(at, end)
    return "".join((*parts, text[at:]))


@dataclass(frozen=True, slots=True)
class Unit:
    """A text to look at. `spots`: (leaf, start, end): which part of it is which leaf's.

    `raw`: place in the unit -> place in the leaf, where the text is read through its escapes.
    """

    text: str
    spots: tuple[tuple[Leaf, int, int], ...]
    raw: Callable[[int], int] | None = None

    def saw(self, start: int, end: int, instead: str) -> None:
        """A finding, in the leaves that it lies in; the first of them gets the replacement."""
        for leaf, begin, stop in self.spots:
            low, high = max(start, begin) - begin, min(end, stop) - begin
            if low < high:
                if self.raw is not None:
                    low, high = self.raw(low), self.raw(high)
                leaf.regions.append((low, high, instead))
                instead = ""


class Eyes:
    """The detectors, ready to look. Not for threads (hyperscan's scratch space)."""

    def __init__(self, detectors: Iterable[Detector]) -> None:
        gate = Gate("", "mutate", "enforce")
        self._scanners = tuple(Scanner(detector, (gate,)) for detector in detectors)

    def look_at(self, units: Iterable[Unit]) -> Steps:
        """Find in all of them. Raises Unreadable."""
        batch: list[Unit] = []
        chars = 0
        for unit in units:
            batch.append(unit)
            chars += len(unit.text) + 1
            if chars >= PIECE_CHARS:
                yield from self._look(batch)
                batch, chars = [], 0
                yield
        if batch:
            yield from self._look(batch)

    def settled(self, text: str) -> int:
        """How much of a text is decided whatever follows: what was cut behind it may be half of
        something."""
        start = max(0, len(text) - PIECE_CHARS)  # nothing that is held back is so long
        sight = look(self._scanners, text[start:], 0, False)
        if sight.failed:
            raise Unreadable
        return start + sight.settled

    def _look(self, units: Sequence[Unit]) -> Steps:
        joined = _BETWEEN.join(unit.text for unit in units)
        starts = list(accumulate((len(unit.text) + 1 for unit in units), initial=0))
        if len(joined) <= 2 * PIECE_CHARS:
            sight = look(self._scanners, joined, 0, True)
            if sight.failed:
                raise Unreadable
            _saw(units, starts, sight.hits, 0)
            return
        window, done = Window(json=False), 0
        for begin in range(0, len(joined), PIECE_CHARS):
            window.pending += joined[begin : begin + PIECE_CHARS]
            step = window.step(self._scanners, final=begin + PIECE_CHARS >= len(joined))
            if step is not None:
                if step.failed:
                    raise Unreadable
                _saw(units, starts, step.hits, done)
                done += len(step.raw)
            yield


def _saw(units: Sequence[Unit], starts: Sequence[int], hits: Iterable[Hit], by: int) -> None:
    for hit in hits:
        at = bisect_right(starts, hit.span.start + by) - 1
        start, end = hit.span.start + by - starts[at], hit.span.end + by - starts[at]
        units[at].saw(start, min(end, len(units[at].text)), hit.text)
