"""Run the admin port alone for a gateway or sidecar that runs here: health and metrics over HTTP.

It finds the running one by its state folder, and ends on SIGINT or SIGTERM without touching it.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from extproc.admin.spec import Spec
from extproc.state import DEFAULT_STATE, StateDir
from extproc.store_client import StoreRefused

FINE, USAGE = 0, 2


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("--state", type=Path, default=DEFAULT_STATE,
                        help="state folder of the running gateway (%(default)s)")  # fmt: skip
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=10080,
                        help="port to listen on, 0 = any free one (%(default)s)")  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Serve until told to stop; 2 when nothing runs here or the port is taken."""
    facts = StateDir(args.state).running()
    if facts is None:
        print(f"envelope admin: no gateway runs on {args.state}", file=sys.stderr)
        return USAGE
    # Imported here: an HTTP server takes a moment to load, and may not be needed.
    from extproc.admin.server import serve

    try:
        spec = Spec.read(Path(str(facts.get("run", ""))) / "admin.json")
        serve(replace(spec, host=args.host, port=args.port), _announce)
    except (OSError, ValueError, StoreRefused) as error:
        print(f"envelope admin: {error}", file=sys.stderr)
        return USAGE
    return FINE


def _announce(url: str) -> None:
    print(f"ready admin {url}", flush=True)
