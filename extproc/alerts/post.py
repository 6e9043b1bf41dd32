"""One bounded POST to a target, and what its answer means.

Promises: no redirect is followed (it would carry the alert elsewhere), no cookie is kept, the
answer's body is not read; names are resolved in threads of our own, so that a dead name server
holds up nothing else. Errors quote neither URL nor answer (P4).
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from concurrent.futures import Executor

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from extproc.alerts.backoff import retry_after_ms
from extproc.alerts.values import Again, Delivered, HttpPost, Outcome, Refused

PASSING = frozenset((408, 425, 429))
"""4xx that may pass by themselves; so may every 5xx."""


def open_session(tls: ssl.SSLContext, threads: Executor) -> aiohttp.ClientSession:
    """Must be called inside a running loop."""
    connector = aiohttp.TCPConnector(
        ssl=tls, resolver=_Resolver(threads), limit=0, force_close=True
    )
    jar = aiohttp.DummyCookieJar()
    return aiohttp.ClientSession(
        connector=connector, cookie_jar=jar, headers={"user-agent": "envelope-alerts"}
    )


async def post(
    session: aiohttp.ClientSession, request: HttpPost, timeout_s: float, now_ms: int
) -> Outcome:
    """One attempt; `timeout_s` bounds all of it."""
    timeout = aiohttp.ClientTimeout(total=timeout_s)
    try:
        async with session.post(
            request.url, data=request.body, headers=request.headers, timeout=timeout,
            allow_redirects=False,
        ) as reply:  # fmt: skip
            return _judged(reply.status, reply.headers.get("retry-after"), now_ms)
    except TimeoutError:
        return Again("no answer in time")
    except aiohttp.ClientConnectorCertificateError:
        return Refused("its certificate is not trusted")
    except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError):
        return Refused("its URL cannot be used")
    except (aiohttp.ClientError, OSError, ValueError) as error:
        return Again(f"cannot be reached ({type(error).__name__})")


def _judged(status: int, retry_after: str | None, now_ms: int) -> Outcome:
    if 200 <= status < 300:
        return Delivered()
    if status in PASSING or status >= 500:
        return Again(f"answered {status}", retry_after_ms(retry_after, now_ms))
    if 300 <= status < 400:
        return Refused(f"answered {status}: redirects are not followed")
    return Refused(f"answered {status}")


class _Resolver(AbstractResolver):
    def __init__(self, threads: Executor) -> None:
        self._threads = threads

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(
            self._threads, socket.getaddrinfo, host, port, family, socket.SOCK_STREAM
        )
        return [
            ResolveResult(
                hostname=host, host=str(address[0]), port=port, family=kind, proto=proto,
                flags=socket.AI_NUMERICHOST,
            )
            for kind, _, proto, _, address in found
        ]  # fmt: skip

    async def close(self) -> None:
        """The threads are not ours to end."""
