"""A webhook of your own: JSON, signed.

Promises: the signature is HMAC-SHA256 over `<timestamp>.<body>`, so that neither can be changed
and an old message cannot be sent again later; every delivery of one alert has the same
`idempotency-key`. docs/alerts.md shows how to check both.
"""

from __future__ import annotations

import hashlib
import hmac

import orjson

from extproc.alerts.message import fields
from extproc.alerts.values import Alert, HttpPost


def request(alert: Alert, url: str, secret: bytes, now_s: int) -> HttpPost:
    """`now_s`: Unix time of this attempt."""
    body = orjson.dumps(fields(alert))
    headers = (
        ("content-type", "application/json"),
        ("idempotency-key", alert.id),
        ("x-envelope-timestamp", str(now_s)),
        ("x-envelope-signature", f"v1={signature(secret, now_s, body)}"),
    )
    return HttpPost(url, body, headers)


def signature(secret: bytes, timestamp_s: int, body: bytes) -> str:
    """64 lower-case hex digits."""
    return hmac.new(secret, b"%d." % timestamp_s + body, hashlib.sha256).hexdigest()
