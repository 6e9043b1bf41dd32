"""What the parts that ask the log share: where records come from, the period, how answers look."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from extproc.audit.query import Filter
from extproc.cli.audit.options import count, read_filter
from extproc.state import StateDir

if TYPE_CHECKING:
    from extproc.audit.questions.database import Questions

_FLAGS = ("decision", "principal", "team", "model", "code", "outcome", "kind", "record_class")


def add_sources(part: argparse.ArgumentParser) -> None:
    part.add_argument("--records", action="append", default=[], metavar="PATH",
                      help="exported records: Parquet or JSON lines (.gz, .zst too); a file, a "
                           "folder or a glob; may be repeated; doubles count once")  # fmt: skip
    part.add_argument("--records-only", action="store_true", help="leave out the local log")
    part.add_argument("--memory-mb", type=count, default=1024, metavar="N",
                      help="memory for the question (default 1024)")  # fmt: skip
    part.add_argument("--threads", type=count, default=0, metavar="N", help="default: all cores")


def add_period(part: argparse.ArgumentParser) -> None:
    from extproc.audit.questions.period import FORMS

    part.add_argument("--period", metavar="P", help=f"instead of --since and --until: {FORMS}")


@contextmanager
def opened(args: argparse.Namespace) -> Iterator[Questions]:
    """The records that the options name; notices are said."""
    from extproc.audit.questions.database import open_questions

    if args.records_only and not args.records:
        raise ValueError("--records-only needs --records")
    audit = None if args.records_only else StateDir(args.state).audit
    given = {"memory_mb": max(args.memory_mb, 128), "threads": args.threads}
    with open_questions(audit, args.records, say=progress, **given) as questions:
        progress("")
        for notice in questions.notices:
            print(f"envelope audit: {notice}", file=sys.stderr)
        yield questions


def progress(text: str) -> None:
    """What is being done, on a terminal only."""
    if sys.stderr.isatty():
        print(f"{text:<60}", end="\r", file=sys.stderr, flush=True)


def selected(args: argparse.Namespace, now_ms: int) -> Filter:
    """The filter of the options, the period included; raises ValueError."""
    from extproc.audit.questions.period import parse_period

    wanted = read_filter(args, now_ms)
    if not args.period:
        return wanted
    if args.since or args.until:
        raise ValueError("--period stands instead of --since and --until")
    since, until = parse_period(args.period, now_ms)
    kept = {f.name: getattr(wanted, f.name) for f in fields(wanted)}
    return Filter(**{**kept, "since_ms": since, "until_ms": until})


def given_filters(args: argparse.Namespace) -> dict[str, Any]:
    """The filters beside the period that were given."""
    found = {name: getattr(args, name) for name in _FLAGS if getattr(args, name) is not None}
    return found | ({"where": list(args.where)} if args.where else {})


def command(part: str, args: argparse.Namespace, *names: str) -> str:
    """The command that asked, without paths of this machine."""
    words = ["envelope", "audit", *part.split()]
    for name in ("period", "since", "until", *_FLAGS, *names):
        value = getattr(args, name, None)
        flag = "--class" if name == "record_class" else f"--{name.replace('_', '-')}"
        listed = value if isinstance(value, list) else [value]
        words += [word for one in listed if one for word in (flag, str(one))]
    return shlex.join([*words, *(w for one in args.where for w in ("--where", one))])


def write_rows(names: Sequence[str], rows: Iterable[Sequence[Any]], form: str) -> int:
    """`json` (a line each) and `csv` to stdout; how many there were."""
    import orjson

    from extproc.audit.questions.report import plain
    from extproc.cli.rows import write_csv

    number = 0

    def counted() -> Iterator[list[Any]]:
        nonlocal number
        for row in rows:
            number += 1
            yield [plain(value) for value in row]

    if form == "csv":
        write_csv(names, counted(), sys.stdout)
        return number
    for row in counted():
        said = dict(zip(names, row, strict=True))
        print(orjson.dumps(said).decode())
    return number
