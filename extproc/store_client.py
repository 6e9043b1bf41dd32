"""How the gateway reaches a store, whoever runs it: one code path, the Redis protocol.

Promises: every wait is bounded; nothing is sent twice by itself; the driver's exceptions end here.
Errors never quote a URL, which may hold a password (P4).
Refuses: URLs that are not unix://, redis:// or rediss://; a server that may evict keys, because an
evicted counter is money that was never spent (P2).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

SCHEMES = ("unix://", "redis://", "rediss://")
CONNECTIONS_MAX = 32
"""A blocking pool: the default one raises under load instead of waiting its turn."""


class StoreUnavailable(Exception):
    """The store did not answer, or not what it should: fail closed."""


class StoreRefused(Exception):
    """This store cannot be used as it is; the text tells the operator what to change."""


@contextmanager
def mapped_errors() -> Iterator[None]:
    """Turn the driver's exceptions into StoreUnavailable, without their text (P4)."""
    try:
        yield
    except (RedisError, OSError, TimeoutError) as error:
        raise StoreUnavailable(f"the store did not answer ({type(error).__name__})") from None


async def connect(url: str, timeout_ms: int) -> Redis:
    """A client of the store behind `url`, tried once. Raises StoreRefused, StoreUnavailable.

    `timeout_ms` bounds the connect, each answer, and the wait for a free connection. Replies are
    bytes. Nothing is sent twice by itself: a script whose answer got lost may have run.
    """
    client = open_client(url, timeout_ms)
    try:
        with mapped_errors():
            await client.ping()
    except BaseException:
        await client.aclose()
        raise
    return client


def open_client(url: str, timeout_ms: int) -> Redis:
    """The same, not tried. Raises StoreRefused."""
    if not url.startswith(SCHEMES):
        raise StoreRefused(f"a store URL starts with {', '.join(SCHEMES)}")
    timeout_s = timeout_ms / 1000
    try:
        pool = BlockingConnectionPool.from_url(
            url, max_connections=CONNECTIONS_MAX, timeout=timeout_s, decode_responses=False,
            socket_timeout=timeout_s, socket_connect_timeout=timeout_s,
            retry=Retry(NoBackoff(), 0),
        )  # fmt: skip
    except (ValueError, TypeError):
        raise StoreRefused("the store URL cannot be read") from None
    return Redis.from_pool(pool)


async def check_policy(client: Redis) -> None:
    """Refuse a store that may evict keys. Raises StoreRefused, StoreUnavailable.

    Managed servers often forbid CONFIG; INFO tells the same. Where both are forbidden the check is
    the operator's.
    """
    policy = await _eviction_policy(client)
    if policy not in (None, "noeviction"):
        raise StoreRefused(
            f"the store's maxmemory-policy is '{policy}': it may drop counters and keys. "
            "Set it to 'noeviction' (CONFIG SET maxmemory-policy noeviction)."
        )


async def _eviction_policy(client: Redis) -> str | None:
    with mapped_errors():
        with suppress(ResponseError):
            found = await client.config_get("maxmemory-policy")
            for name, value in found.items():
                if _text(name) == "maxmemory-policy":
                    return _text(value)
        with suppress(ResponseError):
            memory = await client.info("memory")
            return _text(memory["maxmemory_policy"]) if "maxmemory_policy" in memory else None
    return None


def _text(value: bytes | str | None) -> str:
    return value.decode() if isinstance(value, bytes) else value or ""
