"""From what happened to what is printed. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.spend.callers import Outcome

HEAD = (
    "product", "answered", "hung up", "refused", "failed", "provider's bill, USD", "budget, USD",
    "overspent, USD", "overspent, %", "product believes, USD",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """One product in one scenario. Amounts in USD. `believed`: None = it cannot be asked."""

    product: str
    scenario: str
    outcome: Outcome
    billed: float
    budget: float
    believed: float | None

    @property
    def overspend(self) -> float:
        """What was billed beyond the budget; never below 0. Half a micro-dollar is rounding."""
        over = self.billed - self.budget
        return over if over > 5e-7 else 0.0

    @property
    def overspend_percent(self) -> float:
        return 100 * self.overspend / self.budget

    def cells(self) -> tuple[str, ...]:
        o = self.outcome
        believed = "unknown" if self.believed is None else f"{self.believed:.4f}"
        return (
            self.product, str(o.answered), str(o.left), str(o.refused), str(o.failed),
            f"{self.billed:.4f}", f"{self.budget:.2f}", f"{self.overspend:.4f}",
            f"{self.overspend_percent:.1f}", believed,
        )  # fmt: skip

    def as_json(self) -> dict[str, object]:
        o = self.outcome
        return {
            "product": self.product, "scenario": self.scenario, "answered": o.answered,
            "left": o.left, "refused": o.refused, "failed": o.failed,
            "statuses": dict(o.statuses), "billed_usd": self.billed, "budget_usd": self.budget,
            "overspend_usd": self.overspend, "overspend_percent": self.overspend_percent,
            "believed_usd": self.believed,
        }  # fmt: skip


def markdown(rows: Sequence[Row]) -> str:
    """A Markdown table of one scenario's rows."""
    lines = [_line(HEAD), _line(["---"] + ["---:"] * (len(HEAD) - 1))]
    return "\n".join(lines + [_line(row.cells()) for row in rows])


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
