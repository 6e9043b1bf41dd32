"""What was spent: cost, requests and tokens from the audit log, by any dimension or metadata key.

The table goes to stderr, `--json` and `--csv` to stdout.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import time
from pathlib import Path

from extproc.audit.query import Filter, parse_time
from extproc.audit.read import NoLog, entries, lines
from extproc.audit.sequencer import LOG
from extproc.audit.spend import DIMENSIONS, Spend, add_up
from extproc.audit.table import columns
from extproc.cli.audit_command import FINE, USAGE, csv_cell
from extproc.state import DEFAULT_STATE, StateDir

_FIGURES = tuple(Spend().to_json())
_SHOWN = ("requests", "refused", "input_tokens", "output_tokens", "total_tokens", "cost_usd")


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    names = ", ".join((*DIMENSIONS, "account", "day"))
    by = f"dimensions: {names}, or any metadata key (default team,model)"
    parser.add_argument("--state", type=Path, default=DEFAULT_STATE, help="state folder")
    parser.add_argument("--by", default="team,model", metavar="A,B", help=by)
    parser.add_argument("--since", metavar="WHEN", help="7d, 1h, or RFC 3339 (default: everything)")
    parser.add_argument("--until", metavar="WHEN", help="7d, 1h, or RFC 3339")
    output = parser.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="a JSON list on stdout")
    output.add_argument("--csv", action="store_true", help="CSV on stdout")


def run(args: argparse.Namespace) -> int:
    """Add up and print."""
    by = tuple(name.strip() for name in args.by.split(",") if name.strip())
    try:
        now_ms = time.time_ns() // 1_000_000
        wanted = Filter(
            since_ms=parse_time(args.since, now_ms) if args.since else None,
            until_ms=parse_time(args.until, now_ms) if args.until else None,
        )
        source = entries(lines(StateDir(args.state).audit / LOG))
        rows = add_up((entry for entry in source if wanted.matches(entry)), by)
    except (NoLog, ValueError) as error:
        print(error, file=sys.stderr)
        return USAGE
    _print(args, by, rows)
    return FINE


def _print(
    args: argparse.Namespace, by: tuple[str, ...], rows: dict[tuple[str, ...], Spend]
) -> None:
    if args.json:
        print(json.dumps([{**spend.to_json(), **dict(zip(by, place, strict=True))}
                          for place, spend in rows.items()]))  # fmt: skip
    elif args.csv:
        writer = csv.writer(sys.stdout)
        writer.writerow([*by, *_FIGURES])
        for place, spend in rows.items():
            writer.writerow([*map(csv_cell, place), *spend.to_json().values()])
    elif not rows:
        print("no entries", file=sys.stderr)
    else:
        table = [[*place, *_figures(spend)] for place, spend in rows.items()]
        header = [name.upper() for name in (*by, *_SHOWN)]
        print(columns(header, table, right=len(_SHOWN)), file=sys.stderr)


def _figures(spend: Spend) -> list[str]:
    figures = spend.to_json()
    return [str(figures[name]) for name in _SHOWN]
