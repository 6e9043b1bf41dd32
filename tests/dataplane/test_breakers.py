"""Circuit breakers and outlier detection of an account, by real Envoy."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from tests.dataplane.stand import Json, Stand


def accounts(places: Mapping[str, str]) -> list[Json]:
    def account(name: str, **limits: int) -> Json:
        return {"type": "provider-account", "name": name, "provider": "openai-compatible",
                "base_url": f"http://{places[name]}", "kind": "self_hosted", "unpriced": "allow",
                "limits": limits, "models": [{"id": "m"}]}  # fmt: skip

    return [account("a", connections_max=1, pending_requests_max=1), account("b")]


@pytest.fixture
async def stand() -> AsyncIterator[Stand]:
    folder = Path(tempfile.mkdtemp(prefix="stand-"))
    running = Stand(folder, accounts)
    try:
        await running.envoy.wait_ready()
        yield running
    finally:
        await running.stop()
        shutil.rmtree(folder, ignore_errors=True)


async def test_a_full_account_takes_no_more(stand: Stand) -> None:
    """Route: beyond its connections and its queue a call ends at once. Envoy asks nobody else then,
    whatever the plan says: routing must see to it before."""
    stand.plan(("a", "503>2:b,broken>2:b,late>2:b"), ("b", ""))
    stand.providers["a"].script(*["200@200"] * 10)
    answers = await asyncio.gather(*(stand.call() for _ in range(6)))
    statuses = [answer.status_code for answer in answers]
    assert set(statuses) == {200, 502}
    assert 1 <= statuses.count(200) <= 2
    refused = next(answer for answer in answers if answer.status_code == 502)
    assert refused.json()["error"]["code"] == "upstream_error"
    assert stand.paths("b") == []


async def test_the_only_address_stays_in_use(stand: Stand) -> None:
    """Route: an address that fails again and again rests only while others are left."""
    stand.plan(("b", ""))
    stand.providers["b"].script(*["503"] * 20)
    assert {(await stand.call()).status_code for _ in range(20)} == {503}
    assert len(stand.paths("b")) == 20
    assert (await stand.call()).status_code == 200
