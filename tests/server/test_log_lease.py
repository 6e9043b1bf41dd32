"""One writer for each signing key: a copied state folder does not begin a second history."""

from __future__ import annotations

import shutil
from pathlib import Path

from redis.asyncio import Redis

from extproc.server.log_lease import LEASE_MS, RENEW_S, LogLease, place_of
from extproc.store_client import open_client
from tests.identity.conftest import client, private_store

__all__ = ["client", "private_store"]

KEY = "0a1b2c3d"


async def no_wait(_: float) -> None:
    """Time does not pass here."""


async def test_the_second_does_not_begin(client: Redis) -> None:
    """P3: two folders with one key: the first writes, the second says why it does not."""
    first, second = LogLease(client, KEY, "here"), LogLease(client, KEY, "there")
    assert await first.take_soon(no_wait)
    assert not await second.take_soon(no_wait) and second.elsewhere
    assert await first.take() and not first.elsewhere


async def test_other_keys_are_other_logs(client: Redis) -> None:
    """P3: gateways with logs of their own do not hinder each other."""
    assert await LogLease(client, KEY, "here").take()
    assert await LogLease(client, "ffffffff", "there").take()


async def test_a_restart_is_the_same_writer(client: Redis, tmp_path: Path) -> None:
    """P3: the folder on its host is who writes, so that a killed gateway begins again at once; a
    copy of the folder is somebody else."""
    (tmp_path / "a").mkdir()
    me = place_of(tmp_path / "a")
    assert await LogLease(client, KEY, me).take()
    assert await LogLease(client, KEY, place_of(tmp_path / "a")).take()
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    assert not await LogLease(client, KEY, place_of(tmp_path / "b")).take()


async def test_it_lapses_and_is_left(client: Redis) -> None:
    """P3: a gateway that stops lets the next one begin at once, one that dies after the lease."""
    first, second = LogLease(client, KEY, "here"), LogLease(client, KEY, "there")
    await first.take()
    assert 0 < await client.pttl(f"{{envelope}}:log:{KEY}") <= LEASE_MS
    assert LEASE_MS > 3 * RENEW_S * 1000
    await second.leave()
    assert not await second.take()
    await first.leave()
    assert await second.take()


async def test_the_one_who_was_overtaken_stops(client: Redis) -> None:
    """P3: who could not renew for so long adds nothing until the other is gone."""
    first, second = LogLease(client, KEY, "here"), LogLease(client, KEY, "there")
    await first.take()
    await client.delete(f"{{envelope}}:log:{KEY}")
    await second.take()
    assert not await first.take() and first.elsewhere
    await second.leave()
    assert await first.take() and not first.elsewhere


async def test_without_a_store_nothing_is_known(tmp_path: Path) -> None:
    """P3: a store that is away does not stop the log; what was known stays known."""
    away = open_client(f"unix://{tmp_path}/none.sock", 50)
    lease = LogLease(away, KEY, "here")
    assert await lease.take()
    lease.elsewhere = True
    assert not await lease.take()
    await lease.leave()
    await away.aclose()
