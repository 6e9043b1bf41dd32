"""Options and outputs that the parts of `envelope audit` share."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from extproc.audit.checkpoint import VERIFIER_KEY
from extproc.audit.query import Filter, parse_time, parse_where
from extproc.audit.read import NoLog
from extproc.audit.sequencer import LOG
from extproc.state import StateDir

FINE, NO, USAGE = 0, 1, 2


def log_folder(args: argparse.Namespace) -> Path:
    """The folder of the log, which need not be there."""
    return StateDir(args.state).audit / LOG


def need_log(folder: Path) -> None:
    if not folder.exists():
        raise NoLog(f"no audit log in {folder}")


def add_filters(part: argparse.ArgumentParser) -> None:
    part.add_argument("--decision", metavar="ID", help="decision id")
    part.add_argument("--principal", metavar="NAME", help="account or user")
    part.add_argument("--team", metavar="T")
    part.add_argument("--model", metavar="M", help="requested or served model; may be a glob")
    part.add_argument("--code", metavar="C", help="refusal code, e.g. budget_exceeded")
    part.add_argument("--outcome", metavar="O", help="allowed, refused, aborted, ...")
    part.add_argument("--since", metavar="WHEN", help="1h, 7d, or RFC 3339")
    part.add_argument("--until", metavar="WHEN", help="1h, 7d, or RFC 3339")
    part.add_argument("--kind", choices=("call", "event"), help="calls, or what people did")
    part.add_argument("--class", dest="record_class", choices=("exchange", "refusal", "admin"),
                      help="class of record, as retention and sinks have it")  # fmt: skip
    part.add_argument("--where", action="append", default=[], metavar="KEY=VALUE",
                      help="dotted path, e.g. metadata.project_id=p1; also != >= <= > < and "
                           "~GLOB; a missing field matches nothing; may be repeated")  # fmt: skip


def read_filter(args: argparse.Namespace, now_ms: int) -> Filter:
    """The filter that the options describe; raises ValueError."""
    return Filter(
        decision=args.decision,
        principal=args.principal,
        team=args.team,
        model=args.model,
        code=args.code,
        outcome=args.outcome,
        since_ms=parse_time(args.since, now_ms) if args.since else None,
        until_ms=parse_time(args.until, now_ms) if args.until else None,
        where=tuple(parse_where(text) for text in args.where),
        kind=args.kind,
        record_class=args.record_class,
    )


def add_key(part: argparse.ArgumentParser) -> None:
    text = "verifier key (default: the state folder's; keep a copy elsewhere)"
    part.add_argument("--key", type=Path, metavar="F", help=text)


def key_path(args: argparse.Namespace) -> Path:
    given: Path | None = args.key
    return given or StateDir(args.state).audit / VERIFIER_KEY


def add_json(part: argparse.ArgumentParser) -> None:
    part.add_argument("--json", action="store_true", help="machine output on stdout")


def count(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError("a number, not negative")
    return int(text)


def say(text: str, code: int = FINE) -> int:
    """Tell people something, on stderr."""
    print(text, file=sys.stderr)
    return code
