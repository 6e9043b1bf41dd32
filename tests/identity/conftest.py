"""One real store for this folder; every test finds it empty."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from extproc.identity.key_store import KeyStore
from extproc.store import PrivateStore, connect


@pytest.fixture(scope="session")
def private_store() -> Iterator[PrivateStore]:
    with tempfile.TemporaryDirectory(prefix="ev-") as folder:
        store = PrivateStore(Path(folder, "data"), Path(folder))
        asyncio.run(store.start())
        yield store
        asyncio.run(store.stop())


@pytest.fixture
async def client(private_store: PrivateStore) -> AsyncIterator[Redis]:
    client = await connect(private_store.url, 2_000)
    await client.flushall()
    yield client
    await client.aclose()


@pytest.fixture
def keys(client: Redis) -> KeyStore:
    return KeyStore(client)
