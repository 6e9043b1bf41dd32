"""A service on loopback that records what it is asked, answers by its API and fails as it is told.

A stand-in of a real service is a subclass: `answer` is the service, `refusal` its error bodies.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from aiohttp import web

Fault = Literal["hang", "drop", "reset", "garbage", "huge", "redirect"] | int | dict[str, Any]
"""`drop`: closes without a word. `reset`: breaks off within the answer. `huge`: an answer without
an end. A number: that status. A dict: 200 and exactly this."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it came; header names in lower case. `path` as it was spelled."""

    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Answer = tuple[int, Any]


class StandIn:
    """`faults`: for the next requests, in order; after them the service itself answers."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self.asked: list[Asked] = []
        self.faults: deque[Fault] = deque()
        self.connections: set[Any] = set()
        """The other ends."""
        self.url = ""
        self.arrived = asyncio.Event()
        self.most_at_once = 0
        self.gone = asyncio.Event()
        self._at_once = 0
        self._over = asyncio.Event()

    def answer(self, asked: Asked) -> Answer:
        raise NotImplementedError

    def refusal(self, status: int) -> Any:
        return {"error": f"status {status}"}

    async def __aenter__(self) -> StandIn:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, shutdown_timeout=0, handler_cancellation=True)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self._tls).start()
        self.url = f"{'https' if self._tls else 'http'}://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._over.set()
        await self._runner.cleanup()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        path, _, query = request.raw_path.partition("?")
        asked = Asked(path, query, headers, await request.read())
        self.asked.append(asked)
        assert request.transport is not None
        self.connections.add(request.transport.get_extra_info("peername"))
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        self.arrived.set()
        try:
            if self.faults:
                return await self._fail(request, self.faults.popleft())
            await asyncio.sleep(0)  # let others arrive: what is asked at once is seen at once
            status, body = self.answer(asked)
            return web.json_response(body, status=status)
        except asyncio.CancelledError:
            self.gone.set()
            raise
        finally:
            self._at_once -= 1

    async def _fail(self, request: web.Request, fault: Fault) -> web.StreamResponse:
        match fault:
            case int():
                return web.json_response(self.refusal(fault), status=fault)
            case dict():
                return web.json_response(fault)
            case "garbage":
                return web.Response(body=b'{"results": [', content_type="application/json")
            case "redirect":
                return web.Response(status=307, headers={"location": f"{self.url}/elsewhere"})
            case "hang":
                await self._over.wait()
        assert request.transport is not None
        response = web.StreamResponse(headers={"content-type": "application/json"})
        if fault == "huge":
            response.enable_chunked_encoding()
            await response.prepare(request)
            while not request.transport.is_closing():
                await response.write(b" " * 65_536)
        elif fault == "reset":
            response.content_length = 1_000
            await response.prepare(request)
            await response.write(b'{"verdict": true')
        request.transport.abort()
        return response
