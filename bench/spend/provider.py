"""The provider stand-in as a child, and its own account of what it billed."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from bench.spend.scenarios import bill_usd
from extproc.server.child import Child, python


@dataclass(frozen=True, slots=True)
class Provider:
    """A running stand-in."""

    port: int

    @property
    def base_url(self) -> str:
        """OpenAI's base URL."""
        return f"http://127.0.0.1:{self.port}/v1"

    async def forget(self) -> None:
        async with aiohttp.ClientSession() as session:
            await session.delete(self._totals)

    async def billed_usd(self) -> float:
        """Everything since `forget`, once no request is open any more."""
        async with (
            aiohttp.ClientSession() as session,
            session.get(self._totals, params={"settled": "1"}) as answer,
        ):
            answer.raise_for_status()
            return bill_usd((await answer.json())["all"]["output_tokens"])

    @property
    def _totals(self) -> str:
        return f"http://127.0.0.1:{self.port}/_control/totals"


@asynccontextmanager
async def provider() -> AsyncIterator[Provider]:
    """Start one; it obeys the directives in the prompts."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        ready = Path(name) / "ready.json"
        command = python("extproc.demo.provider", "--port", "0", "--ready-file", str(ready))
        child = Child("provider", command, log=Path(name) / "log")
        try:
            while not ready.exists():
                if not child.alive:
                    raise SystemExit("the provider stand-in did not start")
                await asyncio.sleep(0.05)
            yield Provider(int(json.loads(ready.read_text())["port"]))
        finally:
            await child.stop(grace_s=2)
