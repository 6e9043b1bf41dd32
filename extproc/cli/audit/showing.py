"""Entries on a terminal, as JSON lines, as CSV."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable

import orjson

from extproc.audit.table import ENTRY_HEADER, WIDTHS, columns, entry_cells, row_text
from extproc.audit.values import Entry
from extproc.cli.audit.options import say


def show(found: Iterable[Entry], as_json: bool) -> None:
    """All of them as one table, or as JSON lines."""
    if as_json:
        stream(found, as_json)
        return
    rows = [entry_cells(entry) for entry in found]
    say(columns(ENTRY_HEADER, rows) if rows else "no entries")


def stream(found: Iterable[Entry], as_json: bool) -> None:
    """One entry at a time, as they come."""
    if not as_json:
        say(row_text(ENTRY_HEADER, WIDTHS))
    for entry in found:
        if as_json:
            print(orjson.dumps(entry).decode(), flush=True)
        else:
            say(row_text(entry_cells(entry), WIDTHS))


def write_csv(found: Iterable[Entry]) -> None:
    """To stdout, with a heading."""
    writer = csv.writer(sys.stdout)
    writer.writerow([name.lower() for name in ENTRY_HEADER])
    for entry in found:
        writer.writerow([csv_cell(cell) for cell in entry_cells(entry)])


def csv_cell(text: str) -> str:
    """Text that a spreadsheet will not take for a formula (callers choose metadata and models)."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") and text != "-" else text
