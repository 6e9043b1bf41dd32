"""`envelope audit pack`: records with their proofs, for somebody who trusts only the public key."""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

from extproc.audit.read import NotProvable
from extproc.cli.audit.asking import (
    add_period,
    add_sources,
    command,
    given_filters,
    opened,
    progress,
    selected,
)
from extproc.cli.audit.options import FINE, NO, USAGE, add_filters, add_json, say
from extproc.cli.audit.recording import record
from extproc.cli.audit.report import add_data_class
from extproc.state import StateDir


def configure(part: argparse.ArgumentParser) -> None:
    part.formatter_class = argparse.RawDescriptionHelpFormatter
    part.epilog = (
        "  envelope audit pack --period last-quarter --output evidence.zip\n"
        "  envelope audit pack --check evidence.zip --key verifier.pub\n\n"
        "without filters but a period, the pack shows that no entry in between was left out\n"
        "--check exits 0 when all holds, 1 when something does not, 2 for what is no pack"
    )
    part.add_argument("--output", type=Path, metavar="F", help="the zip file to write")
    part.add_argument("--check", type=Path, metavar="F", help="check a pack instead")
    part.add_argument("--without-texts", action="store_true",
                      help="leave out texts of configurations, policies and prices")  # fmt: skip
    part.add_argument("--key", type=Path, metavar="F", help="verifier key (default: the state "
                      "folder's; with --check, the pack's own)")  # fmt: skip
    add_period(part)
    add_data_class(part)
    add_filters(part)
    add_json(part)
    add_sources(part)


def run(args: argparse.Namespace) -> int:
    if args.check is not None:
        return _check(args)
    if args.output is None:
        raise ValueError("--output FILE says where the pack goes")
    if args.records or args.records_only:
        raise ValueError("a pack is made from the log itself: proofs need its hashes")
    return _build(args)


def _build(args: argparse.Namespace) -> int:
    from extproc.audit.questions.pack import Selection, build
    from extproc.audit.questions.standing import standing

    now_ms = time.time_ns() // 1_000_000
    state = StateDir(args.state)
    chosen = Selection(
        selected(args, now_ms), given_filters(args), tuple(args.data_class),
        texts=not args.without_texts,
    )  # fmt: skip
    aside = args.output.with_name(f".{args.output.name}.{os.getpid()}")
    try:
        with opened(args) as questions:
            found = standing(state.audit, _key(args))
            asked = command("pack", args, "data_class")
            manifest = build(state.audit, questions, found, chosen, aside, now_ms=now_ms,
                             asked=asked, say=progress)  # fmt: skip
        _record(state, args, manifest)
        os.replace(aside, args.output)
    finally:
        aside.unlink(missing_ok=True)
    if args.json:
        print(json.dumps({k: v for k, v in manifest.items() if k != "files"}))
    return _tell(manifest)


def _tell(manifest: dict[str, Any]) -> int:
    chosen, checkpoint = manifest["selection"], manifest["checkpoint"]
    kind = "every entry" if chosen["complete"] else "a selection"
    say(f"{chosen['records']:,} records, {kind} from {chosen['first']} to {chosen['last']}, "
        f"proven under a checkpoint of {checkpoint['size']:,} entries")  # fmt: skip
    say(f"manifest sha256 {manifest['manifest_sha256']}")
    for kind, digest in manifest["missing_texts"]:
        say(f"not in the archive, so not in the pack: {kind} {digest}")
    return FINE


def _record(state: StateDir, args: argparse.Namespace, manifest: dict[str, Any]) -> None:
    """Before anybody gets the pack; raises AuditUnavailable."""
    details = {
        "manifest_sha256": manifest["manifest_sha256"],
        "selection": manifest["selection"],
        "checkpoint_size": manifest["checkpoint"]["size"],
    }
    record(state, "audit.pack", args.output.name, details)


def _check(args: argparse.Namespace) -> int:
    from extproc.audit.questions.standalone_verify import FAULTS, Bad, check

    if not args.check.exists():
        raise ValueError(f"{args.check}: there is no such pack")
    try:
        found = check(args.check, _key(args))
    except Bad as bad:
        if args.json:
            print(json.dumps({"holds": False, "fault": str(bad)}))
        return say(f"FAILED: {bad}", NO)
    except FAULTS:
        return say(f"{args.check.name} is not an evidence pack, or was damaged", USAGE)
    if args.json:
        print(json.dumps({"holds": True, **found._asdict()}))
    say(f"holds: {found.records:,} records of the log '{found.origin}', root {found.root}")
    if not args.key:
        say(f"under the pack's own key, {found.key}: compare it with one that you got elsewhere")
    return FINE


def _key(args: argparse.Namespace) -> str:
    try:
        return str(args.key.read_text()).strip() if args.key else ""
    except UnicodeDecodeError:
        raise NotProvable("not a verifier key") from None
