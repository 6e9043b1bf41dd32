"""A provider stand-in: eight providers' APIs on one loopback port, steered by the prompt.

Promises: official SDKs cannot tell it from the real ones on the endpoints it has
(`provider_routes`), errors included; the same request gets the same answer; every request and every
billed token is on record (`/_control/`, see `provider_control`), also those of clients that left
midway. Directives in the last user message decide how an answer goes: see `provider_script`.

    python -m extproc.demo.provider --port 9100 [--ready-file F] [--fixed]

    base URL                        API
    URL/v1                          OpenAI: chat, responses, completions, embeddings, ...
    URL/openai/v1, URL/openai       Azure OpenAI: the new API, the one of deployments
    URL/compatible/v1               an OpenAI-compatible server that is no OpenAI
    URL                             Anthropic (`/v1/messages`)
    URL/v1beta                      Gemini
    URL/v1                          Vertex (`/v1/projects/...`)
    URL                             Bedrock (`/model/...`), Cohere (`/v2/...`)

`provider_routes` knows who is asked, `provider_plan` decides, `provider_send` carries out,
`provider_ledger` remembers; the other files know one API's formats each, a file for what it reads
and one for what it answers; `provider_fixed` serves benchmarks.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

from extproc.demo import provider_control, provider_fixed, provider_google_token
from extproc.demo.provider_ledger import Ledger
from extproc.demo.provider_plan import Options, Received, plan
from extproc.demo.provider_send import send

VENDORS = tuple(
    name.removesuffix("_key") for name in Options.__dataclass_fields__ if name.endswith("_key")
)
BODY_BYTES_MAX = 64 * 1024 * 1024


class Provider:
    """A running provider. `url` has no path; OpenAI's base URL is `url + "/v1"`. `ledger`: what it
    remembers, for tests in the same process (empty in fixed mode)."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.ledger = Ledger(keep=options.keep)
        self.host, self.port = "", 0
        self._listener: asyncio.Server
        self._web: web.Server | None = None

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    async def listen(self, host: str, port: int) -> None:
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(self._protocols(), host, port, backlog=1024)
        self.host = host
        self.port = self._listener.sockets[0].getsockname()[1]

    def _protocols(self) -> Callable[[], asyncio.BaseProtocol]:
        """What answers a connection. No access log; a client that leaves ends its handler."""
        if self.options.fixed:
            canned, counts = provider_fixed.can(self.options), provider_fixed.Counts()
            return partial(provider_fixed.FixedProtocol, canned, self.options, counts)
        self._web = web.Server(
            self._handle,
            request_factory=_request,
            handler_cancellation=True,
            access_log=None,
        )
        return self._web

    async def stop(self) -> None:
        """Close the port and every connection; exchanges still open end as aborted."""
        self._listener.close()
        if self._web is not None:
            await self._web.shutdown(0)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path.startswith(provider_control.PREFIX):
            return await provider_control.answer(self.ledger, request)
        if request.path == provider_google_token.PATH:
            return await self._token(request)
        headers = {name.lower(): value for name, value in request.headers.items()}
        received = Received(
            request.method, request.path, request.path_qs, headers, await request.read()
        )
        ledger, number = self.ledger, self.ledger.next_number()
        decided = plan(received, self.options, ledger.take_fault, number, int(time.time()))
        exchange = ledger.open(number, received, decided.model, decided.status)
        exchange.understood = decided.understood
        try:
            return await send(request, decided, exchange, ledger)
        finally:
            # Only what neither completed nor was cut is still open here: the client left.
            ledger.close(exchange, "aborted")

    async def _token(self, request: web.BaseRequest) -> web.Response:
        url, now_s = self.url + provider_google_token.PATH, time.time()
        form = await request.read()
        status, body = provider_google_token.answer(form, url, self.options, now_s)
        return web.Response(body=body, status=status, content_type="application/json")


def _request(
    message: Any,
    payload: Any,
    protocol: Any,
    writer: AbstractStreamWriter,
    task: asyncio.Task[None],
) -> web.BaseRequest:
    loop = asyncio.get_running_loop()
    return web.BaseRequest(
        message, payload, protocol, writer, task, loop, client_max_size=BODY_BYTES_MAX
    )


async def start(host: str = "127.0.0.1", port: int = 0, **options: Any) -> Provider:
    """Start a provider in this event loop; port 0 picks a free one. Options: see `Options`."""
    provider = Provider(Options(**options))
    await provider.listen(host, port)
    return provider


async def serve(arguments: argparse.Namespace) -> None:
    """Run until SIGINT or SIGTERM."""
    provider = await start(
        arguments.host,
        arguments.port,
        **_keys(arguments),
        models=tuple(arguments.model),
        fixed=arguments.fixed,
        fixed_tokens=arguments.fixed_tokens,
        fixed_delay=arguments.fixed_delay,
        fixed_pause=arguments.fixed_pause,
    )
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    ready = {"url": provider.url, "port": provider.port, "pid": os.getpid()}
    if arguments.ready_file:
        _write_whole(Path(arguments.ready_file), json.dumps(ready))
    print("ready", json.dumps(ready), file=sys.stderr, flush=True)
    await ended.wait()
    await provider.stop()


def _keys(arguments: argparse.Namespace) -> dict[str, str]:
    """The keys to accept, from the environment variables that were named."""
    names = {f"{vendor}_key": getattr(arguments, f"{vendor}_key_env") for vendor in VENDORS}
    return {name: os.environ.get(variable, "") for name, variable in names.items()}


def _write_whole(path: Path, text: str) -> None:
    """Whoever waits for the file never reads half of it."""
    partial_path = path.with_name(path.name + ".partial")
    partial_path.write_text(text)
    partial_path.replace(path)


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m extproc.demo.provider",
        description="A stand-in for the APIs of eight providers on one loopback port.",
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9100, help="0 picks a free one")
    parser.add_argument("--ready-file", help="JSON (url, port, pid) once it listens")
    parser.add_argument("--model", action="append", default=[], help="accept only these")
    for vendor in VENDORS:
        parser.add_argument(
            f"--{vendor}-key-env",
            default="",
            metavar="NAME",
            help=f"environment variable with the only {vendor} key to accept; else any",
        )
    parser.add_argument("--fixed", action="store_true", help="constant answers, for benchmarks")
    parser.add_argument("--fixed-tokens", type=int, default=16, help="words of that answer")
    parser.add_argument("--fixed-delay", type=float, default=0.0, help="seconds before it")
    parser.add_argument("--fixed-pause", type=float, default=0.0, help="seconds between frames")
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run a provider as a process of its own; on uvloop where it is installed."""
    arguments = build_parser().parse_args(argv)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(serve(arguments))
    return 0


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    try:
        from uvloop import new_event_loop
    except ImportError:
        return asyncio.new_event_loop
    return new_event_loop


if __name__ == "__main__":
    raise SystemExit(main())
