"""Accounts, keys, tiers: all change while calls run, and none of them is lost, by real Envoy."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import httpx2
import pytest

from extproc.config.model import Config
from extproc.config.secrets import SecretMissing
from extproc.dataplane.credentials import connections, discovered_secret, token_file
from extproc.dataplane.secret_files import write_atomically
from tests.dataplane.stand import Json, Stand, configured

CALLERS, CHANGES = 8, 12


def account(name: str, place: str, key: Path, **fields: Any) -> Json:
    return {"type": "provider-account", "name": name, "provider": "openai",
            "base_url": f"http://{place}", "auth": {"api_key": {"file": str(key)}},
            "unpriced": "allow", "models": [{"id": "m"}], **fields}  # fmt: skip


@pytest.fixture
async def stand() -> AsyncIterator[Stand]:
    folder = Path(tempfile.mkdtemp(prefix="stand-"))
    (folder / "key").write_text("key-0")
    running = Stand(folder, lambda places: [account("a", places["a"], folder / "key")])
    try:
        await running.envoy.wait_ready()
        yield running
    finally:
        await running.stop()
        shutil.rmtree(folder, ignore_errors=True)


async def changed(stand: Stand, before: Config, after: Config) -> None:
    """What the gateway does with a new configuration, in its order."""
    stand.envoy.write(after, before.accounts)
    async with asyncio.timeout(10):
        while not await stand.envoy.knows(after, before.accounts):
            await asyncio.sleep(0.01)
    stand.envoy.write(after)


async def test_no_call_is_lost(stand: Stand) -> None:
    """Route: routes, clusters and secrets are replaced again and again under load."""
    key, place = stand.envoy.folder / "key", f"127.0.0.1:{stand.providers['a'].port}"
    stand.plan(("a", ""), more={"envelope": {"tier": "patient"}})
    stand.providers["a"].script(*["200@20"] * 100_000)
    over, statuses = asyncio.Event(), []

    async def caller() -> None:
        async with httpx2.AsyncClient(base_url=stand.url, timeout=15, trust_env=False) as client:
            while not over.is_set():
                answer = await client.post("/v1/chat/completions", content=b"{}")
                statuses.append(answer.status_code)

    async with asyncio.TaskGroup() as group:
        for _ in range(CALLERS):
            group.create_task(caller())
        config = stand.config
        for n in range(CHANGES):
            key.write_text(f"key-{n + 1}")
            accounts = [account("a", place, key, headers={"x-n": str(n)}), *_others(n, place, key)]
            tiers = {"patient": {"first_token_timeout_ms": 3_000 + n}, f"t{n}": {}}
            after = configured(accounts, tiers=tiers, request_timeout_ms=60_000 + n)
            await changed(stand, config, after)
            config, seen = after, len(statuses)
            while len(statuses) < seen + CALLERS:
                await asyncio.sleep(0.01)
        over.set()
    assert len(statuses) > CALLERS * CHANGES
    assert set(statuses) == {200}
    last = stand.providers["a"].seen[-1]
    assert last.headers["x-n"] == str(CHANGES - 1)
    assert last.headers["authorization"] == f"Bearer key-{CHANGES}"


def _others(n: int, place: str, key: Path) -> list[Json]:
    return [account(f"other-{n}-{i}", place, key) for i in range(3)]


def names(stand: Stand) -> list[str]:
    """Of whom there are secrets; a file's name goes on behind its owner's."""
    files = (stand.envoy.folder / "secrets").iterdir()
    return sorted(path.name.partition("~")[0] for path in files)


async def test_an_account_that_leaves_takes_its_secret_along(stand: Stand) -> None:
    """P4: its file goes when nobody is bound there any more, not before."""
    place, key = f"127.0.0.1:{stand.providers['a'].port}", stand.envoy.folder / "key"
    before, after = stand.config, configured([account("b:x", place, key)])
    stand.envoy.write(after, before.accounts)
    assert names(stand) == ["a", "b:x"]
    stand.envoy.write(after)
    assert names(stand) == ["b:x"]


async def test_what_is_as_it_was_is_not_written_again(stand: Stand) -> None:
    """Route: a key that has not changed keeps its file, and its cluster its connections."""
    (path,) = (stand.envoy.folder / "secrets").iterdir()
    before = path.stat().st_ino
    stand.envoy.write(stand.config)
    assert [(p, p.stat().st_ino) for p in path.parent.iterdir()] == [(path, before)]


async def test_a_key_that_no_header_can_carry(stand: Stand) -> None:
    """P4: refused by the account's name; what is in it is not told, and what runs stays."""
    (stand.envoy.folder / "key").write_text("one\ntwo: three")
    with pytest.raises(SecretMissing) as found:
        stand.envoy.write(stand.config)
    assert "`a`" in str(found.value) and "three" not in str(found.value)
    stand.plan(("a", ""))
    assert (await stand.call()).status_code == 200


async def test_many_accounts() -> None:
    """Route: 300 accounts, each with its key; Envoy watches none of them by itself."""
    folder = Path(tempfile.mkdtemp(prefix="stand-"))
    (folder / "key").write_text("key-0")
    stand = Stand(folder, lambda places: [
        account(f"n{n}" if n else "a", places["a"], folder / "key") for n in range(300)
    ])  # fmt: skip
    try:
        await stand.envoy.wait_ready()
        stand.plan(("n299", ""))
        await until_called_with(stand, "authorization", "Bearer key-0")
    finally:
        await stand.stop()
        shutil.rmtree(folder, ignore_errors=True)


async def until_called_with(stand: Stand, header: str, value: str) -> None:
    async with asyncio.timeout(10):
        while True:
            assert (await stand.call()).status_code == 200
            if value in stand.providers["a"].seen[-1].headers.get(header, ""):
                return


async def test_a_key_is_replaced(stand: Stand) -> None:
    """P4: calls go on with the old key until Envoy has the new one, never without."""
    stand.plan(("a", ""))
    (stand.envoy.folder / "key").write_text("key-new")
    stand.envoy.write(stand.config)
    await until_called_with(stand, "authorization", "Bearer key-new")
    assert all("authorization" in request.headers for request in stand.providers["a"].seen)


def aws(folder: Path, places: Mapping[str, str]) -> list[Json]:
    pair = {name: {"file": str(folder / name)} for name in ("access_key_id", "secret_access_key")}
    for name in pair:
        (folder / name).write_text("OLD")
    found = account("a", places["a"], folder / "key", provider="aws-bedrock", region="eu-west-1")
    return [{**found, "auth": {"aws": pair}}]


async def test_an_aws_pair_is_replaced() -> None:
    """P4: signatures follow the file, without a new cluster."""
    folder = Path(tempfile.mkdtemp(prefix="stand-"))
    stand = Stand(folder, lambda places: aws(folder, places))
    try:
        await stand.envoy.wait_ready()
        stand.plan(("a", ""))
        await until_called_with(stand, "authorization", "Credential=OLD/")
        (folder / "access_key_id").write_text("NEW")
        stand.envoy.write(stand.config)
        await until_called_with(stand, "authorization", "Credential=NEW/")
    finally:
        await stand.stop()
        shutil.rmtree(folder, ignore_errors=True)


async def test_a_token_arrives_later() -> None:
    """P1: before there is a token no call leaves; then it is put on, and so is the next one."""
    folder = Path(tempfile.mkdtemp(prefix="stand-"))
    (folder / "key").write_text("unused")
    stand = Stand(folder, lambda places: [{
        **account("a", places["a"], folder / "key", provider="google-vertex", project="p"),
        "auth": {"gcp": {}},
    }])  # fmt: skip
    try:
        await stand.envoy.wait_ready()
        stand.plan(("a", ""))
        assert (await stand.call()).status_code in (401, 503)
        assert stand.paths("a") == []
        (connection,) = connections(stand.config.accounts["a"])
        for token in ("token-1", "token-2"):
            secret = discovered_secret("a", token.encode())
            write_atomically(token_file(folder, connection), secret)
            async with asyncio.timeout(10):
                while (await stand.call()).status_code != 200:
                    await asyncio.sleep(0.02)
            await until_called_with(stand, "authorization", f"Bearer {token}")
    finally:
        await stand.stop()
        shutil.rmtree(folder, ignore_errors=True)
