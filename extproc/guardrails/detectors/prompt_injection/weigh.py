"""From signals to findings: what stands together within WINDOW characters weighs together.

Promises: a finding begins at a signal and depends on nothing in front of it, so text that arrives
in pieces is judged like the whole (P5). The same signal twice counts once. Work is linear.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from extproc.guardrails.detectors.prompt_injection.phrase import LABELS
from extproc.guardrails.values import Span

WINDOW = 1024
"""Characters from the first signal's start within which others begin to weigh with it."""


@dataclass(frozen=True, slots=True, order=True)
class Signal:
    """text[start:end] says something of `labels` that weighs `weight`; `key` tells kinds apart."""

    start: int
    end: int
    key: int
    weight: int
    labels: tuple[str, ...]


class _Scale:
    """The weights on it, each kind of signal counting with its heaviest only."""

    __slots__ = ("_kinds", "total")

    def __init__(self) -> None:
        self.total = 0
        self._kinds: dict[int, dict[int, int]] = defaultdict(dict)

    def add(self, signal: Signal, times: int = 1) -> None:
        kind = self._kinds[signal.key]
        heaviest = max(kind, default=0)
        count = kind.get(signal.weight, 0) + times
        if count:
            kind[signal.weight] = count
        else:
            del kind[signal.weight]
        self.total += max(kind, default=0) - heaviest


def total(signals: Iterable[Signal]) -> int:
    """What signals weigh together."""
    scale = _Scale()
    for signal in signals:
        scale.add(signal)
    return scale.total


def weigh(
    signals: Sequence[Signal], threshold: int, ends: Sequence[int], known: int
) -> tuple[list[Span], int]:
    """Findings among signals in order of place, and the point up to which all is decided.

    `ends`: where texts end (a window never spans two). `known`: no signal before it is missing.
    """
    spans: list[Span] = []
    scale = _Scale()
    first = ahead = 0
    while first < len(signals):
        signal = signals[first]
        limit = _limit(signal.start, ends)
        while ahead < len(signals) and signals[ahead].start < limit:
            scale.add(signals[ahead])
            ahead += 1
        if scale.total < threshold:
            if known < limit:
                return spans, signal.start
            scale.add(signal, -1)
            first += 1
            continue
        last = _enough(signals, first, threshold)
        span = _span(signals[first : last + 1])
        spans.append(span)
        while first < len(signals) and signals[first].start < span.end:
            if first < ahead:
                scale.add(signals[first], -1)
            first += 1
        ahead = max(ahead, first)
    return spans, max(known, spans[-1].end if spans else 0)


def _limit(start: int, ends: Sequence[int]) -> int:
    index = bisect_left(ends, start)
    return min(start + WINDOW, ends[index]) if index < len(ends) else start + WINDOW


def _enough(signals: Sequence[Signal], first: int, threshold: int) -> int:
    """The first signal with which the weight is reached."""
    scale = _Scale()
    for index in range(first, len(signals)):
        scale.add(signals[index])
        if scale.total >= threshold:
            return index
    raise AssertionError("the window weighs enough")


def _span(signals: Sequence[Signal]) -> Span:
    """One finding from the first signal on, named after all groups that weighed in."""
    fired = {label for signal in signals for label in signal.labels if signal.weight}
    label = "+".join(name for name in LABELS if name in fired)
    return Span(signals[0].start, max(signal.end for signal in signals), label)
