"""Redis Streams (Valkey too): one message per entry, under an id that the entry's place gives.

    XADD <stream>:<origin> MAXLEN ~ N <index+1>-0 entry <JSON> index N decision_id <id>

Promises: what was sent before is refused by the server itself and counts as sent, so that an entry
is in the stream once; a batch is added whole or not at all (MULTI), so that no later entry can
shut out an earlier one. Refuses to write into a stream that another log of the same name writes
(`<stream>:<origin>:log` says whose it is): its ids would shut out ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    NoPermissionError,
    ResponseError,
)

from extproc.audit.columns import text
from extproc.audit.shipping.values import Again, Batch, Item, Misconfigured, Outcome, Taken

_REPEATED = "equal or smaller"
_FOR_AN_OPERATOR = ("WRONGTYPE", "NOPERM", "NOAUTH", "WRONGPASS", "unknown command")


class RedisStream:
    """`entries_max`: about how many messages the server keeps."""

    def __init__(self, client: Redis, stream: str, entries_max: int) -> None:
        self._client, self._stream, self._entries_max = client, stream, entries_max
        self._own = False

    async def send(self, batch: Batch) -> Outcome:
        key = f"{self._stream}:{batch.origin}"
        try:
            if not self._own and not await self._is_ours(key, batch.log_id):
                return Misconfigured(
                    "another log ships there under the same name: give this one an `origin` of "
                    "its own"
                )
            self._own = True
            return _judged(await self._add(key, batch.items))
        except (AuthenticationError, AuthorizationError, NoPermissionError):
            return Misconfigured("it does not let us in")
        except ResponseError as error:
            return _refusal(error)

    async def _is_ours(self, key: str, log_id: str) -> bool:
        mark = f"{key}:log"
        await self._client.set(mark, log_id, nx=True)
        found: Any = await self._client.get(mark)
        return found in (log_id, log_id.encode())

    async def _add(self, key: str, items: Sequence[Item]) -> list[Any]:
        pipeline = self._client.pipeline(transaction=True)
        for item in items:
            decision_id = text(item.entry, "decision_id") or ""
            pipeline.xadd(
                key,
                {"entry": item.line, "index": item.index, "decision_id": decision_id},
                id=f"{item.index + 1}-0", maxlen=self._entries_max, approximate=True,
            )  # fmt: skip
        return await pipeline.execute(raise_on_error=False)

    async def close(self) -> None:
        await self._client.aclose()


def _judged(results: Sequence[Any]) -> Outcome:
    """Every result is an id, or says that the entry is there already; else none counts."""
    for result in results:
        if isinstance(result, Exception) and _REPEATED not in str(result):
            return _refusal(result)
    return Taken()


def _refusal(error: Exception) -> Outcome:
    """A server's text is matched and never passed on (P4)."""
    known = next((word for word in _FOR_AN_OPERATOR if str(error).startswith(word)), None)
    if known is not None:
        return Misconfigured(f"it answers {known}")
    return Again(f"it answers an error ({type(error).__name__})")
