"""The store of the limits' tests, and a stage on it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from tests.exchange.stage import Stage
from tests.ledger.conftest import PrivateStore, own_store, store

__all__ = ["own_store", "stage", "store"]


@pytest.fixture
async def stage(store: PrivateStore, tmp_path: Path) -> AsyncIterator[Stage]:
    """Not yet open: the test says what is configured."""
    client = Redis.from_url(store.url)
    await client.flushall()
    await client.aclose()
    made = Stage(tmp_path, store.url)
    yield made
    if hasattr(made, "adapters"):
        await made.close()
