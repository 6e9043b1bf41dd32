"""Tables whose columns are compared with their first row. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Sequence


class Rounds:
    """Measurements of several cases that take turns; what counts is each one's median."""

    def __init__(self, cases: int) -> None:
        self._taken: list[list[float]] = [[] for _ in range(cases)]

    def add(self, case: int, value: float) -> None:
        self._taken[case].append(value)

    def medians(self) -> list[float]:
        return [statistics.median(taken) for taken in self._taken]


def ratios(values: Sequence[float]) -> list[float]:
    """Each value as a multiple of the first, the smallest case of the same run."""
    return [value / values[0] for value in values]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Markdown; everything but the first column to the right."""
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def scaled(first: str, sizes: Sequence[int], columns: dict[str, Sequence[float]]) -> str:
    """One row for each size; beside every column how often the smallest case it is."""
    head = [first] + [part for name in columns for part in (name, "ratio")]
    rows = []
    for at, size in enumerate(sizes):
        cells = [f"{size:,}"]
        for values in columns.values():
            cells += [f"{values[at]:.1f}", f"{ratios(values)[at]:.2f}"]
        rows.append(cells)
    return table(head, rows)
