"""One channel of streamed text under scan: what is settled may go, the rest is held back.

Promises: any split of a text into pieces settles to the same findings as the whole text (P5); the
work is linear in the text, because a long hold is looked at again only after it has grown by an
eighth. Holds at most what the detectors' HOLDBACK_MAX say, plus that eighth, plus one piece.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from extproc.guardrails import json_text
from extproc.guardrails.gate import Gate, Scanner
from extproc.guardrails.scanning import Hit, look
from extproc.guardrails.values import LOOKBEHIND

_LONG_HOLD = 2048


@dataclass(frozen=True, slots=True)
class Step:
    """`raw`: the text that is settled now. `hits`: its findings, as offsets into `raw`.

    `after`: the raw character that follows, '' at the end of the channel.
    """

    raw: str
    hits: tuple[Hit, ...]
    failed: tuple[Gate, ...]
    after: str


class Window:
    """`json`: the channel's text is JSON, looked at through its escapes."""

    __slots__ = ("_context", "_json", "_look_at", "pending")

    def __init__(self, json: bool) -> None:
        self._json = json
        self._context = ""
        self._look_at = 0
        self.pending = ""

    def step(self, scanners: Sequence[Scanner], final: bool) -> Step | None:
        """Settle what can be settled of `pending`; None when it is too early to look again."""
        size = len(self.pending)
        if not final and size < self._look_at:
            return None
        view = json_text.read(self.pending, final) if self._json else None
        fresh = self.pending if view is None else view.text
        text = self._context + fresh
        start = len(self._context)
        sight = look(scanners, text, start, final)
        settled, hits = sight.settled, sight.hits
        if view is not None and not final:  # what follows a bare value decides how it is replaced
            settled, hits = _one_back(text, start, settled, hits)
        cut = settled - start if view is None else view.raw(settled - start)
        if final:
            cut = size
        moved = tuple(_moved(hit, start, view) for hit in hits)
        step = Step(self.pending[:cut], moved, sight.failed, self.pending[cut : cut + 1])
        self._context = text[max(0, settled - LOOKBEHIND) : settled]
        self.pending = self.pending[cut:]
        held = size - cut
        self._look_at = held + held // 8 if held > _LONG_HOLD else 0
        return step


def _one_back(
    text: str, start: int, settled: int, hits: tuple[Hit, ...]
) -> tuple[int, tuple[Hit, ...]]:
    """Hold one more character, and with it the findings that end there."""
    settled = max(start, min(settled, len(text) - 1))
    while crossing := [h.span.start for h in hits if h.span.start < settled < h.span.end]:
        settled = min(crossing)
    return settled, tuple(hit for hit in hits if hit.span.end <= settled)


def _moved(hit: Hit, start: int, view: json_text.View | None) -> Hit:
    begin, end = hit.span.start - start, hit.span.end - start
    if view is not None:
        begin, end = view.raw(begin), view.raw(end)
    return hit.moved(begin, end)
