"""One look at a text by every guardrail that applies: findings, failures, the settled point.

Promises: a detector that raises is that guardrail's failure, never the exchange's; all detectors
look at the same text (the original), so no redaction hides half of another's finding; where
findings overlap all of their characters go, under the leftmost one's replacement (P4).
"""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from extproc.guardrails.detectors.pattern import settle, union
from extproc.guardrails.gate import Gate, Scanner
from extproc.guardrails.redaction import Vault
from extproc.guardrails.values import Span

_NOT_A_FAILURE = (KeyboardInterrupt, SystemExit, CancelledError, GeneratorExit)


@dataclass(frozen=True, slots=True)
class Hit:
    """One finding, of every gate that shares the detector; `text`: its detector's replacement."""

    span: Span
    gates: tuple[Gate, ...]
    text: str

    def shifted(self, by: int) -> Hit:
        return self.moved(self.span.start + by, self.span.end + by) if by else self

    def moved(self, start: int, end: int) -> Hit:
        return Hit(Span(start, end, self.span.label), self.gates, self.text)


@dataclass(frozen=True, slots=True)
class Sight:
    """`hits` in order of scanner and place; `failed` gates did not look; `settled` as in `scan`."""

    hits: tuple[Hit, ...]
    failed: tuple[Gate, ...]
    settled: int


def look(scanners: Sequence[Scanner], text: str, start: int, final: bool) -> Sight:
    """Scan `text[start:]` with every scanner; keep only what is settled for all of them."""
    hits: list[Hit] = []
    failed: list[Gate] = []
    settled = len(text)
    for scanner in scanners:
        detector, gates = scanner.detector, scanner.gates
        try:
            spans, upto = detector.scan(text, start, final)
            if spans:
                hits += [
                    Hit(span, gates, detector.replacement(span, text[span.start : span.end]))
                    for span in spans
                ]
            settled = min(settled, upto)
        except _NOT_A_FAILURE:
            raise
        except BaseException:  # a binding may raise a panic that is no Exception
            failed.extend(gates)
    if hits:
        hits, settled = _settled(hits, settled)
    return Sight(tuple(hits), tuple(failed), settled)


def _settled(hits: list[Hit], settled: int) -> tuple[list[Hit], int]:
    """Detectors settle at different points; what crosses the first of them has to wait."""
    if all(hit.span.end <= settled for hit in hits):
        return hits, settled
    spans = union([(hit.span.start, 0, hit.span.end, "") for hit in hits])
    settled = settle(spans, settled)[1]
    return [hit for hit in hits if hit.span.end <= settled], settled


@dataclass(frozen=True, slots=True)
class Region:
    """Characters to be replaced by `text`, on behalf of `gate`."""

    start: int
    end: int
    text: str
    gate: Gate
    label: str

    def longer(self, end: int) -> Region:
        return self if end <= self.end else replace(self, end=end)


def regions(
    hits: Iterable[Hit], order: Sequence[Gate], read: Callable[[int, int], str], vault: Vault
) -> list[Region]:
    """Merge the findings of mutating gates into disjoint regions, in order, each redacted.

    The leftmost finding's replacement stands for the whole region; at the same start the gate that
    comes first in `order` (its priority) wins. `read`: the text between two offsets.
    """
    rank = {gate.selector: index for index, gate in enumerate(order)}
    marked = [
        (hit.span.start, rank[gate.selector], hit.span.end, hit, gate)
        for hit in hits
        for gate in hit.gates
        if gate.mutates
    ]
    merged: list[Region] = []
    for start, _rank, end, hit, gate in sorted(marked, key=lambda mark: mark[:3]):
        if merged and start < merged[-1].end:
            merged[-1] = merged[-1].longer(end)
        else:
            merged.append(Region(start, end, hit.text, gate, hit.span.label))
    return [_styled(region, read, vault) for region in merged]


def _styled(region: Region, read: Callable[[int, int], str], vault: Vault) -> Region:
    """The whole region's text in the gate's style: what merged in goes, and comes back, with it."""
    style = region.gate.redaction
    if style == "replace":
        return region
    value = read(region.start, region.end)
    return replace(region, text=vault.redact(style, region.label, value, region.text))
