"""HTTP receivers on loopback that keep what they are sent, and break in every way when told to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

Answer = Callable[[web.Request, bytes], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Got:
    """One request: names of headers in small letters, the body unpacked."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class StandIn:
    """`script`: what the next requests meet: a status, `hang`, `cut` (no answer), `half` (half an
    answer); then `answer`. `seen`: every request; `got`: those that got to `answer`."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.script: list[int | str] = []
        self.seen: list[Got] = []
        self.got: list[Got] = []
        self.url = ""
        self.port = 0
        self._over = asyncio.Event()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        got = Got(request.method, request.raw_path, headers, body)
        self.seen.append(got)
        mishap = self.script.pop(0) if self.script else None
        match mishap:
            case int():
                return web.Response(status=mishap, body=b"a secret of the receiver")
            case "hang":
                await self._over.wait()
                return web.Response(status=500)
            case "cut":
                assert request.transport is not None
                request.transport.abort()
                return web.Response()
            case "half":
                half = web.StreamResponse(headers={"content-length": "1000"})
                await half.prepare(request)
                await half.write(b"{")
                assert request.transport is not None
                request.transport.abort()
                return half
        self.got.append(got)
        return await self._answer(request, body)

    def end(self) -> None:
        self._over.set()


async def fine(_: web.Request, __: bytes) -> web.StreamResponse:
    return web.json_response({})


@asynccontextmanager
async def standing_in(answer: Answer = fine, port: int = 0) -> AsyncIterator[StandIn]:
    """A receiver for as long as the block lasts. `port` 0 = any free one."""
    stand_in = StandIn(answer)
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_route("*", "/{any:.*}", stand_in.handle)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, reuse_address=True).start()
    stand_in.port = runner.addresses[0][1]
    stand_in.url = f"http://127.0.0.1:{stand_in.port}"
    try:
        yield stand_in
    finally:
        stand_in.end()
        await runner.cleanup()
