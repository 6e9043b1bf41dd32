"""A web service on loopback that records what it gets and answers as it is told."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections import deque
from dataclasses import dataclass
from typing import Any

from aiohttp import web


@dataclass(frozen=True, slots=True)
class Got:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


HANG = "hang"
Answer = int | str | tuple[int, dict[str, str]]
"""A status, a status with headers, or `HANG`: no answer at all until it is stopped."""


class HttpTarget:
    """`answers`: for the next requests, in order; after them 200. Use `async with`."""

    def __init__(self, tls: ssl.SSLContext | None = None, port: int = 0) -> None:
        self.answers: deque[Answer] = deque()
        self.got: list[Got] = []
        self.url = ""
        self.port = port
        self._arrived: asyncio.Queue[Got] = asyncio.Queue()
        self._over = asyncio.Event()
        self._late = 503
        self._tls = tls

    async def next(self) -> Got:
        """The next request, as soon as it has come."""
        return await self._arrived.get()

    def answer_now(self, status: int) -> None:
        """Those that hang get this."""
        self._late = status
        self._over.set()

    async def __aenter__(self) -> HttpTarget:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, shutdown_timeout=0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, ssl_context=self._tls)
        await site.start()
        self.port = self._runner.addresses[0][1]
        self.url = f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}/hook"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._over.set()
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        got = Got(request.path, headers, await request.read())
        self.got.append(got)
        self._arrived.put_nowait(got)
        answer = self.answers.popleft() if self.answers else 200
        if isinstance(answer, str):
            await self._over.wait()
            return web.Response(status=self._late)
        status, extra = (answer, {}) if isinstance(answer, int) else answer
        return web.Response(status=status, headers=extra, text="ok")
