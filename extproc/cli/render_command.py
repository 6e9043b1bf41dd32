"""Print Envoy's bootstrap for a configuration, as JSON on stdout.

Provider secrets are named in it by environment variable or file and never written; Envoy reads them
itself, so both must be there when it starts or validates.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from extproc.cli.up_command import load_or_explain
from extproc.config.model import SecretRef
from extproc.config.secrets import SecretMissing, resolve
from extproc.dataplane.bootstrap import Place, static_bootstrap


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, required=True, help="a file or a folder of *.yaml")
    parser.add_argument("--host", default="127.0.0.1", help="listen address (%(default)s)")
    parser.add_argument("--port", type=int, default=10000, help="listen port (%(default)s)")
    parser.add_argument("--workers", type=int, default=2, help="ext_proc workers (%(default)s)")
    parser.add_argument("--run-dir", type=Path, default=Path("/run/envelope"),
                        help="folder of the unix sockets (%(default)s)")  # fmt: skip


def run(arguments: argparse.Namespace) -> int:
    loaded = load_or_explain(arguments.config)
    if loaded is None:
        return 2
    _, config = loaded
    sockets = [str(arguments.run_dir / f"worker-{n}.sock") for n in range(arguments.workers)]
    place = Place(
        arguments.host, arguments.port, sockets, str(arguments.run_dir / "envoy-admin.sock"),
        "/dev/stdout",
    )  # fmt: skip
    print(json.dumps(static_bootstrap(config, place), indent=2))
    for account in config.accounts.values():
        for _, secret in account.secrets():
            _warn_if_missing(account.name, secret)
    return 0


def _warn_if_missing(account: str, ref: SecretRef) -> None:
    try:
        resolve(ref)
    except SecretMissing as error:
        print(f"note: {account}: {error}; Envoy will not start without it", file=sys.stderr)
