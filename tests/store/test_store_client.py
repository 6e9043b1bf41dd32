"""Clients of the store: bounded waits, quiet errors, no store that forgets."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from extproc.store import (
    PrivateStore,
    StoreRefused,
    StoreUnavailable,
    check_policy,
    connect,
    mapped_errors,
)
from extproc.store_client import CONNECTIONS_MAX


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[PrivateStore]:
    with tempfile.TemporaryDirectory(prefix="ev-") as run:
        store = PrivateStore(tmp_path, Path(run))
        await store.start()
        yield store
        await store.stop()


@pytest.fixture
async def client(store: PrivateStore) -> AsyncIterator[Redis]:
    client = await connect(store.url, 2_000)
    yield client
    await client.aclose()


@pytest.mark.parametrize("url", ["", "http://h", "valkey://h", "redis//h", "/run/s.sock"])
async def test_other_schemes_are_refused(url: str) -> None:
    """P7: only unix://, redis:// and rediss:// name a store."""
    with pytest.raises(StoreRefused, match="unix://"):
        await connect(url, 100)


@pytest.mark.parametrize(
    "url",
    ["redis://user:hunter2@127.0.0.1:1/0", "redis://:hunter2@127.0.0.1:notaport",
     "redis://:hunter2@127.0.0.1:1/0?socket_timeout=hunter2", "unix:///nowhere/hunter2.sock"],
)  # fmt: skip
async def test_errors_never_quote_the_url(url: str) -> None:
    """P4: a password in a store's URL reaches no error, and no chained one."""
    with pytest.raises((StoreRefused, StoreUnavailable)) as caught:
        await connect(url, 200)
    error: BaseException | None = caught.value
    assert error is not None and error.__suppress_context__
    assert "hunter2" not in str(error)


async def test_a_hanging_store_costs_a_bounded_wait(store: PrivateStore, client: Redis) -> None:
    """P1: a store that stops answering is StoreUnavailable, and works again when it comes back."""
    assert store.pid is not None
    quick = await connect(store.url, 100)
    os.kill(store.pid, signal.SIGSTOP)
    try:
        with pytest.raises(StoreUnavailable), mapped_errors():
            await quick.get("k")
    finally:
        os.kill(store.pid, signal.SIGCONT)
    await client.ping()  # it has caught up
    with mapped_errors():
        assert await quick.get("k") is None
    await quick.aclose()


class _LosesOneAnswer:
    """A wire between client and store that breaks once, after a command has got through."""

    def __init__(self, path: str, command: bytes) -> None:
        self._path = path
        self._command: bytes | None = command

    async def __call__(self, inner: asyncio.StreamReader, outer: asyncio.StreamWriter) -> None:
        answers, questions = await asyncio.open_unix_connection(self._path)
        while asked := await inner.read(65_536):
            questions.write(asked)
            answer = await answers.read(65_536)
            if self._command is not None and self._command in asked:
                self._command = None
                break
            outer.write(answer)
        questions.close()
        outer.close()


async def test_a_lost_answer_is_not_sent_again(store: PrivateStore, client: Redis) -> None:
    """P2: what may have run once is never run twice behind the caller's back."""
    with tempfile.TemporaryDirectory(prefix="ev-") as folder:
        wire = _LosesOneAnswer(store.url.removeprefix("unix://"), b"INCR")
        async with await asyncio.start_unix_server(wire, f"{folder}/s"):
            fragile = await connect(f"unix://{folder}/s", 2_000)
            with pytest.raises(StoreUnavailable), mapped_errors():
                await fragile.incr("n")
            assert await client.get("n") == b"1"
            assert await fragile.get("n") == b"1"  # the wire works again
            await fragile.aclose()


async def test_many_at_once_wait_their_turn(client: Redis) -> None:
    """P8: more operations than connections queue up; none is refused."""
    answers = await asyncio.gather(*(client.incr("n") for _ in range(CONNECTIONS_MAX * 20)))
    assert sorted(answers) == list(range(1, CONNECTIONS_MAX * 20 + 1))


async def test_survives_a_restart_of_the_store(store: PrivateStore, client: Redis) -> None:
    """P1: connections to a store that went away are replaced, not handed out."""
    await asyncio.gather(*(client.incr("n") for _ in range(CONNECTIONS_MAX)))
    await store.stop()
    with pytest.raises(StoreUnavailable), mapped_errors():
        await client.get("n")
    await store.start()
    with mapped_errors():
        values = await asyncio.gather(*(client.get("n") for _ in range(CONNECTIONS_MAX)))
    assert set(values) == {str(CONNECTIONS_MAX).encode()}


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-ttl"])
async def test_a_store_that_evicts_is_refused(client: Redis, policy: str) -> None:
    """P2: an evicted counter is money that was never spent."""
    await check_policy(client)
    await client.config_set("maxmemory-policy", policy)
    with pytest.raises(StoreRefused, match="noeviction"):
        await check_policy(client)


@pytest.mark.parametrize(
    ("rights", "refused"), [("+@all -config", True), ("+@all -config -info", False)]
)
async def test_a_store_that_forbids_config_is_asked_by_info(
    store: PrivateStore, client: Redis, rights: str, refused: bool
) -> None:
    """P2: managed stores forbid CONFIG; INFO tells the same, and only then is it unknown."""
    await client.config_set("maxmemory-policy", "allkeys-lru")
    acl = ("ACL", "SETUSER", "app", "on", ">pw", "~*", *rights.split())
    await client.execute_command(*acl)  # type: ignore[no-untyped-call]
    path = store.url.removeprefix("unix://")
    limited = await connect(f"unix://app:pw@{path}", 2_000)
    try:
        if refused:
            with pytest.raises(StoreRefused):
                await check_policy(limited)
        else:
            await check_policy(limited)
    finally:
        await limited.aclose()
