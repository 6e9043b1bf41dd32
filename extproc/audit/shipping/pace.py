"""Time as a lane knows it: waits that end early when it is time to leave."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol


class Pace(Protocol):
    """`leaving`: wait for nothing more. `finishing`: and yet send what is there."""

    @property
    def leaving(self) -> bool: ...

    @property
    def finishing(self) -> bool: ...

    def now_ms(self) -> int:
        """Unix time."""
        ...

    async def rest(self, ms: int) -> bool:
        """Wait; False as soon as it is time to leave."""
        ...


class RealPace:
    """The machine's clock. `stop` and `finish` end every rest, once and for all."""

    def __init__(self) -> None:
        self._leave = asyncio.Event()
        self._finish = False

    @property
    def leaving(self) -> bool:
        return self._leave.is_set()

    @property
    def finishing(self) -> bool:
        return self._finish

    def stop(self) -> None:
        """Leave after the attempt that is on its way."""
        self._leave.set()

    def finish(self) -> None:
        """Leave when what is there now has been sent, or at the first failure."""
        self._finish = True
        self._leave.set()

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    async def rest(self, ms: int) -> bool:
        try:
            async with asyncio.timeout(ms / 1000):
                await self._leave.wait()
        except TimeoutError:
            return True
        return False
