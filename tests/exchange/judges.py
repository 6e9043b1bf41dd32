"""A guardrail service of our own on loopback: it says what the test wants, when the test wants."""

from __future__ import annotations

import asyncio
import json
from types import TracebackType
from typing import Any

from aiohttp import web

Json = dict[str, Any]
PASS: Json = {"verdict": True}
DENY: Json = {"verdict": False, "message": "not this"}


class Judge:
    """`says`: its reply. `status`: its HTTP status. From `hold()` on it waits for `free()`."""

    def __init__(self) -> None:
        self.says: Json = PASS
        self.status = 200
        self.asked: list[Json] = []
        self._free = asyncio.Event()
        self._free.set()
        self._called = asyncio.Event()
        self._runner: web.AppRunner | None = None
        self.url = ""

    async def __aenter__(self) -> Judge:
        app = web.Application()
        app.router.add_post("/judge", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{port}/judge"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, _: object, __: TracebackType | None
    ) -> None:
        self._free.set()
        assert self._runner is not None
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        self.asked.append(json.loads(await request.text()))
        self._called.set()
        await self._free.wait()
        return web.json_response(self.says, status=self.status)

    def hold(self) -> None:
        self._free.clear()

    def free(self) -> None:
        self._free.set()

    async def called(self) -> None:
        """Somebody has asked."""
        async with asyncio.timeout(5):
            await self._called.wait()


def webhook(judge: Judge, name: str = "judge", **fields: Any) -> Json:
    """A guardrail document that asks this judge."""
    return {"name": name, "type": "webhook", "config": {"url": judge.url}, **fields}


def guards(
    *guardrails: Json, on: tuple[str, ...] = ("llm_input",), rule: Json | None = None
) -> tuple[Json, Json]:
    """A group of these and one rule that names them all at these hooks."""
    names = [f"g/{one['name']}" for one in guardrails]
    group = {"type": "guardrail-config-group", "name": "g", "guardrails": list(guardrails)}
    named = {f"{hook}_guardrails": names for hook in on}
    rules = [{"id": "r", "when": {}, **named, **(rule or {})}]
    return group, {"type": "gateway-guardrails-config", "name": "rules", "rules": rules}
