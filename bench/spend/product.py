"""What a product under test looks like to the benchmark."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

SETTLED_WITHIN_S = 15.0


@dataclass(frozen=True, slots=True)
class Product:
    """A running product. `urls`: its gateways. `keys`: scenario -> the key whose budget it is.

    `believed_usd(scenario)`: what it says was spent of that budget; None while it still counts.
    """

    name: str
    urls: Sequence[str]
    keys: dict[str, str]
    model: str
    believed_usd: Callable[[str], Awaitable[float | None]]

    async def final_belief_usd(self, scenario: str) -> float | None:
        """What it says once that has stopped moving; None if it never does."""
        clock = asyncio.get_running_loop().time
        deadline, last = clock() + SETTLED_WITHIN_S, None
        while clock() < deadline:
            now = await self.believed_usd(scenario)
            if now is not None and now == last:
                return now
            last = now
            await asyncio.sleep(1.0)
        return last


class CannotRun(Exception):
    """The product cannot be installed or started here; the text says why."""
