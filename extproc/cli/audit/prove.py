"""`envelope audit prove`: that one entry is in the log, checkable with the public key alone."""

from __future__ import annotations

import argparse
import json

from extproc.audit.checkpoint import load_verifier
from extproc.audit.read import prove
from extproc.cli.audit.options import FINE, add_json, add_key, key_path, log_folder, need_log


def configure(part: argparse.ArgumentParser) -> None:
    part.add_argument("which", metavar="INDEX|DECISION_ID")
    add_key(part)
    add_json(part)


def run(args: argparse.Namespace) -> int:
    folder = log_folder(args)
    need_log(folder)
    found = prove(folder, load_verifier(key_path(args)), args.which)
    print(json.dumps(found.to_json(), indent=None if args.json else 2))
    return FINE
