"""Is the log what was signed? Everything is computed again from the entries, offline.

One public key of the log is enough, whichever: later and earlier ones follow from it. Compare with
a checkpoint that was saved elsewhere (`--checkpoint`) to find also what a holder of the signing key
could hide. `--proof` checks a proof that `envelope audit prove` printed; no log is needed for that.
Exit code 0: intact, or the proof holds; 1: not; 2: there is nothing to verify, or no usable key.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from extproc.audit.checkpoint import load_verifier
from extproc.audit.proof import ProofInvalid, check
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
    part.description = __doc__
    part.add_argument("--checkpoint", type=Path, metavar="F", help="a checkpoint saved earlier")
    part.add_argument("--proof", type=Path, metavar="F",
                      help="check this proof (JSON of `audit prove`) instead of a log")  # fmt: skip
    add_key(part)
    add_json(part)


def run(args: argparse.Namespace) -> int:
    if args.proof is not None:
        return _run_proof(args)
    folder = log_folder(args)
    saved = args.checkpoint.read_bytes().decode(errors="replace") if args.checkpoint else None
    if saved is None:
        need_log(folder)
    progress = _tell if sys.stderr.isatty() else None
    report = verify(folder, load_verifier(key_path(args)), saved, progress)
    if progress:
        print("\r\033[K", end="", file=sys.stderr)
    if args.json:
        print(json.dumps(_report_json(report)))
    for line in _report_lines(report):
        say(line)
    return FINE if report.intact else NO


def _run_proof(args: argparse.Namespace) -> int:
    verifier = load_verifier(key_path(args))
    try:
        text = check(_json(args.proof), verifier)
    except ProofInvalid as error:
        if args.json:
            print(json.dumps({"holds": False, "text": str(error)}))
        return say(f"the proof does not hold: {error}", NO)
    if args.json:
        print(json.dumps({"holds": True, "text": text}))
    return say(f"proved: {text}")


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        raise ProofInvalid(f"not a proof: {path.name} is no JSON of `audit prove`") from None


def _tell(done: int, total: int) -> None:
    share = 100 * done // total if total else 0
    print(f"\r{done >> 20:,} of {total >> 20:,} MiB ({share} %)", end="", file=sys.stderr)


def _report_json(report: Report) -> dict[str, object]:
    return {
        "intact": report.intact,
        "size": report.size,
        "root": report.root_base64,
        "covered": report.covered,
        "checkpoints": report.checkpoints,
        "unhashed": report.unhashed,
        "segments": report.segments,
        "pruned": report.pruned,
        "keys": list(report.keys),
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
    if report.pruned:
        yield f"  {report.pruned} pruned when their time was up, as signed entries say"
    if len(report.keys) > 1:
        yield f"  signed by {len(report.keys)} keys, one after the other"
