"""`envelope audit anchors verify`: does the log fit what left this machine?

0: it does. 1: it does not, or a place that was named holds nothing. 2: nothing was named.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path

from extproc.audit.anchoring.check import Finding, compare
from extproc.audit.anchoring.cosignature import WitnessKey
from extproc.audit.checkpoint import load_verifier
from extproc.audit.entry import rfc3339
from extproc.audit.note import NoteInvalid
from extproc.audit.query import parse_time
from extproc.cli.audit.options import (
    FINE,
    NO,
    USAGE,
    add_json,
    add_key,
    key_path,
    log_folder,
    say,
)

_ABOUT = """\
Compare the log with checkpoints that left this machine: copies that anchors keep, and those that
witnesses signed. Whoever holds the signing key can write another history, but cannot change these.

  envelope audit anchors verify --anchor-file /mnt/worm/checkpoints
  envelope audit anchors verify --witness-key witness.pub --within 24h

The objects of an object-storage anchor are compared as a folder, once they are copied here with
the store's own tool.
"""


def configure(part: argparse.ArgumentParser) -> None:
    part.description = _ABOUT
    part.formatter_class = argparse.RawDescriptionHelpFormatter
    part.add_argument("action", choices=("verify",), help="what to do")
    part.add_argument("--anchor-file", type=Path, action="append", default=[], metavar="PATH",
                      help="an anchor's file, or its folder; may be repeated")  # fmt: skip
    part.add_argument("--witness-key", type=Path, action="append", default=[], metavar="F",
                      help="a file with a witness's public key; may be repeated")  # fmt: skip
    part.add_argument("--within", metavar="WHEN",
                      help="each witness must have signed since: 24h, 7d, or RFC 3339")  # fmt: skip
    add_key(part)
    add_json(part)


def run(args: argparse.Namespace) -> int:
    if not args.anchor_file and not args.witness_key:
        return say("name what to compare with: --anchor-file, --witness-key or both", USAGE)
    since_ms = parse_time(args.within, time.time_ns() // 1_000_000) if args.within else None
    keys = [_witness_key(path) for path in args.witness_key]
    verifier = load_verifier(key_path(args))
    finding = compare(log_folder(args), verifier, args.anchor_file, keys)
    if since_ms is not None:
        finding.faults += _stale(finding, since_ms)
    if args.json:
        print(json.dumps(_to_json(finding)))
    for line in _lines(finding):
        say(line)
    return FINE if finding.intact else NO


def _witness_key(path: Path) -> WitnessKey:
    try:
        return WitnessKey.parse(path.read_text())
    except UnicodeDecodeError:
        raise NoteInvalid("not a witness key") from None


def _stale(finding: Finding, since_ms: int) -> Iterator[str]:
    for name, at_s in finding.witnessed_at_s.items():
        if 0 < at_s * 1000 < since_ms:
            yield f"{name} signed last at {rfc3339(at_s * 1000)}"


def _to_json(finding: Finding) -> dict[str, object]:
    return {
        "intact": finding.intact,
        "checkpoints": finding.checkpoints,
        "newest": finding.newest,
        "witnessed_at": {
            name: rfc3339(at_s * 1000) for name, at_s in finding.witnessed_at_s.items() if at_s
        },
        "unreadable_lines": finding.unreadable,
        "faults": finding.faults,
    }


def _lines(finding: Finding) -> Iterator[str]:
    if finding.intact:
        yield f"the log fits all {finding.checkpoints} checkpoints that left this machine"
    else:
        yield "MISMATCH"
        yield from (f"  {fault}" for fault in finding.faults)
    for name, size in finding.newest.items():
        at_s = finding.witnessed_at_s.get(name)
        when = f", signed {rfc3339(at_s * 1000)}" if at_s else ""
        yield f"  {name}: newest of {size} entries{when}"
    if finding.unreadable:
        yield f"  {finding.unreadable} lines are no checkpoints (a crash may leave one)"
