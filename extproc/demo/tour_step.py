"""The values of the guided tour: chapters of steps, what came of each, and the rows of its table.

A step promises its outcome as a sentence; what happened is told in the same words, from what was
observed. The step has gone as expected when both sentences are equal: there is nothing in the table
that is not checked, but the notes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from extproc.audit.spend import usd

if TYPE_CHECKING:
    from extproc.demo.tour_stage import Stage


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was observed. `cost_nano_usd`: from the audit entries, None where nothing was billed.

    `note`: a fact beside the sentence that differs from run to run; nobody expects it.
    """

    got: str
    decision_id: str = ""
    cost_nano_usd: int | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the tour. `act` makes the call and tells what came of it."""

    call: str
    expected: str
    act: Callable[[Stage], Awaitable[Outcome]]


@dataclass(frozen=True, slots=True)
class Chapter:
    """Steps that answer one question of governance."""

    title: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """A step and its outcome. Numbers run through all chapters, from 1."""

    number: int
    chapter: str
    step: Step
    outcome: Outcome

    @property
    def ok(self) -> bool:
        return self.outcome.got == self.step.expected

    def to_json(self) -> dict[str, Any]:
        """`cost_usd` is exact decimal text; None where nothing was billed."""
        cost = self.outcome.cost_nano_usd
        return {
            "number": self.number,
            "chapter": self.chapter,
            "call": self.step.call,
            "expected": self.step.expected,
            "got": self.outcome.got,
            "note": self.outcome.note,
            "ok": self.ok,
            "decision_id": self.outcome.decision_id or None,
            "cost_nano_usd": cost,
            "cost_usd": None if cost is None else usd(cost),
        }
