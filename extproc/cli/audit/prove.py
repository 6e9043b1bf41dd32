"""Print a proof as JSON, checkable with the public key alone: `envelope audit verify --proof F`.

INDEX|DECISION_ID: that this entry is in the log (inclusion). `--from F`: that the log of the
checkpoint in F is the beginning of today's log (consistency). Exit code 1: it cannot be proved.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from extproc.audit.checkpoint import load_verifier
from extproc.audit.prove import prove, prove_growth
from extproc.cli.audit.options import FINE, add_json, add_key, key_path, log_folder, need_log


def configure(part: argparse.ArgumentParser) -> None:
    part.description = __doc__
    what = part.add_mutually_exclusive_group(required=True)
    what.add_argument("which", nargs="?", metavar="INDEX|DECISION_ID")
    what.add_argument("--from", type=Path, dest="saved", metavar="F",
                      help="a checkpoint saved earlier")  # fmt: skip
    add_key(part)
    add_json(part)


def run(args: argparse.Namespace) -> int:
    folder = log_folder(args)
    need_log(folder)
    verifier = load_verifier(key_path(args))
    if args.saved is not None:
        said = prove_growth(folder, verifier, args.saved.read_text(errors="replace")).to_json()
    else:
        said = prove(folder, verifier, args.which).to_json()
    print(json.dumps(said, indent=None if args.json else 2))
    return FINE
