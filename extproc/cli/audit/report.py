"""`envelope audit report`: the questions that people ask, answered as table, CSV, JSON or HTML."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from extproc.audit.entry import rfc3339
from extproc.cli.audit.asking import add_period, add_sources, command, opened, selected
from extproc.cli.audit.options import FINE, add_filters, say
from extproc.state import StateDir

if TYPE_CHECKING:
    from extproc.audit.questions.page import Evidence
    from extproc.audit.questions.report import Report

NAMES = {
    "calls": "who called what",
    "customer-data": "which teams sent customer data to which providers and regions",
    "spend": "what was spent, by any key",
    "guardrails": "what guardrails found and did, and what was not scanned",
    "shadow": "what would have been refused",
    "refusals": "what was refused, to whom, and why",
    "changes": "who changed or read what",
}


def configure(part: argparse.ArgumentParser) -> None:
    part.formatter_class = argparse.RawDescriptionHelpFormatter
    listed = "\n".join(f"  {name:<15}{text}" for name, text in NAMES.items())
    part.epilog = (
        f"reports:\n{listed}\n\nexample: envelope audit report customer-data "
        "--period last-quarter --format html --output q.html"
    )
    part.add_argument("name", choices=tuple(NAMES), metavar="NAME", help=", ".join(NAMES))
    part.add_argument("--by", metavar="A,B", help="group by these instead: dimensions as in "
                      "`envelope usage`, region, data_class, or any metadata key")  # fmt: skip
    part.add_argument("--format", choices=("table", "csv", "json", "html"), default="table")
    part.add_argument("--table", metavar="T", help="with csv: another table than the first")
    part.add_argument("--output", type=Path, metavar="F", help="a file instead of stdout")
    add_period(part)
    add_data_class(part)
    add_filters(part)
    add_sources(part)


def add_data_class(part: argparse.ArgumentParser) -> None:
    part.add_argument("--data-class", action="append", default=[], metavar="GLOB",
                      help="values of metadata data_class that mean customer data (default: all "
                           "but public, none, synthetic, test); may be repeated")  # fmt: skip


def run(args: argparse.Namespace) -> int:
    now_ms = time.time_ns() // 1_000_000
    wanted = selected(args, now_ms)
    with opened(args) as questions:
        from extproc.audit.dimensions import parse_by
        from extproc.audit.questions.filters import condition
        from extproc.audit.questions.period import said
        from extproc.audit.questions.reports import REPORTS
        from extproc.audit.questions.reports.scope import Scope

        by = parse_by(args.by or "", ())
        scope = Scope(condition(wanted), by, tuple(args.data_class))
        report = REPORTS[args.name](questions, scope)
        notices = tuple(questions.notices)
    if args.format == "table":
        _show(report, said(wanted.since_ms, wanted.until_ms))
        if not args.records_only:
            say(f"\nproof of this: {command('pack', args, 'data_class')} --output evidence.zip")
        return FINE
    text = _text(args, report, now_ms, notices)
    if args.output is None:
        sys.stdout.write(text)
    else:
        args.output.write_text(text, "utf-8", newline="")
    return FINE


def _text(args: argparse.Namespace, report: Report, now_ms: int, notices: tuple[str, ...]) -> str:
    import orjson

    from extproc.audit.questions.delimited import csv_text
    from extproc.audit.questions.page import html
    from extproc.audit.questions.report import report_json

    match args.format:
        case "json":
            return orjson.dumps(report_json(report), option=orjson.OPT_INDENT_2).decode() + "\n"
        case "csv":
            names = {table.name: table for table in report.tables}
            wanted = args.table or report.tables[0].name
            if wanted not in names:
                raise ValueError(f"no table '{wanted}' here: {', '.join(names)}")
            return csv_text(names[wanted]).decode()
        case _:
            return html([report], _evidence(args, now_ms, notices))


def _evidence(args: argparse.Namespace, now_ms: int, notices: tuple[str, ...]) -> Evidence:
    from extproc.audit.questions.period import said
    from extproc.audit.questions.standing import evidence, standing
    from extproc.audit.read import NotProvable

    wanted = selected(args, now_ms)
    found = None
    if not args.records_only:
        try:
            found = standing(StateDir(args.state).audit)
        except NotProvable as error:
            notices = (*notices, str(error))
    sources = ["the local log"] if not args.records_only else []
    sources += [f"{len(args.records)} sources of exported records"] if args.records else []
    return evidence(
        found, made_at=rfc3339(now_ms), period=said(wanted.since_ms, wanted.until_ms),
        asked=command(f"report {args.name}", args, "by", "data_class"),
        sources=tuple(sources), notices=notices,
    )  # fmt: skip


def _show(report: Report, period: str) -> None:
    from extproc.audit.questions.report import brief
    from extproc.audit.table import columns

    say(f"{report.answers}\n{period}\n")
    for label, value in report.figures:
        say(f"  {value:>14}  {label}")
    for table in report.tables:
        say(f"\n{table.title}")
        rows = [
            [brief(value, column.kind) for value, column in zip(row, table.columns, strict=True)]
            for row in table.rows
        ]
        heads = [column.title.upper() for column in table.columns]
        say(columns(heads, rows, right=0) if rows else "  none")
    for note in report.notes:
        say(f"\n* {note}")
