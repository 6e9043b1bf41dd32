"""The guardrail engine: which rules apply to a call, and one hook run over a whole body.

Promises: every guardrail that applies looks at every text, tool arguments included; validating
ones decide before anything is changed; texts are changed in place or not at all; what is redacted
stays valid JSON where it was JSON. Core: no clock, no I/O; see `stream.py` for streams.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import accumulate

from extproc.config.model import GuardrailRule
from extproc.errors import Code, Refusal
from extproc.guardrails import json_text
from extproc.guardrails.json_text import Place, View
from extproc.guardrails.scanning import Region, Sight, look, regions
from extproc.guardrails.selection import Registry, RuleMatcher, Selection, select
from extproc.guardrails.tally import Tally
from extproc.guardrails.values import Hook, HookResult
from extproc.llm.call import TextSlot

_BETWEEN = "\x00"
"""Joins small texts for one scan: no finding holds it, and every rule reads it as an edge."""

_CACHED_SELECTIONS_MAX = 1024


class Engine:
    """Compiled guardrails and rules. Raises ValueError when a rule names an unknown guardrail."""

    def __init__(self, registry: Registry, rules: Sequence[GuardrailRule]) -> None:
        self._registry = registry
        self._rules = [RuleMatcher(rule) for rule in rules]
        self._cache: dict[tuple[Hook, tuple[int, ...]], Selection] = {}
        named = {name for rule in self._rules for names in rule.names.values() for name in names}
        if unknown := sorted(named - registry.keys()):
            raise ValueError(f"unknown guardrails: {', '.join(unknown)}")

    def rules_for(
        self,
        subjects: Collection[str],
        models: Iterable[str],
        metadata: Mapping[str, str],
        hook: Hook,
        extra: Collection[str] = (),
    ) -> Selection | Refusal:
        """Everything that applies to one hook of one call.

        `models`: every name a rule may know the call by (virtual name, `account/model` targets).
        `extra`: selectors added by `x-tfy-guardrails` or a policy's obligations.
        """
        unknown = sorted(set(extra) - self._registry.keys()) if extra else ()
        if unknown:
            return Refusal(Code.INVALID_REQUEST, "Unknown guardrail.", reason=",".join(unknown))
        models = tuple(models)
        matched = tuple(
            index
            for index, rule in enumerate(self._rules)
            if rule.names[hook] and rule.matches(subjects, models, metadata)
        )
        return self._select(hook, matched, extra)

    def _select(self, hook: Hook, matched: tuple[int, ...], extra: Collection[str]) -> Selection:
        cached = None if extra else self._cache.get((hook, matched))
        if cached is not None:
            return cached
        rules = [self._rules[index] for index in matched]
        messages: dict[str, str] = {}
        for rule in rules:
            if rule.message is not None:
                for name in rule.names[hook]:
                    messages.setdefault(name, rule.message)
        names = [name for rule in rules for name in rule.names[hook]]
        selection = select(
            self._registry, [*names, *extra], tuple(rule.id for rule in rules), messages
        )
        if not extra and len(self._cache) < _CACHED_SELECTIONS_MAX:
            self._cache[hook, matched] = selection
        return selection

    def run_request(self, slots: Iterable[TextSlot], selection: Selection) -> HookResult:
        """Run a hook over every text of a body; mutating guardrails set `slot.text` in place."""
        return run(slots, selection)

    def run_response(self, slots: Iterable[TextSlot], selection: Selection) -> HookResult:
        """The same over a whole answer. Streams go through `StreamGuard`."""
        return run(slots, selection)


def run(slots: Iterable[TextSlot], selection: Selection) -> HookResult:
    """Look at all texts at once, then block, then replace. See `Tally` for the strategies."""
    if not selection.gates:
        return HookResult()
    body = _Body(slots)
    sight = look(selection.scanners, body.joined, 0, True)
    if not sight.hits and not sight.failed:
        return HookResult(
            outcomes={gate.selector: "pass" for gate in selection.gates},
            scanned_texts=len(body.slots),
            scanned_chars=body.chars,
        )
    tally = Tally(selection)
    tally.fail(sight.failed)
    tally.covered(len(body.slots), body.chars)
    for hit in sight.hits:
        tally.saw(hit.gates, hit.span.label, body.slots[body.index(hit.span.start)].path)
    if sight.hits and not tally.refuses:
        _redact(body, sight, selection, tally)
    return tally.result()


class _Body:
    """The texts of one body, joined so that a hundred small ones cost one scan."""

    def __init__(self, slots: Iterable[TextSlot]) -> None:
        self.slots = [slot for slot in slots if slot.text]
        self.raws = [slot.text for slot in self.slots]
        self.views: dict[int, View] = {
            index: json_text.read(self.raws[index])
            for index, slot in enumerate(self.slots)
            if slot.json_text
        }
        texts = [
            self.views[index].text if index in self.views else raw
            for index, raw in enumerate(self.raws)
        ]
        self.joined = _BETWEEN.join(texts)
        self.chars = sum(map(len, self.raws))
        self._texts = texts
        self._starts: list[int] = []

    def index(self, offset: int) -> int:
        """Which slot a character of `joined` belongs to."""
        if not self._starts:
            self._starts = list(accumulate((len(t) + 1 for t in self._texts), initial=0))[:-1]
        return bisect_right(self._starts, offset) - 1

    def local(self, region: Region) -> tuple[int, Region]:
        """The slot of a region, and the region in that slot's raw text (never past its end)."""
        index = self.index(region.start)
        begin, size = self._starts[index], len(self._texts[index])
        start, end = region.start - begin, min(region.end - begin, size)
        if (view := self.views.get(index)) is not None:
            start, end = view.raw(start), view.raw(end)
        return index, region.moved(start, end)


def _redact(body: _Body, sight: Sight, selection: Selection, tally: Tally) -> None:
    """Prepare every changed text before the first one is written: all of them, or none."""
    by_slot: dict[int, list[Region]] = {}
    for region in regions(sight.hits, selection.gates):
        index, local = body.local(region)
        by_slot.setdefault(index, []).append(local)
    changed: list[tuple[TextSlot, str]] = []
    for index, found in by_slot.items():
        raw = body.raws[index]
        fitted = fit(raw, found, Place()) if index in body.views else found
        if not isinstance(fitted, list):
            tally.cannot_redact(fitted.gate)
            return
        changed.append((body.slots[index], replaced(raw, fitted)))
    for slot, text in changed:
        slot.text = text
        tally.changed = True


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
            return region
        fitted.append(Region(region.start, region.end, text, region.gate))
        place.advance(taken)
        position = region.end
    place.advance(raw[position:])
    return fitted


def replaced(raw: str, found: list[Region]) -> str:
    """The text with every region replaced. Regions are in order and do not overlap."""
    parts: list[str] = []
    position = 0
    for region in found:
        parts += (raw[position : region.start], region.text)
        position = region.end
    return "".join((*parts, raw[position:]))
