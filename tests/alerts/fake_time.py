"""Time that moves only when somebody sleeps, or when told to."""

from __future__ import annotations

import asyncio

from tests.alerts.readings import MIDDLE_MS


class FakeTime:
    """`slept`: every wait that was asked for, in seconds.

    As it is, a sleep is over at once and moves the clock. After `hold()` sleepers wait until
    `advance` has moved the clock that far; `asleep` waits for so many of them.
    """

    def __init__(self, now_ms: int = MIDDLE_MS) -> None:
        self.now_ms = now_ms
        self.slept: list[float] = []
        self._holds = False
        self._sleepers: list[tuple[int, asyncio.Event]] = []
        self._more = asyncio.Condition()

    def __call__(self) -> int:
        return self.now_ms

    def hold(self) -> None:
        self._holds = True

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        if not self._holds:
            self.now_ms += round(seconds * 1000)
            await asyncio.sleep(0)
            return
        over = asyncio.Event()
        entry = (self.now_ms + round(seconds * 1000), over)
        self._sleepers.append(entry)
        async with self._more:
            self._more.notify_all()
        try:
            await over.wait()
        finally:
            self._sleepers.remove(entry)

    async def asleep(self, count: int = 1) -> None:
        async with self._more:
            await self._more.wait_for(lambda: len(self._sleepers) >= count)

    async def advance(self, ms: int) -> None:
        self.now_ms += ms
        for due_ms, over in list(self._sleepers):
            if due_ms <= self.now_ms:
                over.set()
        await asyncio.sleep(0)
