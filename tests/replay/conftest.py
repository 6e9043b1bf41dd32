"""The store of the limits' tests, and a gateway's traffic on it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.ledger.conftest import PrivateStore, store
from tests.replay.traffic import Traffic, documents, policy_at, traffic

__all__ = ["store"]


@pytest.fixture
async def gateway(store: PrivateStore, tmp_path: Path) -> AsyncIterator[Traffic]:
    """In force: the configuration of `traffic.documents`."""
    made = await traffic(tmp_path, store.url, documents(policy_at(tmp_path / "policy")))
    yield made
    await made.close()
