"""The tour's table, for people: 100 columns, long cells wrapped, printed as the tour goes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import zip_longest

from extproc.audit.spend import usd
from extproc.demo.tour_step import Row
from extproc.limits.values import NANO_USD

WIDTHS = (2, 22, 25, 25, 8, 10)
"""Columns of text; with one or two spaces between them 100 together."""
HEADER = ("#", "CALL", "EXPECTED", "GOT", "DECISION", "COST USD")
WIDTH = sum(WIDTHS) + 8
DECISION_CHARS = 8
FAILED = "!"
_PIECES = re.compile(r"[^\s/_]{1,20}[/_]?\s*|[/_]\s*")


def header() -> str:
    return f"{_lines([[cell] for cell in HEADER])}\n{'-' * WIDTH}"


def chapter(title: str) -> str:
    return f"\n{title}"


def row_text(row: Row) -> str:
    """One row of one line or more; an `!` below its number: it did not go as expected."""
    outcome = row.outcome
    got = f"{outcome.got} ({outcome.note})" if outcome.note else outcome.got
    cost = outcome.cost_nano_usd
    return _lines([
        [str(row.number)] if row.ok else [str(row.number), FAILED],
        _wrapped(row.step.call, WIDTHS[1]),
        _wrapped(row.step.expected, WIDTHS[2]),
        _wrapped(got, WIDTHS[3]),
        [outcome.decision_id[:DECISION_CHARS] or "-"],
        ["-" if cost is None else f"{cost / NANO_USD:.8f}"],
    ])  # fmt: skip


def summary(rows: Sequence[Row], of: int) -> str:
    """What it all came to; `of`: the steps there are. Ends with the rows to look at, if any."""
    fine = sum(row.ok for row in rows)
    cost = sum(row.outcome.cost_nano_usd or 0 for row in rows)
    text = f"{fine} of {of} as expected, {usd(cost)} USD spent"
    wrong = [str(row.number) for row in rows if not row.ok]
    return f"{text}; look at {', '.join(wrong)}" if wrong else text


def _lines(cells: Sequence[Sequence[str]]) -> str:
    return "\n".join(_line(parts) for parts in zip_longest(*cells, fillvalue=""))


def _line(parts: Sequence[str]) -> str:
    number, *texts, decision, cost = parts
    columns = [text.ljust(width) for text, width in zip(texts, WIDTHS[1:4], strict=True)]
    left = f"{number.rjust(WIDTHS[0])} {'  '.join(columns)}"
    return f"{left}  {decision.ljust(WIDTHS[4])} {cost.rjust(WIDTHS[5])}".rstrip()


def _wrapped(text: str, width: int) -> list[str]:
    """Also behind `/` and `_`, so that model names and codes break where a reader would."""
    lines = [""]
    for piece in _PIECES.findall(text):
        if len(lines[-1]) + len(piece.rstrip()) > width:
            lines.append("")
        lines[-1] += piece
    return [line.rstrip() for line in lines]
