"""A table as CSV (RFC 4180) that no spreadsheet takes for formulas."""

from __future__ import annotations

from io import StringIO

from extproc.audit.questions.report import Table, plain
from extproc.audit.spend import usd
from extproc.cli.rows import write_csv


def csv_text(table: Table) -> bytes:
    """UTF-8, with a heading; money in USD as exact decimals, times as RFC 3339."""
    out = StringIO()
    kinds = [column.kind for column in table.columns]
    rows = (
        [
            usd(int(value)) if kind == "usd" and value is not None else plain(value)
            for kind, value in zip(kinds, row, strict=True)
        ]
        for row in table.rows
    )
    write_csv([column.name for column in table.columns], rows, out)
    return out.getvalue().encode("utf-8", "replace")
