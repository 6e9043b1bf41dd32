"""Read and verify the audit log: who called what, what was decided, and that nobody changed it.

Tables and messages go to stderr, `--json` to stdout (one JSON object per line for entries).
`verify` exits 0 when the log is intact, 1 when it is not, 2 when there is nothing to verify.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import orjson

from extproc.audit.checkpoint import VERIFIER_KEY, load_verifier
from extproc.audit.note import NoteInvalid
from extproc.audit.query import Filter, parse_time, parse_where
from extproc.audit.read import NoLog, NotProvable, entries, follow, last_lines, lines, prove
from extproc.audit.sequencer import LOG
from extproc.audit.table import ENTRY_HEADER, WIDTHS, columns, entry_cells, row_text
from extproc.audit.values import Entry
from extproc.audit.verify import NothingToVerify, Report, verify
from extproc.state import DEFAULT_STATE, StateDir

FINE, NO, USAGE = 0, 1, 2


def configure(parser: argparse.ArgumentParser) -> None:
    """Sub-commands tail, query, export, verify, prove."""
    parser.add_argument("--state", type=Path, default=DEFAULT_STATE, help="state folder")
    parts = parser.add_subparsers(dest="part", metavar="PART", required=True)
    tail = _part(parts, "tail", "show the latest entries")
    tail.add_argument("-n", type=_count, default=20, metavar="N", help="how many (default 20)")
    tail.add_argument("--follow", "-f", action="store_true", help="go on as entries come")
    _json(tail)
    query = _part(parts, "query", "find entries; all filters must match")
    _filters(query)
    query.add_argument("--limit", type=_count, metavar="N", help="at most so many, oldest first")
    _json(query)
    export = _part(parts, "export", "write matching entries to stdout")
    _filters(export)
    export.add_argument("--format", choices=("jsonl", "csv"), default="jsonl")
    check = _part(parts, "verify", "recompute the log and compare it with its checkpoints")
    check.add_argument("--checkpoint", type=Path, metavar="F", help="a checkpoint saved earlier")
    _key(check)
    _json(check)
    proof = _part(parts, "prove", "print the inclusion proof of one entry as JSON")
    proof.add_argument("which", metavar="INDEX|DECISION_ID")
    _key(proof)
    _json(proof)


def run(args: argparse.Namespace) -> int:
    """Run one part; exit codes as for every command."""
    parts = {"tail": _tail, "query": _query, "export": _export, "verify": _verify, "prove": _prove}
    folder = StateDir(args.state).audit / LOG
    try:
        return parts[args.part](args, folder)
    except (NoLog, NothingToVerify) as error:
        return _say(str(error), USAGE)
    except NoteInvalid as error:
        return _say(f"not a usable key or checkpoint: {error}", USAGE)
    except NotProvable as error:
        return _say(str(error), NO)
    except ValueError as error:
        return _say(str(error), USAGE)
    except BrokenPipeError:  # the reader has seen enough (`| head`)
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115  (the exit's flush must find no pipe)
        return FINE
    except OSError as error:
        return _say(f"cannot read {error.filename}: {error.strerror}", USAGE)


def _tail(args: argparse.Namespace, folder: Path) -> int:
    found, offset = last_lines(folder, args.n)
    if args.follow:
        later = follow(folder, offset, _pause)
        _stream(entries(_both(found, later)), args.json)
    else:
        _show(entries(found), args.json)
    return FINE


def _query(args: argparse.Namespace, folder: Path) -> int:
    _show(islice(_matching(args, folder), args.limit), args.json)
    return FINE


def _export(args: argparse.Namespace, folder: Path) -> int:
    found = _matching(args, folder)
    if args.format == "jsonl":
        _stream(found, as_json=True)
        return FINE
    writer = csv.writer(sys.stdout)
    writer.writerow([name.lower() for name in ENTRY_HEADER])
    for entry in found:
        writer.writerow([csv_cell(cell) for cell in entry_cells(entry)])
    return FINE


def _verify(args: argparse.Namespace, folder: Path) -> int:
    saved = args.checkpoint.read_bytes().decode(errors="replace") if args.checkpoint else None
    if saved is None:
        _need_log(folder)
    report = verify(folder, load_verifier(_key_path(args)), saved)
    if args.json:
        print(json.dumps(_report_json(report)))
    for line in _report_lines(report):
        _say(line)
    return FINE if report.intact else NO


def _prove(args: argparse.Namespace, folder: Path) -> int:
    _need_log(folder)
    found = prove(folder, load_verifier(_key_path(args)), args.which)
    print(json.dumps(found.to_json(), indent=None if args.json else 2))
    return FINE


def _need_log(folder: Path) -> None:
    if not folder.exists():
        raise NoLog(f"no audit log in {folder}")


def _matching(args: argparse.Namespace, folder: Path) -> Iterator[Entry]:
    wanted = read_filter(args, time.time_ns() // 1_000_000)
    source = lines(folder)
    if args.decision:  # most lines need no parsing to be ruled out
        needle = orjson.dumps(args.decision)
        source = (line for line in source if needle in line)
    return (entry for entry in entries(source) if wanted.matches(entry))


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
    )


def csv_cell(text: str) -> str:
    """Text that a spreadsheet will not take for a formula (callers choose metadata and models)."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") and text != "-" else text


def _show(found: Iterable[Entry], as_json: bool) -> None:
    if as_json:
        _stream(found, as_json)
        return
    rows = [entry_cells(entry) for entry in found]
    _say(columns(ENTRY_HEADER, rows) if rows else "no entries")


def _stream(found: Iterable[Entry], as_json: bool) -> None:
    """One entry at a time, as they come."""
    if not as_json:
        _say(row_text(ENTRY_HEADER, WIDTHS))
    for entry in found:
        if as_json:
            print(orjson.dumps(entry).decode(), flush=True)
        else:
            _say(row_text(entry_cells(entry), WIDTHS))


def _report_json(report: Report) -> dict[str, object]:
    return {
        "intact": report.intact,
        "size": report.size,
        "root": report.root_base64,
        "covered": report.covered,
        "checkpoints": report.checkpoints,
        "unhashed": report.unhashed,
        "first_bad_index": report.first_bad_index,
        "faults": [{"kind": f.kind, "index": f.index, "text": f.text} for f in report.faults],
    }


def _report_lines(report: Report) -> Iterator[str]:
    if not report.intact:
        index = report.first_bad_index
        where = "a checkpoint" if index is None else f"first bad index {index}"
        yield f"TAMPERED: {where}"
        yield from (f"  {fault.kind}: {fault.text}" for fault in report.faults)
        return
    yield f"intact: {report.size} entries, root {report.root_base64}"
    yield f"  {report.covered} covered by {report.checkpoints} signed checkpoints"
    if report.size > report.covered:
        yield f"  {report.size - report.covered} newer than the latest checkpoint, not signed yet"


def _part(parts: argparse._SubParsersAction, name: str, text: str) -> argparse.ArgumentParser:  # type: ignore[type-arg]
    part: argparse.ArgumentParser = parts.add_parser(
        name, help=text, description=text.capitalize() + "."
    )
    part.add_argument("--state", type=Path, default=argparse.SUPPRESS, help="state folder")
    return part


def _filters(part: argparse.ArgumentParser) -> None:
    part.add_argument("--decision", metavar="ID", help="decision id")
    part.add_argument("--principal", metavar="NAME", help="account or user")
    part.add_argument("--team", metavar="T")
    part.add_argument("--model", metavar="M", help="requested or served model; may be a glob")
    part.add_argument("--code", metavar="C", help="refusal code, e.g. budget_exceeded")
    part.add_argument("--outcome", metavar="O", help="allowed, refused, aborted, ...")
    part.add_argument("--since", metavar="WHEN", help="1h, 7d, or RFC 3339")
    part.add_argument("--until", metavar="WHEN", help="1h, 7d, or RFC 3339")
    part.add_argument("--where", action="append", default=[], metavar="KEY=VALUE",
                      help="dotted path, e.g. metadata.project_id=p1; may be repeated")  # fmt: skip


def _key(part: argparse.ArgumentParser) -> None:
    text = "verifier key (default: the state folder's; keep a copy elsewhere)"
    part.add_argument("--key", type=Path, metavar="F", help=text)


def _json(part: argparse.ArgumentParser) -> None:
    part.add_argument("--json", action="store_true", help="machine output on stdout")


def _key_path(args: argparse.Namespace) -> Path:
    return args.key or StateDir(args.state).audit / VERIFIER_KEY


def _count(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError("a number, not negative")
    return int(text)


def _both(first: list[bytes], later: Iterator[bytes]) -> Iterator[bytes]:
    yield from first
    yield from later


def _pause() -> bool:
    time.sleep(0.25)
    return True


def _say(text: str, code: int = FINE) -> int:
    print(text, file=sys.stderr)
    return code
