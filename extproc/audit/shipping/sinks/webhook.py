"""A webhook of your own: entries as JSON, signed as alerts are.

    POST [{"index": N, "origin": "...", "entry": {...}}, ...]

`idempotency-key` is the same whenever the same batch comes again.
"""

from __future__ import annotations

from collections.abc import Callable

import orjson

from extproc.alerts.channels.webhook import signature
from extproc.audit.shipping.http import Answer, Http, judged
from extproc.audit.shipping.values import Batch, Outcome


class Webhook:
    """`clock_ms`: Unix time."""

    def __init__(self, http: Http, url: str, secret: bytes, clock_ms: Callable[[], int]) -> None:
        self._http, self._url, self._secret, self._clock_ms = http, url, secret, clock_ms

    async def send(self, batch: Batch) -> Outcome:
        now_ms, content = self._clock_ms(), body(batch)
        headers = {
            "content-type": "application/json",
            "idempotency-key": batch.key,
            "x-envelope-timestamp": str(now_ms // 1000),
            "x-envelope-signature": f"v1={signature(self._secret, now_ms // 1000, content)}",
        }
        answer = await self._http.post(self._url, content, headers, now_ms)
        return judged(answer) if isinstance(answer, Answer) else answer

    async def close(self) -> None:
        await self._http.close()


def body(batch: Batch) -> bytes:
    """`entry` is the leaf's exact bytes."""
    origin = orjson.dumps(batch.origin)
    each = (
        b'{"index":%d,"origin":%b,"entry":%b}' % (item.index, origin, item.line)
        for item in batch.items
    )
    return b"[" + b",".join(each) + b"]"
