"""The provider stand-in as a child process, steered and read over its `/_control/` API.

It accepts one OpenAI key and one Anthropic key only, so every answered call proves that the gateway
put on the right credential. Directives in prompts (`[[reply: ...]]`) and faults decide its answers:
see `extproc/demo/provider_script.py` and `provider_control.py`.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import time
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from extproc.server.child import Child, python

START_S = 20


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as the provider got it. Header names in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: str
    model: str
    status: int
    outcome: str
    input_tokens: int
    output_tokens: int

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class ProviderUnderTest:
    """One stand-in. `openai_key`, `anthropic_key`: the only credentials it accepts."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.openai_key = "sk-openai-" + secrets.token_hex(16)
        self.anthropic_key = "sk-ant-" + secrets.token_hex(16)
        self._ready = folder / "provider.json"
        self.log = folder / "provider.log"
        command = python(
            "extproc.demo.provider", "--port", "0", "--ready-file", str(self._ready),
            "--openai-key-env", "OPENAI_KEY", "--anthropic-key-env", "ANTHROPIC_KEY",
        )  # fmt: skip
        environment = {**environment, "OPENAI_KEY": self.openai_key,
                       "ANTHROPIC_KEY": self.anthropic_key}  # fmt: skip
        self._child = Child("provider", command, env=environment, log=self.log)
        self.url = self._wait()

    def _wait(self) -> str:
        deadline = time.monotonic() + START_S
        while not self._ready.exists():
            if not self._child.alive or time.monotonic() > deadline:
                raise RuntimeError(f"the provider did not start:\n{self.log.read_text()}")
            time.sleep(0.02)
        return str(json.loads(self._ready.read_text())["url"])

    def stop(self) -> None:
        asyncio.run(self._child.stop(grace_s=3))

    # --- what it saw --------------------------------------------------------------------------

    async def requests(self) -> list[Seen]:
        """Every request since `forget()`, oldest first, once none is open any more."""
        found = await self._ask("GET", "requests?settled=1")
        names = Seen.__slots__  # type: ignore[attr-defined]
        return [Seen(**{name: raw[name] for name in names}) for raw in found["requests"]]

    async def request(self) -> Seen:
        """The only request there was."""
        (found,) = await self.requests()
        return found

    async def count(self) -> int:
        """How many requests came since `forget()`, open ones included."""
        return int((await self._ask("GET", "requests"))["count"])

    async def totals(self, model: str) -> dict[str, int]:
        """What it billed for one of its models since `forget()`."""
        found = await self._ask("GET", "totals?settled=1")
        return dict(found["models"].get(model, {}))

    async def busy(self) -> None:
        """Wait until it holds an open request."""
        await self._ask("GET", "requests?busy=1")

    @asynccontextmanager
    async def untouched(self) -> AsyncIterator[None]:
        """Nothing inside may reach the provider (P1)."""
        before = await self.count()
        yield
        assert await self.count() == before, "a provider saw a request that had to be refused"

    # --- what it shall do ---------------------------------------------------------------------

    async def fault(self, model: str, count: int | None = None, **directives: Any) -> None:
        """The next `count` requests (None = all) for a matching model go wrong, e.g. status=503."""
        settings = {"model": model, **directives}
        await self._ask("POST", "faults", settings | ({"count": count} if count else {}))

    async def forget(self) -> None:
        """No requests, no totals, no faults."""
        for what in ("requests", "totals", "faults"):
            await self._ask("DELETE", what)

    async def _ask(self, method: str, what: str, body: Any = None) -> Any:
        return await asyncio.to_thread(self._ask_now, method, what, body)

    def _ask_now(self, method: str, what: str, body: Any) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/_control/{what}", data, method=method)
        with urllib.request.urlopen(request, timeout=15) as answer:
            return json.load(answer)


def child_environment(root: Path) -> dict[str, str]:
    """Ours, with the checkout importable; whatever else is on PYTHONPATH stays in front."""
    paths = [p for p in os.environ.get("PYTHONPATH", "").split(os.pathsep) if p]
    return {**os.environ, "PYTHONPATH": os.pathsep.join([*paths, str(root)])}
