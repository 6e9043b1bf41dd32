"""Ends streams whose provider says nothing more.

Envoy's own limit of silence between two pieces holds until an answer's head has passed (tried on
1.40: `per_try_idle_timeout` does nothing behind it), and its limit on the caller's side would end
a call before its second attempt. So the worker, which sees every piece of a stream, keeps the time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

LOOK_S = 0.25


@dataclass(slots=True)
class Heard:
    """One stream. `at_s`: when it last said something; `give_up` ends it."""

    at_s: float
    idle_s: float
    give_up: Callable[[], None]


class Silence:
    """One per worker. `now_s`: a monotonic clock."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        self.now_s = now_s
        self._streams: dict[int, Heard] = {}

    def begin(self, key: int, idle_s: float, give_up: Callable[[], None]) -> Heard:
        """Watch a stream until `end`. Whoever hears from it sets `at_s`."""
        heard = self._streams[key] = Heard(self.now_s(), idle_s, give_up)
        return heard

    def end(self, key: int) -> None:
        self._streams.pop(key, None)

    def look(self) -> None:
        """Give up those that were silent for too long."""
        now_s = self.now_s()
        for key, heard in list(self._streams.items()):
            if now_s - heard.at_s > heard.idle_s:
                self.end(key)
                heard.give_up()

    async def run(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            self.look()
