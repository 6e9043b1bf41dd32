"""A stand-in of the gateway's listener, and a judge that asks it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession, web

from tests.guardrails.judge.given import Loopback, StandIn, says, scored


@pytest.fixture
async def gateway() -> AsyncIterator[StandIn]:
    stand_in = StandIn(says(lambda body: scored(0.0, body)))
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", stand_in.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    stand_in.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield stand_in
    await runner.cleanup()


@pytest.fixture
async def http() -> AsyncIterator[Loopback]:
    async with ClientSession() as session:
        yield Loopback(session)
