"""Many rows of machine output, one at a time: nothing holds them all."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TextIO

from extproc.cli.audit.showing import csv_cell


def write_json(rows: Iterable[Mapping[str, Any]], out: TextIO) -> None:
    """A JSON list with one row per line."""
    separator = "[\n"
    for row in rows:
        out.write(separator + json.dumps(row))
        separator = ",\n"
    out.write("[]\n" if separator == "[\n" else "\n]\n")


def write_csv(header: Sequence[str], rows: Iterable[Sequence[Any]], out: TextIO) -> None:
    """RFC 4180, with a header; no cell is a spreadsheet's formula."""
    writer = csv.writer(out)
    writer.writerow(header)
    for row in rows:
        writer.writerow([csv_cell(cell) if isinstance(cell, str) else cell for cell in row])
