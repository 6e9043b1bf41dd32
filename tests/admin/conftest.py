"""The parts that the admin process asks, for real: a Valkey, workers' sockets, folders."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web
from redis.asyncio import Redis

from extproc.admin.spec import Spec
from extproc.config.sources import Source, sources_to_json
from extproc.ledger.redis_ledger import RedisLedger
from extproc.store import PrivateStore
from extproc.store_client import open_client

ACCOUNT = """
type: provider-account
name: openai-main
provider: openai-compatible
base_url: http://127.0.0.1:9/v1
models: [{id: gpt-4o-mini, price: {input_per_mtok: 1}}]
"""


@pytest.fixture
def short() -> Iterator[Path]:
    """A short folder: pytest's own may be too long for a socket."""
    with tempfile.TemporaryDirectory(prefix="ev-") as folder:
        yield Path(folder)


@pytest.fixture
async def store(short: Path) -> AsyncIterator[PrivateStore]:
    running = PrivateStore(short / "store", short)
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
async def client(store: PrivateStore) -> AsyncIterator[Redis]:
    redis = open_client(store.url, 1_000)
    yield redis
    await redis.aclose()


@pytest.fixture
async def ledger(client: Redis) -> AsyncIterator[RedisLedger]:
    """A replica of a ledger that is open."""
    made = RedisLedger(client, timeout_ms=1_000)
    await made.store.begin_first()
    yield made
    await made.aclose()


@pytest.fixture
async def spec(short: Path, store: PrivateStore, ledger: RedisLedger) -> AsyncIterator[Spec]:
    """A gateway with two workers, without Envoy, all parts there (its ledger is open)."""
    sockets = [short / f"worker-{number}.sock" for number in range(2)]
    workers = [await asyncio.start_unix_server(_hang_up, path) for path in sockets]
    audit = short / "audit"
    audit.mkdir()
    write_config(short / "config.json", ACCOUNT)
    yield Spec(
        host="127.0.0.1", port=0, store_url=store.url, sockets=tuple(map(str, sockets)),
        envoy_socket="", metrics_folder=short / "metrics", audit_folder=audit,
        config_file=short / "config.json",
    )  # fmt: skip
    for worker in workers:
        worker.close()


async def _hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


def write_config(path: Path, *documents: str) -> None:
    """As the gateway hands a configuration over: by rename."""
    beside = path.with_suffix(".new")
    beside.write_text(sources_to_json([Source("a.yaml", "---\n".join(documents), "/")]))
    beside.replace(path)


def write_spec(path: Path, spec: Spec, **changes: object) -> Path:
    """`admin.json`, as the gateway writes it."""
    spec = replace(spec, **changes)  # type: ignore[arg-type]
    raw = {name: getattr(spec, name) for name in Spec.__slots__}
    path.write_text(json.dumps(raw, default=str))
    return path


@asynccontextmanager
async def answering(socket: Path, pages: dict[str, tuple[int, str]]) -> AsyncIterator[list[str]]:
    """An HTTP server on a unix socket: path and query -> status and text. What it was asked."""
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(f"{request.method} {request.raw_path}")
        status, text = pages.get(request.raw_path, (404, ""))
        return web.Response(status=status, text=text)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    await web.UnixSite(runner, str(socket)).start()
    try:
        yield asked
    finally:
        await runner.cleanup()
