"""`envelope audit export`: matching entries as JSON lines or CSV."""

from __future__ import annotations

import argparse

from extproc.cli.audit.options import FINE, add_filters, log_folder
from extproc.cli.audit.query import matching
from extproc.cli.audit.showing import stream, write_csv


def configure(part: argparse.ArgumentParser) -> None:
    add_filters(part)
    part.add_argument("--format", choices=("jsonl", "csv"), default="jsonl")


def run(args: argparse.Namespace) -> int:
    found = matching(args, log_folder(args))
    if args.format == "jsonl":
        stream(found, as_json=True)
    else:
        write_csv(found)
    return FINE
