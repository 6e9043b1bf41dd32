"""The admin process as it is started: by the gateway with a spec file, and by command."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from extproc.admin.spec import Spec
from extproc.state import StateDir
from extproc.store import PrivateStore
from tests.admin.conftest import write_spec

pytest.importorskip("starlette", reason="the admin server needs starlette, which is not installed")
pytest.importorskip("uvicorn", reason="the admin server needs uvicorn, which is not installed")

Process = asyncio.subprocess.Process


@asynccontextmanager
async def _admin(state: Path) -> AsyncIterator[tuple[str, Process]]:
    """`envelope admin` on a free port: its URL and the process."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "extproc", "admin", "--state", str(state), "--port", "0",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        line = (await process.stdout.readline()).decode()
        found = re.fullmatch(r"ready admin (http://\S+)\n", line)
        assert found is not None, line
        yield found[1], process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.fixture
def state(short: Path, spec: Spec) -> Path:
    """The state folder of a gateway that runs: this very process stands for it."""
    write_spec(short / "admin.json", spec)
    folder = StateDir(short / "state").prepare()
    folder.run_file.write_text(json.dumps({"pid": os.getpid(), "run": str(short)}))
    return folder.root


async def _get(url: str) -> tuple[int, str, str]:
    """Status, content type, text."""
    async with aiohttp.ClientSession() as session, session.get(url, allow_redirects=False) as reply:
        return reply.status, reply.content_type, await reply.text()


async def _json(url: str) -> tuple[int, Any]:
    status, kind, text = await _get(url)
    assert kind == "application/json"
    return status, json.loads(text)


async def test_health_and_metrics(state: Path, store: PrivateStore) -> None:
    """Contract 3, admin port: `/livez`, `/readyz` (503 with what is missing), `/metrics`."""
    async with _admin(state) as (url, _):
        assert (await _get(f"{url}/livez"))[0] == 200
        assert await _json(f"{url}/readyz") == (200, {"ready": True})
        status, kind, text = await _get(f"{url}/metrics")
        assert (status, kind) == (200, "text/plain")
        assert "\nenvelope_store_up 1.0\n" in text
        await store.stop()
        status, missing = await _json(f"{url}/readyz")
        assert status == 503
        assert [part["part"] for part in missing] == ["store"]
        assert (await _get(f"{url}/livez"))[0] == 200


@pytest.mark.parametrize("path", ["/", "/readyz/", "/metrics/x", "/v1/models", "/docs"])
async def test_anything_else_is_404(state: Path, path: str) -> None:
    """Contract 3, admin port: what is not in the table is not there, in JSON."""
    async with _admin(state) as (url, _):
        status, body = await _json(url + path)
    assert status == 404
    assert set(body["error"]) == {"status", "message"}


async def test_ends_on_sigterm(state: Path) -> None:
    """Contract 1, `envelope admin`: ends cleanly when told to, and says nothing on stderr."""
    async with _admin(state) as (url, process):
        await _get(f"{url}/livez")
        process.send_signal(signal.SIGTERM)
        output, errors = await process.communicate()
    assert (process.returncode, output, errors) == (0, b"", b"")


async def test_starts_from_a_spec_file(short: Path, spec: Spec, unused_tcp_port: int) -> None:
    """Contract 1, `envelope up`: as the gateway starts it, on the port of the spec."""
    path = write_spec(short / "admin.json", spec, port=unused_tcp_port)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "extproc.admin.server", str(path), stderr=asyncio.subprocess.PIPE
    )
    try:
        assert process.stderr is not None
        url = f"http://127.0.0.1:{unused_tcp_port}"
        assert (await process.stderr.readline()).decode() == f"envelope.admin: listens on {url}\n"
        assert await _json(f"{url}/readyz") == (200, {"ready": True})
    finally:
        process.terminate()
        assert await process.wait() == 0


async def test_port_that_is_taken_is_a_usage_error(state: Path) -> None:
    """Contract 1: exit code 2 and the reason, not a traceback."""
    async with _admin(state) as (url, _):
        port = url.rpartition(":")[2]
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "extproc", "admin", "--state", str(state), "--port", port,
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        _, errors = await process.communicate()
    assert process.returncode == 2
    assert errors.decode().startswith("envelope admin: ")
    assert b"Traceback" not in errors
