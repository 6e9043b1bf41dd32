"""What a budget does instead of refusing, and from how much spent on (`degrade`).

Promises: integers only; a step is due from exactly its percentage of the counter's own limit on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from extproc.config.limit_model import DegradeStep

NEVER = -1


@dataclass(frozen=True, slots=True)
class Steps:
    """One budget's steps, by rising percentage; `shares` are those percentages as fractions."""

    steps: tuple[DegradeStep, ...]
    shares: tuple[Fraction, ...]

    def due_at(self, taken: int, limit: int) -> int:
        """The least spend at which the step after `taken` is due; -1 when there is none left."""
        return self._amount(taken, limit) if taken < len(self.steps) else NEVER

    def next(
        self, taken: int, spent: int, limit: int, full: bool
    ) -> tuple[int, DegradeStep] | None:
        """The highest step that is due; if the counter is `full`, at least the next one."""
        wanted = sum(self._amount(n, limit) <= spent for n in range(len(self.steps)))
        wanted = max(wanted, taken + 1) if full else wanted
        if not taken < wanted <= len(self.steps):
            return None
        return wanted, self.steps[wanted - 1]

    def _amount(self, index: int, limit: int) -> int:
        share = self.shares[index]
        return -(-limit * share.numerator // share.denominator)


def compile_steps(steps: Iterable[DegradeStep]) -> Steps | None:
    """None when a budget has no step."""
    rising = tuple(sorted(steps, key=lambda step: step.at_percent))
    shares = tuple(Fraction(repr(step.at_percent)) / 100 for step in rising)
    return Steps(rising, shares) if rising else None
