"""What this process saw spent: enough to bring a counter back that the store has lost (P2).

Spend within a span only grows, so that the highest that anybody saw is what was spent, and the last
one to spend has seen it all. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

KEEP_MS = 3_600_000
"""Sliding windows shorter than this are not worth bringing back."""


@dataclass(frozen=True, slots=True)
class Mark:
    """`meta`: as the store has it (`shared.lua`). `seen_ms`: when, by the store's clock."""

    spent: int
    meta: str
    seen_ms: int


class Marks:
    """At most `most` marks, the longest unseen leave first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._marks: dict[str, Mark] = {}
        self._changed: set[str] | None = None

    def follow_changes(self) -> None:
        """From now on `take_changed` tells what is new."""
        self._changed = set()

    def take_changed(self) -> list[tuple[str, Mark]]:
        """The marks noted since the last time."""
        changed, self._changed = self._changed or set(), set()
        return [(key, self._marks[key]) for key in changed if key in self._marks]

    def put_back(self, changed: list[tuple[str, Mark]]) -> None:
        """They could not be kept: take them again next time."""
        if self._changed is not None:
            self._changed.update(key for key, _ in changed)

    def __len__(self) -> int:
        return len(self._marks)

    def note(self, key: str, spent: int, meta: str, now_ms: int) -> None:
        """`key`, worth keeping, was seen with so much spent. Never lowers a calendar counter."""
        if spent <= 0:
            return
        known = self._marks.pop(key, None)
        if known is not None and key[11] == "c" and known.spent > spent:
            spent = known.spent
        self._marks[key] = Mark(spent, meta, now_ms)
        if self._changed is not None:
            self._changed.add(key)
        if len(self._marks) > self._most:
            del self._marks[next(iter(self._marks))]

    def spent(self, key: str) -> int:
        mark = self._marks.get(key)
        return mark.spent if mark is not None else 0

    def items(self) -> list[tuple[str, Mark]]:
        return list(self._marks.items())

    def drop_dead(self, now_ms: int) -> None:
        """Forget what belongs to spans that are over, or has left its window."""
        for key in [k for k, mark in self._marks.items() if is_dead(k, mark, now_ms)]:
            del self._marks[key]


def worth_keeping(key: str, meta: str) -> bool:
    """Calendar counters, and sliding ones of an hour and more. `key[11]` is the shape."""
    match key[11]:
        case "c":
            return True
        case "s":
            return int(meta.split(":", 2)[1]) >= KEEP_MS
    return False


def is_dead(key: str, mark: Mark, now_ms: int) -> bool:
    _, w1, w2, _ = mark.meta.split(":", 3)
    return mark.seen_ms + int(w1) <= now_ms if key[11] == "s" else int(w2) <= now_ms


def pages(marks: list[tuple[str, Mark]], size: int) -> Iterator[list[tuple[str, Mark]]]:
    for start in range(0, len(marks), size):
        yield marks[start : start + size]
