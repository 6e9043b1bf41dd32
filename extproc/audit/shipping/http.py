"""One bounded POST to a sink, and what its answer means.

Promises: no redirect is followed, no cookie is kept, certificates are verified; of an answer's
body at most ANSWER_BYTES_MAX are read, and nothing of it is ever logged (P4).
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import aiohttp

from extproc.alerts.backoff import retry_after_ms
from extproc.alerts.post import open_session
from extproc.audit.shipping.values import Again, Misconfigured, Outcome, Taken, Unacceptable

ANSWER_BYTES_MAX = 256 * 1024
_PASSING = frozenset((408, 425, 429))
_FOR_AN_OPERATOR = frozenset((401, 402, 403, 404, 405, 407, 410, 411, 415, 421, 426, 451))
"""Of the 4xx: not about these entries but about the address, the key, or the contract."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`body`: its beginning. `after_ms`: the answer's `retry-after`, 0 where it has none."""

    status: int
    body: bytes = b""
    after_ms: int = 0


class Http:
    """One sink's connections. Must be made inside a running loop."""

    def __init__(self, timeout_s: float) -> None:
        # Threads of its own for name look-ups: a dead name server holds up this sink alone.
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="sink")
        self._session = open_session(ssl.create_default_context(), self._threads)
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)

    async def post(
        self, url: str, body: bytes, headers: Mapping[str, str], now_ms: int
    ) -> Answer | Misconfigured:
        """One attempt. Raises what the driver raises where there is no whole answer."""
        try:
            async with self._session.post(
                url, data=body, headers={"user-agent": "envelope-audit", **headers},
                timeout=self._timeout, allow_redirects=False,
            ) as reply:  # fmt: skip
                after_ms = retry_after_ms(reply.headers.get("retry-after"), now_ms)
                return Answer(reply.status, await _body(reply), after_ms)
        except aiohttp.ClientConnectorCertificateError:
            return Misconfigured("its certificate is not trusted")
        except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError):
            return Misconfigured("its URL cannot be used")

    async def close(self) -> None:
        await self._session.close()
        self._threads.shutdown(wait=False, cancel_futures=True)


async def _body(reply: aiohttp.ClientResponse) -> bytes:
    found = b""
    while len(found) < ANSWER_BYTES_MAX:
        piece = await reply.content.read(ANSWER_BYTES_MAX - len(found))
        if not piece:
            break
        found += piece
    return found


def judged(answer: Answer) -> Outcome:
    """By the status alone."""
    status = answer.status
    if 200 <= status < 300:
        return Taken()
    if status in _PASSING or status >= 500:
        return Again(f"http-{status}", answer.after_ms)
    if status in _FOR_AN_OPERATOR or status < 400:
        return Misconfigured(f"http-{status}")
    return Unacceptable(f"http-{status}")
