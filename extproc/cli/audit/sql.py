"""`envelope audit sql`: one SELECT over the log and over exported records."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

import orjson

from extproc.cli.audit.asking import add_sources, opened, write_rows
from extproc.cli.audit.options import FINE, count, say

if TYPE_CHECKING:
    from extproc.audit.questions.database import Answer

SHOWN = 200
WITHIN_S = 300.0


def configure(part: argparse.ArgumentParser) -> None:
    part.formatter_class = argparse.RawDescriptionHelpFormatter
    part.epilog = (
        "views: entries, attempts, guardrails, findings, events; DESCRIBE entries lists columns\n"
        "times are UTC; the column at is a word of SQL and needs quotes, time is the same\n\n"
        '  envelope audit sql "SELECT team, provider, count(*) FROM entries\n'
        "    WHERE time >= '2026-07-01' AND data_class = 'customer_pii' GROUP BY ALL\"\n\n"
        "a question can read these records and nothing else: no other file, no network"
    )
    part.add_argument("question", metavar="SELECT", help="one SELECT; - reads it from stdin")
    part.add_argument("--within", type=float, default=WITHIN_S, metavar="SECONDS",
                      help="give up after so long (default %(default)g)")  # fmt: skip
    configure_output(part)
    add_sources(part)


def configure_output(part: argparse.ArgumentParser) -> None:
    output = part.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="a JSON object per line on stdout")
    output.add_argument("--csv", action="store_true", help="CSV on stdout")
    part.add_argument("--rows", type=count, default=SHOWN, metavar="N",
                      help=f"rows of the table on a terminal (default {SHOWN})")  # fmt: skip


def run(args: argparse.Namespace) -> int:
    question = sys.stdin.read() if args.question == "-" else args.question
    with opened(args) as questions:
        answer = questions.ask(question, args.within)
        if args.json or args.csv:
            write_rows(answer.names, _parsed(answer), "csv" if args.csv else "json")
        else:
            _show(answer, args.rows)
    return FINE


def _parsed(answer: Answer) -> Iterator[list[Any]]:
    """JSON columns as what they hold."""
    parsed = [kind == "JSON" for kind in answer.types]
    for row in answer.rows:
        yield [_loaded(v) if is_json else v for v, is_json in zip(row, parsed, strict=True)]


def _loaded(value: Any) -> Any:
    try:
        return orjson.loads(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _show(answer: Answer, most: int) -> None:
    from extproc.audit.questions.report import shown
    from extproc.audit.table import columns

    rows = [[shown(value) for value in row] for row in islice(answer.rows, most)]
    more = sum(1 for _ in answer.rows)
    say(columns(answer.names, rows, right=0) if rows else "no rows")
    if more:
        say(f"{more:,} more rows are not shown (--rows, --json, --csv)")
