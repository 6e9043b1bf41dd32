"""Give the log another signing key; the old private key is destroyed.

An entry of the log announces the new key, and the checkpoint over it is signed by both. Whoever
holds any public key of this log can go on verifying all of it: `verifier.pub` stays as it is.
Works beside a running gateway, which does it within a moment, or without one.
"""

from __future__ import annotations

import argparse
import json
import time
import uuid
from pathlib import Path

from extproc.audit import rotate
from extproc.audit.checkpoint import SIGNING_KEY, KeyRefused
from extproc.audit.journal import operator
from extproc.audit.log import LogRefused
from extproc.audit.note import Signer
from extproc.audit.sequencer import Sequencer
from extproc.audit.values import AuditUnavailable
from extproc.cli.audit.options import FINE, NO, add_json, log_folder, need_log, say
from extproc.state import StateDir

WAIT_S = 30.0
_LOOK_S = 0.05


def configure(part: argparse.ArgumentParser) -> None:
    part.description = __doc__
    part.add_argument("--wait", type=float, default=WAIT_S, metavar="S",
                      help=f"for a running gateway, in seconds (default {WAIT_S:.0f})")  # fmt: skip
    add_json(part)


def run(args: argparse.Namespace) -> int:
    need_log(log_folder(args))
    folder = StateDir(args.state).audit
    try:
        verifier = _alone(folder) or _beside(folder, args.wait)
    except (KeyRefused, LogRefused, AuditUnavailable) as error:
        return say(f"the key was not changed: {error}", NO)
    if verifier is None:
        text = "the gateway that runs here did not answer; whether the key was changed, "
        return say(text + "`envelope audit verify --json` tells", NO)
    if args.json:
        print(json.dumps({"verifier": verifier}))
    return say(f"the log is signed by another key now: {verifier}", FINE)


def _alone(folder: Path) -> str | None:
    """Do it here; None when a gateway works on this log."""
    if not (folder / SIGNING_KEY).exists():
        raise KeyRefused("there is no signing key")
    try:
        name = Signer.parse((folder / SIGNING_KEY).read_text()).name
    except ValueError:
        raise KeyRefused("it is not readable") from None
    try:
        sequencer = Sequencer(folder, origin=name)
    except AuditUnavailable:
        return None
    try:
        sequencer.rotate_key(_now_ms(), operator())
        return str(sequencer.verifier)
    finally:
        sequencer.close()


def _beside(folder: Path, wait_s: float) -> str | None:
    """Ask the gateway and wait; None when it does not answer."""
    request_id = uuid.uuid4().hex
    deadline = time.monotonic() + wait_s
    rotate.ask(folder, request_id, operator()[1], _now_ms() + int(wait_s * 1000))
    while time.monotonic() < deadline:
        if (verifier := rotate.answered(folder, request_id)) is not None:
            return verifier
        time.sleep(_LOOK_S)
    (folder / rotate.REQUEST).unlink(missing_ok=True)
    return rotate.answered(folder, request_id)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
