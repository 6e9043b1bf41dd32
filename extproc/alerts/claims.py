"""Who may send an alert: one claim per alert and target, in the store all gateways share.

Promises: two gateways never send the same alert at once; a claim whose holder died lapses, so the
alert is sent again rather than lost. At least once; twice only if a gateway dies, or the store is
away, between a delivery and its note here. The claim of a delivered alert outlives its window.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis

from extproc.store_client import StoreUnavailable, mapped_errors

PREFIX = "{envelope}:alert:"
"""The hash tag keeps it on the shard of the counters, in a cluster."""

# One step: take it if it is free or ours (then for `lease` ms from now), else say who has it.
_TAKE = """
local held = redis.call('GET', KEYS[1])
if held == 'sent' then return {2, 0} end
if held and held ~= ARGV[1] then return {1, redis.call('PTTL', KEYS[1])} end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return {0, 0}
"""


@dataclass(frozen=True, slots=True)
class Mine:
    """Send it, within the lease."""


@dataclass(frozen=True, slots=True)
class Busy:
    """Another gateway has it, or rests after it failed; ask again in `again_ms`."""

    again_ms: int


@dataclass(frozen=True, slots=True)
class Sent:
    """It was delivered."""


class Claims:
    """`owner`: unique per process, never reused: a gateway that comes back is another one."""

    def __init__(self, client: Redis, owner: str) -> None:
        self._client = client
        self._owner = owner
        self._take = client.register_script(_TAKE)

    async def take(self, claim: str, lease_ms: int) -> Mine | Busy | Sent:
        """Take a claim, or keep one that is ours. Raises StoreUnavailable."""
        with mapped_errors():
            reply: Any = await self._take(
                keys=[PREFIX + claim], args=[self._owner, max(1, lease_ms)]
            )
        match reply:
            case [0, _]:
                return Mine()
            case [1, int(left_ms)]:
                return Busy(max(0, left_ms))
            case [2, _]:
                return Sent()
        raise StoreUnavailable("unexpected reply")

    async def sent(self, claims: Iterable[str], keep_ms: int) -> None:
        """Note that these were delivered, whoever holds them now. Raises StoreUnavailable."""
        with mapped_errors():
            async with self._client.pipeline(transaction=False) as pipe:
                for claim in claims:
                    pipe.set(PREFIX + claim, "sent", px=max(1, keep_ms))
                await pipe.execute()
