"""One pool of HTTP connections for all guardrails that ask somebody.

Promises: connections are kept open and used again; no redirect is followed (it would carry texts
elsewhere), no cookie is kept, no proxy is read from the environment; an answer is read up to
REPLY_BYTES_MAX; names are resolved in threads of our own, so that a dead name server holds up
nothing else. A question that met a kept connection just closed by the other side is asked again on
another one (RFC 9112, 9.3.1): asking a guardrail changes nothing. Faults quote neither URL nor
answer (P4). Has no time limit: whoever asks keeps it.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from types import SimpleNamespace
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from extproc.guardrails.services.ports import Reply
from extproc.guardrails.values import GuardrailFault

REPLY_BYTES_MAX = 4 * 1024 * 1024
CONNECTIONS_MAX = 256
CONNECTIONS_PER_HOST_MAX = 64
IDLE_S = 30.0
_STALE_MAX = 3
_NO_LIMIT = aiohttp.ClientTimeout(total=None)
# A compressed answer of a few kilobytes could stand for gigabytes.
_OURS = {"user-agent": "envelope-guardrails", "accept-encoding": "identity"}
_BROKEN = (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)


class Transport:
    """`ports.Http`. Opens itself at the first question, in the loop that asks."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None
        self._threads: ThreadPoolExecutor | None = None

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        """Any status is a reply. Raises GuardrailFault: `unreachable`, `too_large`."""
        session = self._open()
        for attempt in range(_STALE_MAX + 1):
            kept = SimpleNamespace(open=False)
            try:
                return await _post(session, url, body, headers, kept)
            except _BROKEN:
                if not kept.open or attempt == _STALE_MAX:
                    break
            except (aiohttp.ClientError, OSError, ValueError):
                break
        raise GuardrailFault("unreachable") from None

    async def close(self) -> None:
        """Nothing can be asked afterwards, until the next question opens it again."""
        session, threads = self._session, self._threads
        self._session = self._threads = None
        if session is not None:
            await session.close()
        if threads is not None:
            threads.shutdown(wait=False, cancel_futures=True)

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._threads = ThreadPoolExecutor(4, thread_name_prefix="guardrail-names")
            self._session = _session(self._threads)
        return self._session


def _session(threads: ThreadPoolExecutor) -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(
        ssl=_tls(), resolver=_Resolver(threads), limit=CONNECTIONS_MAX,
        limit_per_host=CONNECTIONS_PER_HOST_MAX, keepalive_timeout=IDLE_S,
    )  # fmt: skip
    seen = aiohttp.TraceConfig()
    seen.on_connection_reuseconn.append(_kept)
    return aiohttp.ClientSession(
        connector=connector, cookie_jar=aiohttp.DummyCookieJar(), headers=_OURS,
        timeout=_NO_LIMIT, trust_env=False, auto_decompress=False, trace_configs=[seen],
    )  # fmt: skip


@cache
def _tls() -> ssl.SSLContext:
    """Reading the authorities takes longer than a question."""
    return ssl.create_default_context()


async def _kept(_session: object, context: SimpleNamespace, _params: object) -> None:
    context.trace_request_ctx.open = True


async def _post(
    session: aiohttp.ClientSession, url: str, body: bytes, headers: Mapping[str, str],
    kept: SimpleNamespace,
) -> Reply:  # fmt: skip
    # `encoded`: the path leaves exactly as it was signed.
    target = URL(url, encoded=url.isascii())
    async with session.post(
        target, data=body, headers=headers, allow_redirects=False, trace_request_ctx=kept
    ) as reply:
        # From here on the connection was alive: what breaks now is the answer.
        kept.open = False
        shown = {name.lower(): value for name, value in reply.headers.items()}
        return Reply(reply.status, await _read(reply), shown)


async def _read(reply: aiohttp.ClientResponse) -> bytes:
    if (reply.content_length or 0) > REPLY_BYTES_MAX:
        raise GuardrailFault("too_large")
    read = bytearray()
    async for piece in reply.content.iter_any():
        read += piece
        if len(read) > REPLY_BYTES_MAX:
            raise GuardrailFault("too_large")
    return bytes(read)


class _Resolver(AbstractResolver):
    def __init__(self, threads: ThreadPoolExecutor) -> None:
        self._threads = threads

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        loop = asyncio.get_running_loop()
        found: list[Any] = await loop.run_in_executor(
            self._threads, socket.getaddrinfo, host, port, family, socket.SOCK_STREAM
        )
        return [
            ResolveResult(hostname=host, host=str(address[0]), port=port, family=kind,
                          proto=proto, flags=socket.AI_NUMERICHOST)
            for kind, _, proto, _, address in found
        ]  # fmt: skip

    async def close(self) -> None:
        """The threads belong to the transport."""
