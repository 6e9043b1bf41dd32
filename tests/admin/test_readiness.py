"""Ready means: a request could be governed right now. Each part is taken away once."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from redis.asyncio import Redis

from extproc.admin import readiness
from extproc.admin.readiness import Missing, Readiness
from extproc.admin.spec import Spec
from extproc.ledger.epoch import EPOCH_KEY
from extproc.ledger.redis_ledger import RedisLedger
from extproc.store import PrivateStore
from tests.admin.conftest import ACCOUNT, answering, write_config

OPA_CONFIG = """
type: gateway-config
name: gateway
policy: {opa: {url: "unix:%s"}}
"""


def readiness_of(spec: Spec, client: Redis) -> Readiness:
    return Readiness(spec, client, RedisLedger(client, timeout_ms=1_000))


async def _missing(spec: Spec, client: Redis) -> dict[str, str]:
    found = await readiness_of(spec, client).missing()
    assert json.loads(json.dumps([m.to_json() for m in found]))  == [
        {"part": m.part, "why": m.why} for m in found
    ]  # fmt: skip
    return {m.part: m.why for m in found}


async def test_nothing_is_missing(spec: Spec, client: Redis) -> None:
    """Contract 3, `/readyz`: ready when every part answers, and no probe is left behind."""
    assert await _missing(spec, client) == {}
    assert list(spec.audit_folder.iterdir()) == []


async def test_store_is_gone(spec: Spec, client: Redis, store: PrivateStore) -> None:
    """P1: without the store every request is refused, so this gateway is not ready."""
    await store.stop()
    missing = await _missing(spec, client)
    assert list(missing) == ["store"]
    assert str(store.url) not in missing["store"]


async def test_ledger_refuses(spec: Spec, client: Redis) -> None:
    """P2: a store that answers but may not be trusted governs nobody; the reason is said."""
    await client.hset(EPOCH_KEY, "stop", "it may evict")
    missing = await _missing(spec, client)
    assert list(missing) == ["ledger"]
    assert "may evict" in missing["ledger"]


async def test_store_that_was_emptied_is_not_ready(spec: Spec, client: Redis) -> None:
    """P2: never a silently fresh budget."""
    await client.flushall()
    assert await _missing(spec, client) == {"ledger": "the store holds no ledger yet"}


async def test_worker_is_gone(spec: Spec, client: Redis) -> None:
    """Contract 3, `/readyz`: names the worker that does not accept."""
    os.unlink(spec.sockets[1])
    assert await _missing(spec, client) == {"worker 1": "does not accept connections (ENOENT)"}


async def test_gateway_without_workers_is_not_ready(spec: Spec, client: Redis) -> None:
    """P1: no vacuous truth; nobody would govern."""
    assert list(await _missing(replace(spec, sockets=()), client)) == ["workers"]


async def test_audit_folder_is_gone(spec: Spec, client: Redis) -> None:
    """P3: what cannot be recorded is not sent."""
    spec.audit_folder.rmdir()
    assert await _missing(spec, client) == {"audit": "cannot be written (ENOENT)"}


async def test_audit_disk_is_full(spec: Spec, client: Redis) -> None:
    """P3: a folder that is there but takes no byte is missing (here: the device that is full)."""
    (spec.audit_folder / f".ready-{os.getpid()}").symlink_to("/dev/full")
    assert await _missing(spec, client) == {"audit": "cannot be written (ENOSPC)"}


async def test_envoy_is_live(spec: Spec, client: Redis, short: Path) -> None:
    """Contract 3, `/readyz`: Envoy's own `/ready` counts where there is an Envoy."""
    spec = replace(spec, envoy_socket=str(short / "envoy.sock"))
    async with answering(short / "envoy.sock", {"/ready": (200, "LIVE\n")}):
        assert await _missing(spec, client) == {}


@pytest.mark.parametrize("answer", [(503, "DRAINING\n"), (200, "PRE_INITIALIZING\n")])
async def test_envoy_is_not_live(
    spec: Spec, client: Redis, short: Path, answer: tuple[int, str]
) -> None:
    """Contract 3, `/readyz`: an Envoy that drains or still starts takes no requests."""
    spec = replace(spec, envoy_socket=str(short / "envoy.sock"))
    async with answering(short / "envoy.sock", {"/ready": answer}):
        assert list(await _missing(spec, client)) == ["envoy"]


async def test_envoy_is_gone(spec: Spec, client: Redis, short: Path) -> None:
    """Contract 3, `/readyz`: and the reason names no path."""
    spec = replace(spec, envoy_socket=str(short / "envoy.sock"))
    missing = await _missing(spec, client)
    assert list(missing) == ["envoy"]
    assert str(short) not in missing["envoy"]


async def test_policy_server_is_asked_where_one_is_configured(
    spec: Spec, client: Redis, short: Path
) -> None:
    """P1: no decision, no call; a reload that adds a server counts at once."""
    check, socket = readiness_of(spec, client), short / "opa.sock"
    assert await check.missing() == []
    write_config(spec.config_file, ACCOUNT, OPA_CONFIG % socket)
    assert [m.part for m in await check.missing()] == ["policy"]
    async with answering(socket, {"/health": (500, "{}")}):
        assert await check.missing() == [Missing("policy", "the OPA server is not healthy (500)")]
    socket.unlink(missing_ok=True)
    async with answering(socket, {"/health": (200, "{}")}):
        assert await check.missing() == []


def _gone(path: Path) -> None:
    path.unlink()


def _cut(path: Path) -> None:
    path.write_text("[")


def _wrong(path: Path) -> None:
    write_config(path, "type: nonsense")


@pytest.mark.parametrize("harm", [_gone, _cut, _wrong])
async def test_configuration_that_cannot_be_read_is_not_ready(
    spec: Spec, client: Redis, harm: Callable[[Path], None]
) -> None:
    """P7: whether a policy server is needed cannot be told, so it counts as missing."""
    harm(spec.config_file)
    assert list(await _missing(spec, client)) == ["policy"]


async def test_part_that_hangs_is_missing(
    spec: Spec, client: Redis, short: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Contract 3, `/readyz`: one part that never answers must not hold up the answer."""
    monkeypatch.setattr(readiness, "CHECK_WITHIN_S", 0.05)
    never = asyncio.Event()

    async def accept(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await never.wait()
        writer.close()

    server = await asyncio.start_unix_server(accept, short / "envoy.sock")
    missing = await _missing(replace(spec, envoy_socket=str(short / "envoy.sock")), client)
    assert missing == {"envoy": "no answer in time"}
    never.set()
    server.close()
