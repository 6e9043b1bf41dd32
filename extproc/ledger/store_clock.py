"""What time the store has, as far as a gateway can tell: it decides windows, ours only names them.

Promises: two gateways with different clocks agree, because each learns how far it is from the
store. Refuses: a store whose clock has jumped away from the time, which would open a window that
has not begun (P2).
"""

from __future__ import annotations

from collections.abc import Callable

from extproc.limits.values import LedgerUnavailable

JUMP_MS = 300_000
"""A store that is suddenly further from our own clock than this has jumped."""


class StoreClock:
    """`clock_ms`: our own clock (Unix time). `offset_ms`: the store's minus ours, if known."""

    def __init__(self, clock_ms: Callable[[], int]) -> None:
        self._clock_ms = clock_ms
        self.offset_ms: int | None = None

    def now_ms(self) -> int:
        return self._clock_ms() + (self.offset_ms or 0)

    def confirm(self) -> None:
        """A call went through: our clock is near enough to the store's."""
        if self.offset_ms is None:
            self.offset_ms = 0

    def learn(self, store_ms: int) -> None:
        """Take the store's time over. Raises LedgerUnavailable when it has jumped.

        A jump towards our own clock is a correction. The first time is believed: a gateway whose
        own clock is wrong would else never work.
        """
        offset = store_ms - self._clock_ms()
        known = self.offset_ms
        if known is not None and abs(offset - known) > JUMP_MS and abs(offset) > abs(known):
            raise LedgerUnavailable("the store's clock jumped; restart the gateway if it is right")
        self.offset_ms = offset
