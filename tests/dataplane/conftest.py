"""One Envoy for all tests of the attempts; each starts with empty scripts."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dataplane.stand import Stand


@pytest.fixture(scope="session")
def stand() -> Iterator[Stand]:
    """In a folder with a short path, because sockets stand in it."""
    folder = Path(tempfile.mkdtemp(prefix="stand-"))
    running = Stand(folder)
    try:
        asyncio.run(running.envoy.wait_ready())
        yield running
    finally:
        asyncio.run(running.stop())
        shutil.rmtree(folder, ignore_errors=True)
