"""Read and verify the audit log: who called what, what was decided, and that nobody changed it.

Tables and messages go to stderr, `--json` to stdout (one JSON object per line for entries).
`verify` exits 0 when the log is intact, 1 when it is not, 2 when there is nothing to verify.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from pathlib import Path
from types import ModuleType

from extproc.audit.note import NoteInvalid
from extproc.audit.read import NoLog, NotProvable
from extproc.audit.values import AuditUnavailable
from extproc.audit.verify import NothingToVerify
from extproc.cli.audit.options import FINE, NO, USAGE, say
from extproc.state import DEFAULT_STATE

PARTS = {
    "tail": "show the latest entries",
    "query": "find entries; all filters must match",
    "export": "write matching entries to stdout",
    "sql": "ask in SQL over the log and exported records",
    "report": "answer a common question: who called what, customer data, spend, ...",
    "pack": "write, or check, an evidence pack for an auditor",
    "verify": "recompute the log and compare it with its checkpoints",
    "prove": "print the proof that an entry is in the log, or that the log only grew",
    "rotate-key": "give the log another signing key",
    "prune": "prune entries that are older than the retention allows",
    "begin": "begin the log again when its files are lost for good",
    "content": "show what was kept of a call's body; the reading is recorded",
    "erase": "make what was kept of one tenant unreadable for ever",
    "anchors": "compare the log with checkpoints that left this machine",
}
"""`extproc.cli.audit.<part>` has `configure(parser)` and `run(args)` for each of them."""


def configure(parser: argparse.ArgumentParser) -> None:
    """A sub-command for each of PARTS."""
    parser.add_argument("--state", type=Path, default=DEFAULT_STATE, help="state folder")
    parts = parser.add_subparsers(dest="part", metavar="PART", required=True)
    for name, text in PARTS.items():
        part = parts.add_parser(name, help=text, description=_sentence(text))
        part.add_argument("--state", type=Path, default=argparse.SUPPRESS, help="state folder")
        _module(name).configure(part)


def run(args: argparse.Namespace) -> int:
    """Run one part; exit codes as for every command."""
    try:
        return int(_module(args.part).run(args))
    except (NoLog, NothingToVerify) as error:
        return say(str(error), USAGE)
    except NoteInvalid as error:
        return say(f"not a usable key or checkpoint: {error}", USAGE)
    except (NotProvable, AuditUnavailable) as error:
        return say(str(error), NO)
    except ValueError as error:
        return say(str(error), USAGE)
    except BrokenPipeError:  # the reader has seen enough (`| head`)
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115  (the exit's flush must find no pipe)
        return FINE
    except OSError as error:
        return say(f"{error.filename}: {error.strerror}", USAGE)


def _sentence(text: str) -> str:
    """Without touching SQL's capitals, or what ends in dots already."""
    return text[0].upper() + text[1:] + ("" if text.endswith("...") else ".")


def _module(part: str) -> ModuleType:
    return importlib.import_module(f"extproc.cli.audit.{part.replace('-', '_')}")
