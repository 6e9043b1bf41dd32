"""Run the ext_proc server alone: the sidecar's container, beside an Envoy of its own.

Workers listen on <run-dir>/worker-N.sock, which `envelope render --run-dir` names in Envoy's
bootstrap. Also runs the audit sequencer and the admin API; a store must be given in production.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from pathlib import Path

from extproc.admissible import mistakes
from extproc.cli.up_command import EXPECTED_FAILURES, free_port, load_or_explain
from extproc.logs import configure_logging
from extproc.server.gateway import Gateway, Options, write_ready_file
from extproc.state import DEFAULT_STATE, StateDir


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, required=True, help="a file or a folder of *.yaml")
    parser.add_argument("--state", type=Path, default=DEFAULT_STATE, help="state folder")
    parser.add_argument("--store", metavar="URL", help="redis://, rediss:// or unix://")
    parser.add_argument("--run-dir", type=Path, default=Path("/run/envelope"),
                        help="folder of the unix sockets (%(default)s)")  # fmt: skip
    parser.add_argument("--host", default="127.0.0.1", help="admin address (%(default)s)")
    parser.add_argument("--admin-port", type=int, default=10080, help="(%(default)s)")
    parser.add_argument(
        "--gateway-url", metavar="URL", default="http://127.0.0.1:10000",
        help="where Envoy listens, for guardrails that ask a model (%(default)s)",
    )  # fmt: skip
    parser.add_argument("--workers", type=int, default=min(4, os.cpu_count() or 1))
    parser.add_argument("--ready-file", type=Path, help="written once the workers listen")


def run(arguments: argparse.Namespace) -> int:
    configure_logging()
    try:
        return asyncio.run(_serve(arguments))
    except EXPECTED_FAILURES as error:
        print(f"envelope serve: {error}", file=sys.stderr)
        return 2


async def _serve(arguments: argparse.Namespace) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    loaded = load_or_explain(arguments.config)
    if loaded is None:
        return 2
    sources, config = loaded
    configure_logging(config.gateway.telemetry.log_format)
    # Providers' secrets are Envoy's alone in a sidecar: this process cannot read them (P4).
    if found := mistakes(config, secrets="own"):
        print("\n".join(map(str, found)), file=sys.stderr)
        return 2
    options = Options(
        config_path=arguments.config,
        state=StateDir(arguments.state.resolve()),
        host=arguments.host,
        port=0,
        admin_port=free_port(arguments.host, arguments.admin_port),
        workers=max(1, arguments.workers),
        store_url=arguments.store,
        data_plane=False,
        run=arguments.run_dir,
        gateway_url=arguments.gateway_url,
    )
    async with Gateway(options, sources, config) as gateway:
        facts = gateway.facts()
        if arguments.ready_file is not None:
            write_ready_file(arguments.ready_file, {k: facts[k] for k in ("admin", "pid")})
        print(f"ready {arguments.run_dir} admin {facts['admin']} pid {facts['pid']}", flush=True)
        await stop.wait()
        print("draining ...", file=sys.stderr)
    return 0
