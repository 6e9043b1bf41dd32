"""What was spent: cost, requests and tokens from the audit log, by any dimension or metadata key.

The table, with a line for the whole, goes to stderr; `--json` and `--csv` to stdout. The log is
read entry by entry, so that its length costs time and no memory.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from extproc.audit.dimensions import DIMENSIONS, METADATA, NONE, parse_by
from extproc.audit.event import EVENT
from extproc.audit.query import Filter, parse_time
from extproc.audit.read import NoLog, entries, lines
from extproc.audit.sequencer import LOG
from extproc.audit.spend import FIGURES, Place, Spend, Sums, add_up
from extproc.audit.table import columns
from extproc.audit.values import Entry
from extproc.cli.audit.options import FINE, USAGE
from extproc.cli.rows import write_csv, write_json
from extproc.config.mistake import did_you_mean
from extproc.state import DEFAULT_STATE, StateDir

_SHOWN = ("requests", "refused", "refused_by_limit", "degraded", "input_tokens", "output_tokens",
          "total_tokens", "cost_usd")  # fmt: skip
PROGRESS_EVERY = 100_000


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    by = (f"dimensions: {', '.join(DIMENSIONS)}, or any metadata key, e.g. ticket_id or "
          f"{METADATA}ticket_id (default team,model)")  # fmt: skip
    when = "7d, 1h, or RFC 3339"
    parser.add_argument("--state", type=Path, default=DEFAULT_STATE, help="state folder")
    parser.add_argument("--by", default="team,model", metavar="A,B", help=by)
    parser.add_argument("--since", metavar="WHEN", help=f"{when} (default: everything)")
    parser.add_argument("--until", metavar="WHEN", help=when)
    parser.add_argument("--top", type=_positive, metavar="N", help="only the N dearest rows")
    output = parser.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="a JSON list on stdout")
    output.add_argument("--csv", action="store_true", help="CSV on stdout")


def run(args: argparse.Namespace) -> int:
    """Add up and print; 2 for a time or a dimension that means nothing."""
    try:
        by = parse_by(args.by, FIGURES)
        wanted = _period(args, time.time_ns() // 1_000_000)
        source = _watched(entries(lines(StateDir(args.state).audit / LOG)))
        sums = add_up((entry for entry in source if wanted.matches(entry)), by)
        _look_for_typos(sums)
    except (NoLog, ValueError) as error:
        print(f"envelope usage: {error}", file=sys.stderr)
        return USAGE
    _print(args, sums)
    return FINE


def _period(args: argparse.Namespace, now_ms: int) -> Filter:
    since = parse_time(args.since, now_ms) if args.since else None
    until = parse_time(args.until, now_ms) if args.until else None
    if since is not None and until is not None and since >= until:
        raise ValueError(f"--since {args.since} is not before --until {args.until}")
    return Filter(since_ms=since, until_ms=until)


def _watched(source: Iterable[Entry]) -> Iterator[Entry]:
    """The same entries; on a terminal a figure shows that something happens. What retention took
    away is told: a sum without it would be read as all that was spent."""
    on_terminal = sys.stderr.isatty()
    removed = 0
    for number, entry in enumerate(source, 1):
        yield entry
        if entry.get("kind") == EVENT and entry["event"].get("action") == "audit.prune":
            removed += int(entry["event"].get("count", 0))
        if on_terminal and number % PROGRESS_EVERY == 0:
            print(f"{number:,} entries", end="\r", file=sys.stderr, flush=True)
    if on_terminal:
        print(" " * 40, end="\r", file=sys.stderr)
    if removed:
        print(f"envelope usage: retention has removed {removed:,} entries, which no sum counts",
              file=sys.stderr)  # fmt: skip


def _look_for_typos(sums: Sums) -> None:
    """A key that nobody uses is said; one that looks like a dimension is a mistake (ValueError)."""
    for name in sums.never_seen():
        hint = did_you_mean(name, DIMENSIONS)
        if hint and not name.startswith(METADATA):
            raise ValueError(f"no dimension and no metadata key '{name}'{hint}")
        print(f"envelope usage: no entry has the metadata key '{name.removeprefix(METADATA)}'",
              file=sys.stderr)  # fmt: skip


def _print(args: argparse.Namespace, sums: Sums) -> None:
    rows = islice(sums.rows.items(), args.top)
    if args.json:
        write_json((_as_json(sums.by, place, spend) for place, spend in rows), sys.stdout)
    elif args.csv:
        figures = ((*place, *spend.to_json().values()) for place, spend in rows)
        write_csv((*sums.by, *FIGURES), figures, sys.stdout)
    else:
        print(_table(sums, list(rows)), file=sys.stderr)
    hidden = len(sums.rows) - args.top if args.top else 0
    if hidden > 0:
        print(f"{hidden:,} more rows are not shown (--top {args.top})", file=sys.stderr)


def _as_json(by: Place, place: Place, spend: Spend) -> dict[str, object]:
    return {**dict(zip(by, place, strict=True)), **spend.to_json()}


def _table(sums: Sums, rows: list[tuple[Place, Spend]]) -> str:
    if not rows:
        return "no entries"
    cells = [[*place, *_figures(spend)] for place, spend in rows]
    if sums.by:
        whole = ["total", *(NONE for _ in sums.by[1:])]
        cells.append([*whole, *_figures(sums.whole)])
    header = [name.upper() for name in (*sums.by, *_SHOWN)]
    return columns(header, cells, right=len(_SHOWN))


def _figures(spend: Spend) -> list[str]:
    figures = spend.to_json()
    return [str(figures[name]) for name in _SHOWN]


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number
