"""`envelope audit export`: matching entries as JSON lines or CSV. That it happened is an entry."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from extproc.audit.read import hashed
from extproc.audit.values import Entry
from extproc.cli.audit.asking import given_filters
from extproc.cli.audit.options import FINE, add_filters, log_folder, need_log
from extproc.cli.audit.query import matching
from extproc.cli.audit.recording import record
from extproc.cli.audit.showing import stream, write_csv
from extproc.state import StateDir


def configure(part: argparse.ArgumentParser) -> None:
    add_filters(part)
    part.add_argument("--format", choices=("jsonl", "csv"), default="jsonl")


def run(args: argparse.Namespace) -> int:
    folder = log_folder(args)
    need_log(folder)
    size = hashed(folder)
    found = _until(matching(args, folder), size)
    details = {"format": args.format, "entries_before": size, "since": args.since,
               "until": args.until, "filters": given_filters(args)}  # fmt: skip
    record(StateDir(args.state), "audit.export", "", {k: v for k, v in details.items() if v})
    if args.format == "jsonl":
        stream(found, as_json=True)
    else:
        write_csv(found)
    return FINE


def _until(found: Iterator[Entry], size: int) -> Iterator[Entry]:
    """Without what came after, such as the entry about this export."""
    for entry in found:
        if entry.get("index", 0) >= size:
            return
        yield entry
