"""Begin the log again when its files are lost or damaged for good; no gateway may run.

If the files can be put back, do that instead: a gateway goes on with them by itself. Otherwise what
is left of the log is set aside as `log.lost-<time>` with its public key, and another log begins
under another origin (`envelope/2`) and another key. Its first entry says why, and which checkpoint
was the last one before. Nothing is deleted but the old private key. Keep a copy of the new
`verifier.pub` elsewhere.
"""

from __future__ import annotations

import argparse
import json
import os
import time
import uuid

from extproc.audit.checkpoint import VERIFIER_KEY
from extproc.audit.disk import try_lock
from extproc.audit.journal import operator
from extproc.audit.restart import begin
from extproc.audit.sequencer import LOCK
from extproc.cli.audit.options import FINE, NO, USAGE, add_json, say
from extproc.state import StateDir

REASON_CHARS_MAX = 1_000


def configure(part: argparse.ArgumentParser) -> None:
    part.description = __doc__
    part.add_argument("--reason", required=True, metavar="TEXT", help="goes into the log")
    part.add_argument("--origin", default="envelope", metavar="NAME",
                      help="audit.origin, where no key is left that tells")  # fmt: skip
    add_json(part)


def run(args: argparse.Namespace) -> int:
    folder = StateDir(args.state).audit
    reason = args.reason.strip()
    if not reason or len(reason) > REASON_CHARS_MAX:
        return say(f"say why, in at most {REASON_CHARS_MAX} characters", USAGE)
    if not folder.is_dir():
        return say("there is no audit log here; a gateway makes one", USAGE)
    lock = try_lock(folder / LOCK)
    if lock is None:
        return say("a gateway works on this log; stop it first", NO)
    try:
        begun = begin(
            folder, reason, now_ms=time.time_ns() // 1_000_000, actor=operator()[1],
            event_id=uuid.uuid4().hex, origin=args.origin,
        )  # fmt: skip
    finally:
        os.close(lock)
    verifier = (folder / VERIFIER_KEY).read_text().strip()
    if args.json:
        said = {"origin": begun.origin, "set_aside": begun.aside, "verifier": verifier}
        print(json.dumps(said))
    return say(f"a new log has begun: {begun.origin}; the old one is {begun.aside}", FINE)
