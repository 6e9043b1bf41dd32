"""One hook over one whole body. Streams go through `stream.py`, by the same parts.

Promises: every detector looks at every text of its roles, tool arguments included; validating
guardrails decide before anything is changed; texts are changed in place or not at all; what is
redacted stays valid JSON where it was JSON; services see texts only as redacted here.
"""

from __future__ import annotations

import asyncio
import json
from bisect import bisect_right
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import Any

from extproc.guardrails import json_text
from extproc.guardrails.asking import Asker
from extproc.guardrails.gate import Gate, Roles, Scanner
from extproc.guardrails.json_text import Place, View
from extproc.guardrails.panel import Panel
from extproc.guardrails.redaction import Vault
from extproc.guardrails.scanning import Hit, Region, look, regions
from extproc.guardrails.selection import Selection
from extproc.guardrails.tally import Tally
from extproc.guardrails.values import Exam, Hook, HookResult, Opinion, Passage, Scene
from extproc.guardrails.window import Window
from extproc.llm.call import TextSlot

_BETWEEN = "\x00"
"""Joins small texts for one scan: no finding holds it, and every rule reads it as an edge."""
_NOBODY = Scene()
LARGE_CHARS = 131_072
"""From here on a body is looked at in pieces; a piece of hostile text takes some 0.3 s at worst."""
PIECE_CHARS = 65_536


@dataclass(frozen=True, slots=True)
class Case:
    """What a hook knows beside the texts it looks at. `request`: the request's body."""

    hook: Hook = "llm_input"
    scene: Scene = _NOBODY
    vault: Vault = field(default_factory=lambda: Vault(b""))
    asker: Asker | None = None
    asked: tuple[Passage, ...] = ()
    request: Mapping[str, Any] = field(default_factory=dict)
    answer: Mapping[str, Any] | None = None
    unscanned: tuple[str, ...] = ()

    def exam(self, passages: tuple[Passage, ...]) -> Exam:
        return Exam(
            self.hook, self.scene, passages, self.asked, self.request, self.answer, self.unscanned
        )


def passages_of(slots: Iterable[TextSlot]) -> tuple[Passage, ...]:
    return tuple(Passage(s.path, s.role, s.text, s.json_text) for s in slots if s.text)


def run(slots: Iterable[TextSlot], selection: Selection, vault: Vault | None = None) -> HookResult:
    """Everything that needs nobody else: detectors, checks, redaction."""
    case = Case() if vault is None else Case(vault=vault)
    hook = HookRun(selection, slots, case)
    hook.look()
    return hook.result()


class HookRun:
    """`look`, then `judge`; `result` at any time, final once nobody is `pending`."""

    __slots__ = ("_case", "_selection", "_slots", "panel", "tally")

    def __init__(
        self,
        selection: Selection,
        slots: Iterable[TextSlot],
        case: Case,
        tally: Tally | None = None,
    ) -> None:
        self._selection = selection
        self._slots = [slot for slot in slots if slot.text]
        self._case = case
        self.tally = tally or Tally(selection)
        self.panel = Panel(selection, self.tally, case.asker)

    def result(self) -> HookResult:
        return self.tally.result()

    @property
    def refuses(self) -> bool:
        return self.tally.refuses

    def look(self) -> None:
        """Detectors, the redaction, then the checks; nothing is waited for."""
        found: dict[int, list[Hit]] = {}
        for roles, scanners in self._selection.groups:
            for index, hit in self._scan(roles, scanners):
                found.setdefault(index, []).append(hit)
        self._act(found)

    @property
    def is_large(self) -> bool:
        """Looking at it at once would keep everybody else of this process waiting."""
        return sum(len(slot.text) for slot in self._slots) > LARGE_CHARS

    async def look_in_pieces(self) -> None:
        """The same as `look`, letting others go on between two pieces of a long text (P5)."""
        found: dict[int, list[Hit]] = {}
        for roles, scanners in self._selection.groups:
            async for index, hit in self._scan_in_pieces(roles, scanners):
                found.setdefault(index, []).append(hit)
        self._act(found)

    def _act(self, found: Mapping[int, list[Hit]]) -> None:
        if found and not self.tally.refuses:
            self._redact(found)
        self.check()

    def check(self) -> None:
        if self._selection.checks and not self.tally.refuses:
            self.panel.examine(self.exam())

    async def judge(self) -> None:
        """Services that have to be waited for; then those that nobody waits for begin."""
        if not self._selection.asks:
            return
        if not self.tally.refuses:
            await self.panel.wait(self.exam, self._rewrite)
        if not self.tally.refuses:
            # They may be asked after the answer was translated, and its pseudonyms put back.
            exam = self.exam()
            self.panel.start(replace(exam, answer=deepcopy(exam.answer)))

    def exam(self) -> Exam:
        return self._case.exam(passages_of(self._slots))

    def _scan(self, roles: Roles, scanners: Sequence[Scanner]) -> Iterable[tuple[int, Hit]]:
        body = self._body(roles)
        sight = look(scanners, body.joined, 0, True)
        self._looked(body, sight.failed)
        yield from self._saw(body, sight.hits)

    async def _scan_in_pieces(
        self, roles: Roles, scanners: Sequence[Scanner]
    ) -> AsyncIterator[tuple[int, Hit]]:
        body = self._body(roles)
        window, done, size = Window(json=False), 0, len(body.joined)
        failed: tuple[Gate, ...] = ()
        for begin in range(0, size, PIECE_CHARS):
            await asyncio.sleep(0)
            window.pending += body.joined[begin : begin + PIECE_CHARS]
            step = window.step(scanners, final=begin + PIECE_CHARS >= size)
            if step is None:
                continue
            failed += step.failed
            for found in self._saw(body, [hit.shifted(done) for hit in step.hits]):
                yield found
            done += len(step.raw)
        self._looked(body, failed)

    def _body(self, roles: Roles) -> _Body:
        indexes = range(len(self._slots))
        read = [i for i in indexes if roles is None or self._slots[i].role in roles]
        return _Body([self._slots[i] for i in read], read)

    def _looked(self, body: _Body, failed: Sequence[Gate]) -> None:
        self.tally.fail(failed)
        if not failed:
            self.tally.cover_at_least(len(body.slots), body.chars)

    def _saw(self, body: _Body, hits: Iterable[Hit]) -> Iterable[tuple[int, Hit]]:
        """Each finding in the text it was made in, with that text's index."""
        for hit in hits:
            at, local = body.local(hit)
            self.tally.saw(hit.gates, hit.span.label, body.slots[at].path)
            yield body.indexes[at], local

    def _redact(self, found: Mapping[int, list[Hit]]) -> None:
        """Prepare every changed text before the first one is written: all of them, or none."""
        changed: list[tuple[TextSlot, str]] = []
        for index, hits in found.items():
            slot = self._slots[index]
            text = redacted(slot, hits, self._selection.gates, self._case.vault)
            if isinstance(text, Gate):
                self.tally.cannot_redact(text)
                return
            if text is not None:
                changed.append((slot, text))
        for slot, text in changed:
            slot.text = text
            self.tally.changed = True

    def _rewrite(self, gate: Gate, opinion: Opinion) -> None:
        """What a mutating service wants changed."""
        slots = self._slots
        for index, spans in by_passage(opinion).items():
            hits = [Hit(span, (gate,), f"[{span.label}]") for span in spans]
            text = redacted(slots[index], hits, (gate,), self._case.vault)
            if not isinstance(text, str):
                self.tally.cannot_redact(gate)
                return
            slots[index].text, self.tally.changed = text, True
        for index, text in opinion.texts.items():
            if text != slots[index].text:
                if not writable(slots[index], text):
                    self.tally.cannot_redact(gate)
                    return
                slots[index].text, self.tally.changed = text, True


def by_passage(opinion: Opinion) -> dict[int, list[Any]]:
    places: dict[int, list[Any]] = {}
    for index, span in opinion.spans:
        places.setdefault(index, []).append(span)
    return places


def writable(slot: TextSlot, text: str) -> bool:
    """A text may be replaced by another, JSON by JSON, and what can only be read by nothing."""
    if slot.fixed:
        return False
    if not slot.json_text:
        return True
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def redacted(
    slot: TextSlot, hits: Sequence[Hit], order: Sequence[Gate], vault: Vault
) -> str | Gate | None:
    """The slot's text with every mutating finding replaced; None where none of them mutates.

    Or the gate whose finding cannot be replaced. `hits` are offsets into the slot's own text.
    """
    raw = slot.text
    found = regions(hits, order, reader(raw, slot.json_text), vault)
    if not found:
        return None
    if slot.fixed:
        return None if found[0].gate.lenient else found[0].gate
    fitted = fit(raw, found, Place()) if slot.json_text else found
    return replaced(raw, fitted) if isinstance(fitted, list) else fitted.gate


def reader(raw: str, is_json: bool) -> Any:
    """Reads a place of a text, through JSON's escapes where it is JSON."""

    def read(start: int, end: int) -> str:
        return json_text.read(raw[start:end]).text if is_json else raw[start:end]

    return read


class _Body:
    """Some texts of one body, joined so that a hundred small ones cost one scan.

    `indexes`: where they stand among all of them.
    """

    def __init__(self, slots: Sequence[TextSlot], indexes: Sequence[int]) -> None:
        self.slots = slots
        self.indexes = indexes
        raws = [slot.text for slot in slots]
        self._views: dict[int, View] = {
            index: json_text.read(raws[index]) for index, slot in enumerate(slots) if slot.json_text
        }
        self._texts = [
            self._views[index].text if index in self._views else raw
            for index, raw in enumerate(raws)
        ]
        self.joined = _BETWEEN.join(self._texts)
        self.chars = sum(map(len, raws))
        self._starts: list[int] = []

    def local(self, hit: Hit) -> tuple[int, Hit]:
        """The slot of a finding, and the finding in that slot's raw text (never past its end)."""
        if not self._starts:
            self._starts = list(accumulate((len(t) + 1 for t in self._texts), initial=0))[:-1]
        index = bisect_right(self._starts, hit.span.start) - 1
        begin, size = self._starts[index], len(self._texts[index])
        start, end = hit.span.start - begin, min(hit.span.end - begin, size)
        if (view := self._views.get(index)) is not None:
            start, end = view.raw(start), view.raw(end)
        return index, hit.moved(start, end)


def fit(raw: str, found: list[Region], place: Place, after: str = "") -> list[Region] | Region:
    """Make replacements fit a JSON text and go over it; or the region that cannot be fitted.

    `place`: where `raw` begins. `after`: the character that follows it.
    """
    fitted: list[Region] = []
    position = 0
    for region in found:
        place.advance(raw[position : region.start])
        taken = raw[region.start : region.end]
        text = place.fit(taken, raw[region.end : region.end + 1] or after, region.text)
        if text is None:
            if not region.gate.lenient:
                return region
            text = taken
        fitted.append(Region(region.start, region.end, text, region.gate, region.label))
        place.advance(taken)
        position = region.end
    place.advance(raw[position:])
    return fitted


def replaced(raw: str, found: Sequence[Region]) -> str:
    """The text with every region replaced. Regions are in order and do not overlap."""
    parts: list[str] = []
    position = 0
    for region in found:
        parts += (raw[position : region.start], region.text)
        position = region.end
    return "".join((*parts, raw[position:]))
