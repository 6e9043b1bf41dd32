"""`envelope audit query`: the entries that fit all filters."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import orjson

from extproc.audit.read import entries, lines
from extproc.audit.values import Entry
from extproc.cli.audit.options import FINE, add_filters, add_json, count, log_folder, read_filter
from extproc.cli.audit.showing import show


def configure(part: argparse.ArgumentParser) -> None:
    add_filters(part)
    part.add_argument("--limit", type=count, metavar="N", help="at most so many, oldest first")
    part.add_argument(
        "--sql", metavar="SELECT", help="ask in SQL instead: see `envelope audit sql`"
    )
    add_json(part)


def run(args: argparse.Namespace) -> int:
    if args.sql is not None:
        return _ask(args)
    show(islice(matching(args, log_folder(args)), args.limit), args.json)
    return FINE


def _ask(args: argparse.Namespace) -> int:
    from extproc.cli.audit import sql

    words = [args.sql, *(["--json"] if args.json else [])]
    part = argparse.ArgumentParser()
    sql.configure(part)
    return sql.run(part.parse_args(words, argparse.Namespace(state=args.state)))


def matching(args: argparse.Namespace, folder: Path) -> Iterator[Entry]:
    """The entries that the options' filters describe, oldest first; raises NoLog, ValueError."""
    wanted = read_filter(args, time.time_ns() // 1_000_000)
    source = lines(folder)
    if args.decision:  # most lines need no parsing to be ruled out
        needle = orjson.dumps(args.decision)
        source = (line for line in source if needle in line)
    return (entry for entry in entries(source) if wanted.matches(entry))
