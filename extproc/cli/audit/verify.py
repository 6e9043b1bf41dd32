"""`envelope audit verify`: is the log what was signed? 0 intact, 1 tampered, 2 nothing there."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

from extproc.audit.checkpoint import load_verifier
from extproc.audit.verify import Report, verify
from extproc.cli.audit.options import (
    FINE,
    NO,
    add_json,
    add_key,
    key_path,
    log_folder,
    need_log,
    say,
)


def configure(part: argparse.ArgumentParser) -> None:
    part.add_argument("--checkpoint", type=Path, metavar="F", help="a checkpoint saved earlier")
    add_key(part)
    add_json(part)


def run(args: argparse.Namespace) -> int:
    folder = log_folder(args)
    saved = args.checkpoint.read_bytes().decode(errors="replace") if args.checkpoint else None
    if saved is None:
        need_log(folder)
    report = verify(folder, load_verifier(key_path(args)), saved)
    if args.json:
        print(json.dumps(_report_json(report)))
    for line in _report_lines(report):
        say(line)
    return FINE if report.intact else NO


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
