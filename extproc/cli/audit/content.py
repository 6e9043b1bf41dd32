"""Show what was kept of one call's body, decrypted, on stdout.

The reading is recorded in the log first, with who read what; what cannot be recorded is not shown.
Exit code 1: there is nothing to show (not kept, expired, erased), and stderr says why.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from extproc.audit.content.kek import kek_of
from extproc.audit.content.read import NotKept, read_content, reference_of
from extproc.audit.content.seal import Kek
from extproc.audit.content.values import PARTS, Part, Reference
from extproc.audit.journal import operator, record_action
from extproc.audit.read import entries, lines
from extproc.audit.values import AuditUnavailable, Entry
from extproc.cli.audit.options import FINE, NO, USAGE, log_folder, need_log, say
from extproc.config.load import load
from extproc.config.model import Config
from extproc.config.secrets import SecretMissing
from extproc.config.sources import read_sources
from extproc.state import StateDir

ACTION = "audit.content.read"


def configure(part: argparse.ArgumentParser) -> None:
    part.description = __doc__
    part.add_argument("decision", metavar="DECISION_ID", help="as in x-envelope-decision-id")
    part.add_argument(
        "--part", dest="half", choices=PARTS, default=PARTS[0], help="default: request"
    )
    add_config(part)


def add_config(part: argparse.ArgumentParser) -> None:
    text = "where audit.content.key is set (default: the running gateway's)"
    part.add_argument("--config", type=Path, metavar="PATH", help=text)


def run(args: argparse.Namespace) -> int:
    state = StateDir(args.state)
    need_log(log_folder(args))
    entry = find(log_folder(args), args.decision)
    if entry is None:
        return say(f"no call {args.decision} in this log", NO)
    try:
        kek = configured(args, state)
        reference = reference_of(entry, args.half)
        text = read_content(state, entry, args.half, kek=kek)
        recorded = record_action(
            state, ACTION, target=args.decision,
            details={"part": args.half, "bytes": len(text), "key_id": reference["key_id"]},
        )  # fmt: skip
    except NotKept as error:
        return say(str(error), NO)
    except AuditUnavailable as error:
        return say(f"not shown, because the reading cannot be recorded: {error}", NO)
    except SecretMissing as error:
        return say(str(error), USAGE)
    if not recorded:
        return say("not shown, because the reading cannot be recorded", NO)
    say(_told(entry, args.half, reference, recorded))
    sys.stdout.flush()
    sys.stdout.buffer.write(text)
    sys.stdout.buffer.flush()
    return FINE


def find(folder: Path, decision_id: str) -> Entry | None:
    """The call's entry; most lines need no parsing to be ruled out."""
    needle = decision_id.encode()
    found = entries(line for line in lines(folder) if needle in line)
    return next((entry for entry in found if entry.get("decision_id") == decision_id), None)


def configured(args: argparse.Namespace, state: StateDir) -> Kek | None:
    """`audit.content.key` of the configuration named, else of the gateway that runs here.

    Raises ValueError, SecretMissing.
    """
    path = args.config or (state.running() or {}).get("config")
    if path is None:
        return None
    config = load(read_sources(Path(str(path))))
    if not isinstance(config, Config):
        raise ValueError("the configuration has mistakes: `envelope check` shows them")
    return kek_of(config.gateway.audit.content)


def _told(entry: Entry, part: Part, reference: Reference, recorded: str) -> str:
    who = entry.get("principal", {})
    cut = ", cut" if reference.get("cut") else ""
    return (
        f"{part} of {entry['decision_id']}, {entry.get('at', '')}, by {who.get('name', '')} "
        f"({reference['capture']}{cut}); shown to {operator()[1]}, recorded as {recorded}"
    )
