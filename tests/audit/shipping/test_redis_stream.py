"""Redis Streams against a real Valkey."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from redis.asyncio import Redis

from tests.audit.gateway import entry
from tests.audit.shipping.road import ORIGIN, Road, Steps, sink_of
from tests.ledger.conftest import PrivateStore

KEY = f"envelope:audit:{ORIGIN}"
SINK = sink_of("redis-stream")


@pytest.fixture(scope="module")
def server() -> Iterator[PrivateStore]:
    running = PrivateStore()
    running.start()
    yield running
    running.remove()


@pytest.fixture
async def client(server: PrivateStore) -> Any:
    connected = Redis.from_url(server.url)
    await connected.flushall()
    yield connected
    await connected.aclose()


async def messages(client: Redis) -> list[tuple[str, dict[bytes, bytes]]]:
    return [(identity.decode(), fields) for identity, fields in await client.xrange(KEY)]


async def test_one_message_per_entry(tmp_path: Path, server: PrivateStore, client: Redis) -> None:
    """Audit: the id says the place; what was sent before is refused by the server and counts."""
    road = Road(tmp_path)
    road.write(6)
    await road.shipped(SINK, store_url=server.url)
    found = await messages(client)
    assert [identity for identity, _ in found] == [f"{n + 1}-0" for n in range(6)]
    assert orjson.loads(found[2][1][b"entry"])["decision_id"] == "d-2"
    assert (found[2][1][b"index"], found[2][1][b"decision_id"]) == (b"2", b"d-2")
    (road.folder / "s.json").unlink()
    road.write(1)
    lane = await road.shipped(SINK, store_url=server.url)
    assert len(await messages(client)) == 7
    assert lane.figures.entries["shipped"] == 7


async def test_another_log_of_the_same_name_is_shut_out(
    tmp_path: Path, server: PrivateStore, client: Redis
) -> None:
    """Audit: its ids would shut out ours and be counted as sent; it is a mistake to be told."""
    first, second = Road(tmp_path / "a"), Road(tmp_path / "b")
    first.write(5)
    await first.shipped(SINK, store_url=server.url)
    second.write_entries({**entry(0), "decision_id": "other"})
    pace = Steps(lambda: len(pace.rests) > 2)
    lane = second.lane(SINK, pace, store_url=server.url)
    await lane.run()
    assert (lane.figures.next, lane.figures.up) == (0, False)
    assert len(await messages(client)) == 5
    await second.shipped(SINK, store_url=server.url, origin="other.example.com")
    assert await client.xlen("envelope:audit:other.example.com") == 1


async def test_a_batch_is_added_whole_or_not_at_all(
    tmp_path: Path, server: PrivateStore, client: Redis
) -> None:
    """Audit: a server without memory takes nothing of a batch, so that nothing is shut out."""
    road = Road(tmp_path)
    road.write(3)
    await client.config_set("maxmemory", "1")
    pace = Steps(lambda: len(pace.rests) > 4)
    lane = road.lane(SINK, pace, store_url=server.url)
    await lane.run()
    assert (lane.figures.up, await client.xlen(KEY)) == (False, 0)
    await client.config_set("maxmemory", "0")
    await road.shipped(SINK, store_url=server.url)
    assert [identity for identity, _ in await messages(client)] == ["1-0", "2-0", "3-0"]
    ran = await client.info("commandstats")
    assert ran["cmdstat_exec"]["calls"] >= 1, "in a transaction"


async def test_what_an_operator_must_change(
    tmp_path: Path, server: PrivateStore, client: Redis
) -> None:
    """Audit: a key of another type, a user without rights: nothing is skipped."""
    road = Road(tmp_path)
    road.write(2)
    await client.set(KEY, "a string")
    pace = Steps(lambda: len(pace.rests) > 2)
    lane = road.lane(SINK, pace, store_url=server.url)
    await lane.run()
    assert (lane.figures.next, pace.rests[1] >= 45_000) == (0, True)
    await client.delete(KEY)
    await road.shipped(SINK, store_url=server.url)
    assert await client.xlen(KEY) == 2


async def test_the_stream_keeps_about_as_many_as_it_should(
    tmp_path: Path, server: PrivateStore, client: Redis
) -> None:
    """Audit: `stream_entries_max` bounds the server's memory, in whole nodes of 100."""
    road = Road(tmp_path)
    road.write(450)
    sink = sink_of("redis-stream", stream_entries_max=100, batch_entries_max=450)
    await road.shipped(sink, store_url=server.url)
    assert 100 <= await client.xlen(KEY) < 300
    assert (await messages(client))[-1][0] == "450-0"


async def test_down_at_the_start_paused_and_gone(tmp_path: Path) -> None:
    """Audit: a server that is not there, does not answer, or comes back empty."""
    road, own = Road(tmp_path), PrivateStore()
    try:
        road.write(3)
        sink = sink_of("redis-stream", timeout_ms=200)
        pace = Steps(lambda: len(pace.rests) > 3)
        await road.lane(sink, pace, store_url=own.url).run()
        own.start()
        client = Redis.from_url(own.url)
        await client.execute_command("CLIENT PAUSE 400 WRITE")
        await road.shipped(sink, store_url=own.url)
        assert await client.xlen(KEY) == 3
        await client.aclose()
        own.stop()
        road.write(2)
        pace = Steps(lambda: len(pace.rests) > 3)
        await road.lane(sink, pace, store_url=own.url).run()
        own.start()
        await road.shipped(sink, store_url=own.url)
        client = Redis.from_url(own.url)
        assert [identity for identity, _ in await messages(client)] == ["4-0", "5-0"]
        await client.aclose()
    finally:
        await asyncio.to_thread(own.remove)
