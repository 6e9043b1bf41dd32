"""What one worker has seen of one model of one connection.

Two failures at most, one rest, and two rings of buckets: ten seconds wide for three minutes, ten
minutes wide for half an hour.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

SHORT_MS, SHORT_BUCKETS = 10_000, 18
LONG_MS, LONG_BUCKETS = 600_000, 3


@dataclass(slots=True)
class Seen:
    """Sums of milliseconds, and of how many samples."""

    first_tokens: int = 0
    first_token_ms: float = 0.0
    per_tokens: int = 0
    per_token_ms: float = 0.0

    def note(self, ttft_ms: float | None, tpot_ms: float | None) -> None:
        if ttft_ms is not None:
            self.first_tokens += 1
            self.first_token_ms += ttft_ms
        if tpot_ms is not None:
            self.per_tokens += 1
            self.per_token_ms += tpot_ms

    def add(self, other: Seen) -> None:
        self.first_tokens += other.first_tokens
        self.first_token_ms += other.first_token_ms
        self.per_tokens += other.per_tokens
        self.per_token_ms += other.per_token_ms

    def row(self) -> list[float]:
        return [self.first_tokens, round(self.first_token_ms, 1),
                self.per_tokens, round(self.per_token_ms, 2)]  # fmt: skip


@dataclass(slots=True)
class Track:
    """`failures`: the last two, Unix milliseconds, rising. `told`: the provider itself named the
    end of the rest. `short`, `long`: bucket number -> what was seen in it."""

    failures: tuple[int, ...] = ()
    rest_until_ms: int = 0
    told: bool = False
    short: dict[int, Seen] = field(default_factory=dict)
    long: dict[int, Seen] = field(default_factory=dict)

    def fail(self, now_ms: int) -> None:
        self.failures = tuple(sorted((*self.failures, now_ms))[-2:])

    def rest(self, until_ms: int, *, told: bool) -> None:
        """The last word counts; what was told is not undone by what is assumed."""
        if told or not self.told or until_ms > self.rest_until_ms:
            self.rest_until_ms, self.told = until_ms, told

    def sample(self, now_ms: int, ttft_ms: float | None, tpot_ms: float | None) -> None:
        if ttft_ms is None and tpot_ms is None:
            return
        _bucket(self.short, now_ms // SHORT_MS, SHORT_BUCKETS).note(ttft_ms, tpot_ms)
        _bucket(self.long, now_ms // LONG_MS, LONG_BUCKETS).note(ttft_ms, tpot_ms)

    def recent(self, now_ms: int) -> Seen:
        """The sum of the last three minutes."""
        found, oldest = Seen(), now_ms // SHORT_MS - SHORT_BUCKETS
        for number, seen in self.short.items():
            if number > oldest:
                found.add(seen)
        return found

    def encode(self, now_ms: int) -> list[Any]:
        """[failures, end of rest, told, [bucket, sums], [[bucket, sums], ...]]: nothing of what is
        over. The short buckets travel as one sum, in the bucket of now."""
        recent = self.recent(now_ms)
        oldest = now_ms // LONG_MS - LONG_BUCKETS
        return [
            [at for at in self.failures if at > now_ms - SHORT_MS * SHORT_BUCKETS],
            self.rest_until_ms if self.rest_until_ms > now_ms else 0,
            self.told,
            [[now_ms // SHORT_MS, *recent.row()]] if recent.first_tokens or recent.per_tokens
            else [],
            [[at, *seen.row()] for at, seen in self.long.items() if at > oldest],
        ]  # fmt: skip

    def take_in(self, row: Sequence[Any]) -> None:
        """Add what another worker says (`encode`)."""
        failures, rest_until_ms, told, short, long = row
        self.failures = tuple(sorted((*self.failures, *failures))[-2:])
        if rest_until_ms > self.rest_until_ms:
            self.rest_until_ms, self.told = rest_until_ms, told
        for buckets, rows in ((self.short, short), (self.long, long)):
            for number, *sums in rows:
                buckets.setdefault(number, Seen()).add(Seen(*sums))


def _bucket(buckets: dict[int, Seen], number: int, most: int) -> Seen:
    found = buckets.get(number)
    if found is None:
        for old in [old for old in buckets if old <= number - most]:
            del buckets[old]
        found = buckets[number] = Seen()
    return found
