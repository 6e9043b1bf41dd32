"""What the provider stand-in saw, asked over its control API: proof of what left the gateway."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as the provider got it. `frames`: events of the stream it sent back."""

    model: str
    status: int
    body: str
    frames: int

    @property
    def prompt(self) -> str:
        """The text of the last message."""
        return str(json.loads(self.body)["messages"][-1]["content"])


class ProviderView:
    """Reads and steers the stand-in at `url`."""

    def __init__(self, url: str, http: aiohttp.ClientSession) -> None:
        self._control, self._http = f"{url}/_control", http

    async def forget(self) -> None:
        """As if it had seen nothing, and with nothing to go wrong."""
        for what in ("requests", "faults"):
            await self._ask("DELETE", what)

    async def seen(self) -> list[Seen]:
        """Every request since `forget()`, oldest first, once none is open any more."""
        found = await self._ask("GET", "requests?settled=1")
        names = ("model", "status", "body", "frames")
        return [Seen(**{name: raw[name] for name in names}) for raw in found["requests"]]

    async def fault(self, fault: Mapping[str, Any]) -> None:
        """Make requests go wrong, e.g. `{"model": "gpt-*", "status": 500}`."""
        await self._ask("POST", "faults", fault)

    async def _ask(self, method: str, what: str, body: Any = None) -> Any:
        url = f"{self._control}/{what}"
        async with self._http.request(method, url, json=body, raise_for_status=True) as answer:
            return await answer.json()
