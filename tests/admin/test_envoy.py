"""What the admin process asks Envoy, asked of a real one with this project's own bootstrap."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest
from redis.asyncio import Redis

from extproc.admin.draining import Drained, Draining
from extproc.admin.spec import Spec
from extproc.config.load import load
from extproc.config.model import Config
from extproc.config.sources import Source
from extproc.dataplane.bootstrap import Place
from extproc.dataplane.envoy_process import EnvoyProcess
from tests.admin.conftest import ACCOUNT
from tests.admin.test_metrics_page import scrape
from tests.admin.test_readiness import readiness_of


@pytest.fixture
async def envoy(spec: Spec, short: Path, unused_tcp_port: int) -> AsyncIterator[EnvoyProcess]:
    config = load([Source("a.yaml", ACCOUNT, "/")])
    assert isinstance(config, Config)
    place = Place(
        host="127.0.0.1", port=unused_tcp_port, sockets=spec.sockets,
        admin_socket=str(short / "envoy.sock"), access_log=str(short / "access.log"),
    )  # fmt: skip
    process = EnvoyProcess(short / "envoy", place, concurrency=1)
    (short / "envoy").mkdir()
    process.start(config)
    await process.wait_ready()
    yield process
    assert process.child is not None
    await process.child.stop(grace_s=5)


async def test_real_envoy_is_live_and_counts(
    spec: Spec, client: Redis, envoy: EnvoyProcess
) -> None:
    """Contract 3, admin port: the admin pages and the statistic are those that Envoy really has."""
    spec = replace(spec, envoy_socket=envoy.place.admin_socket)
    assert await readiness_of(spec, client).missing() == []
    assert (await scrape(spec, client))["envelope_open_exchanges"] == {"": 0}
    assert envoy.child is not None
    await envoy.child.stop(grace_s=5)
    assert [m.part for m in await readiness_of(spec, client).missing()] == ["envoy"]
    assert "envelope_open_exchanges" not in await scrape(spec, client)


async def test_real_envoy_leaves_gradually(
    spec: Spec, client: Redis, envoy: EnvoyProcess
) -> None:  # fmt: skip
    """Contract 3, `POST /drain`: Envoy fails health checks and asks callers to go, but answers
    those that do not know it yet; told twice, and ended afterwards as ever."""
    spec = replace(spec, envoy_socket=envoy.place.admin_socket)
    for _ in range(2):
        assert await Draining(spec).begin() == Drained(True, 0)
    missing = await readiness_of(spec, client).missing()
    assert [one.part for one in missing] == ["draining", "envoy"]
    async with httpx2.AsyncClient() as caller:
        reply = await caller.post(f"http://127.0.0.1:{envoy.place.port}/v1/chat/completions")
    assert reply.status_code >= 400 and reply.headers["connection"] == "close"
    await envoy.drain(within_s=5)
    assert (await Draining(spec).look()).open_exchanges == 0
