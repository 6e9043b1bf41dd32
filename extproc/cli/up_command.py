"""Run the whole gateway on this machine: store, ext_proc workers, Envoy, admin.

Runs until SIGINT or SIGTERM, then drains and stops every child. With --demo it brings its own
configuration, keys and a provider stand-in, and needs nothing else.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import socket
import sys
from contextlib import AsyncExitStack
from pathlib import Path

from extproc.admissible import mistakes, unpriced
from extproc.audit.checkpoint import KeyRefused
from extproc.audit.note import NoteInvalid
from extproc.audit.values import AuditUnavailable
from extproc.config.load import load
from extproc.config.model import Config
from extproc.config.secrets import SecretMissing
from extproc.config.sources import Source, read_sources
from extproc.demo.setup import DemoSetup, prepare_demo
from extproc.logs import configure_logging
from extproc.server.gateway import Gateway, Options, write_ready_file
from extproc.state import DEFAULT_STATE, StateDir
from extproc.store import StoreRefused, StoreUnavailable

EXPECTED_FAILURES = (
    SecretMissing, StoreRefused, StoreUnavailable, AuditUnavailable, KeyRefused, NoteInvalid,
    RuntimeError, OSError,
)  # fmt: skip
"""What keeps a gateway from starting; each says what to do in its text."""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, help="a file or a folder of *.yaml")
    parser.add_argument(
        "--state", type=Path, default=DEFAULT_STATE, help="state folder (%(default)s)"
    )
    parser.add_argument("--store", metavar="URL", help="redis://, rediss:// or unix:// instead of "
                        "the private store")  # fmt: skip
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=10000, help="the gateway's port (%(default)s)")
    parser.add_argument(
        "--admin-port", type=int, default=10080, help="the admin port (%(default)s)"
    )
    parser.add_argument("--workers", type=int, default=min(4, os.cpu_count() or 1),
                        help="ext_proc worker processes (%(default)s)")  # fmt: skip
    parser.add_argument("--ready-file", type=Path, help="write where the gateway is, once it is up")
    parser.add_argument("--demo", action="store_true", help="a demo configuration and provider")


def run(arguments: argparse.Namespace) -> int:
    configure_logging()
    if arguments.config is None and not arguments.demo:
        print(
            "envelope up: name a configuration with --config PATH, or try --demo", file=sys.stderr
        )
        return 2
    try:
        return asyncio.run(_up(arguments))
    except EXPECTED_FAILURES as error:
        print(f"envelope up: {error}", file=sys.stderr)
        return 2


def load_or_explain(path: Path) -> tuple[list[Source], Config] | None:
    """The configuration, or None after printing every mistake as `file:line: message`."""
    sources = read_sources(path)
    loaded = load(sources)
    if not isinstance(loaded, list):
        return sources, loaded
    print("\n".join(map(str, loaded)), file=sys.stderr)
    return None


async def _up(arguments: argparse.Namespace) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        demo: DemoSetup | None = None
        if arguments.demo:
            demo = await stack.enter_async_context(prepare_demo(arguments.state))
        path = arguments.config or demo.config_path if demo else arguments.config
        loaded = load_or_explain(path)
        if loaded is None:
            return 2
        sources, config = loaded
        configure_logging(config.gateway.telemetry.log_format)
        if found := mistakes(config):
            print("\n".join(map(str, found)), file=sys.stderr)
            return 2
        for name in unpriced(config):
            print(f"note: {name} has no price; its calls are refused", file=sys.stderr)
        gateway = await stack.enter_async_context(
            Gateway(_options(arguments, path), sources, config)
        )
        _announce(arguments, gateway, demo)
        await stop.wait()
        print("draining ...", file=sys.stderr)
    return 0


def _options(arguments: argparse.Namespace, path: Path) -> Options:
    return Options(
        config_path=path,
        state=StateDir(arguments.state.resolve()),
        host=arguments.host,
        port=free_port(arguments.host, arguments.port),
        admin_port=free_port(arguments.host, arguments.admin_port),
        workers=max(1, arguments.workers),
        store_url=arguments.store,
    )


def free_port(host: str, port: int) -> int:
    """The port itself, or any free one for 0. Raises OSError naming a port that is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise OSError(f"port {port} is taken: {error.strerror}") from None
        return int(probe.getsockname()[1])


def _announce(arguments: argparse.Namespace, gateway: Gateway, demo: DemoSetup | None) -> None:
    facts = gateway.facts()
    public = {name: facts[name] for name in ("gateway", "admin", "pid")}
    if demo is not None:
        public["keys"] = demo.keys
    if arguments.ready_file is not None:
        write_ready_file(arguments.ready_file, public)
    print(f"ready {public['gateway']} admin {public['admin']} pid {public['pid']}", flush=True)
    if demo is not None:
        print(demo.hint(str(public["gateway"])), file=sys.stderr)
