"""The admin process: `python -m extproc.admin.server SPEC.json`, on a port of its own.

A process of its own, so that a slow scrape or a later console never holds up a request. Ends on
SIGTERM with what it is answering answered; its parent's death ends it too (`server/child.py`).
"""

from __future__ import annotations

import logging
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import uvicorn

from extproc.admin.app import build_app
from extproc.admin.spec import Spec
from extproc.logs import configure_logging
from extproc.store_client import StoreRefused

log = logging.getLogger("envelope.admin")

LEAVE_WITHIN_S = 2


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises OSError when the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family)


def _leave(*_: object) -> NoReturn:
    raise SystemExit(0)


def serve(spec: Spec, announce: Callable[[str], None] = lambda _: None) -> None:
    """Answer until SIGTERM or SIGINT. `announce` is told the URL. Raises OSError, StoreRefused."""
    # The server has handlers of its own while it runs, and raises the signal again afterwards.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    app = build_app(spec)
    with listen(spec.host, spec.port) as listener:
        host = f"[{spec.host}]" if ":" in spec.host else spec.host
        announce(f"http://{host}:{listener.getsockname()[1]}")
        config = uvicorn.Config(
            app,
            access_log=False,
            log_config=None,
            log_level="warning",
            server_header=False,
            timeout_graceful_shutdown=LEAVE_WITHIN_S,
        )
        uvicorn.Server(config).run(sockets=[listener])


def main() -> int:
    configure_logging()
    try:
        serve(Spec.read(Path(sys.argv[1])), lambda url: log.info("listens on %s", url))
    except (OSError, ValueError, StoreRefused) as error:
        print(f"admin: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
