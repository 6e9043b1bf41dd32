"""The command `envelope`: one file per command, found in `COMMANDS`.

Exit codes: 0 fine, 1 the answer is no, 2 usage or configuration. Machine output (`--json`) goes to
stdout, everything else to stderr.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys

from extproc import __version__

COMMANDS = {
    "up": "run the whole gateway on this machine",
    "demo": "run the guided tour and exit",
    "serve": "run the ext_proc server alone (the sidecar)",
    "admin": "run the admin API alone",
    "check": "validate a configuration",
    "explain": "show what would happen to one call, and why",
    "render": "print Envoy's bootstrap for a configuration",
    "key": "create, list, revoke and rotate virtual keys",
    "usage": "what was spent, by any metadata key",
    "limits": "each limit's used / reserved / left",
    "audit": "read and verify the audit log",
    "policy": "test, check and explain policies",
}


def build_parser() -> argparse.ArgumentParser:
    """`extproc.cli.<command>_command` has `configure(parser)` and `run(args)` for each of them."""
    parser = argparse.ArgumentParser(
        prog="envelope",
        description="A governed gateway for LLM calls: identity, policy, safety, evidence.",
        epilog="exit codes: 0 fine, 1 the answer is no, 2 usage or configuration",
    )
    parser.add_argument("--version", action="version", version=f"envelope {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, text in COMMANDS.items():
        commands.add_parser(name, help=text, description=text.capitalize() + ".", add_help=True)
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run one command; returns its exit code. Only the chosen command's module is imported."""
    arguments = sys.argv[1:] if argv is None else argv
    parser = build_parser()
    chosen = next((a for a in arguments if not a.startswith("-")), None)
    if chosen not in COMMANDS:
        parser.parse_args(arguments)
        return 2
    module = importlib.import_module(f"extproc.cli.{chosen}_command")
    command = argparse.ArgumentParser(
        prog=f"envelope {chosen}", description=(module.__doc__ or "").split("\n\n")[0]
    )
    module.configure(command)
    rest = list(arguments)
    rest.remove(chosen)
    try:
        return int(module.run(command.parse_args(rest)) or 0)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # `... | head` has read enough; nothing may be flushed into the closed pipe at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
