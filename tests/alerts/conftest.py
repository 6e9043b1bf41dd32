"""A real store for claims, real targets on loopback, a clock that we move."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from redis.asyncio import Redis

from tests.alerts.desks import Stage
from tests.alerts.smtp_target import Certificate, make_certificate
from tests.ledger.conftest import PrivateStore


@pytest.fixture(scope="session")
def store() -> Iterator[PrivateStore]:
    running = PrivateStore()
    running.start()
    yield running
    running.remove()


@pytest.fixture
def own_store() -> Iterator[PrivateStore]:
    """For tests that break it."""
    running = PrivateStore()
    running.start()
    yield running
    running.remove()


@pytest.fixture
async def client(store: PrivateStore) -> AsyncIterator[Redis]:
    connected = Redis.from_url(store.url)
    await connected.flushall()
    yield connected
    await connected.aclose()


@pytest.fixture
async def stage(client: Redis, tmp_path: Path) -> AsyncIterator[Stage]:
    async with AsyncExitStack() as ends:
        yield Stage(client, tmp_path, ends)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("tls"))
