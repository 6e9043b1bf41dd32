"""A checkpoint as a signed POST, in the scheme of alerts (`alerts/channels/webhook.py`). Pure."""

from __future__ import annotations

import hashlib

import orjson

from extproc.alerts.channels.webhook import signature
from extproc.alerts.values import HttpPost
from extproc.audit.anchoring.head import Head


def request(head: Head, url: str, secret: bytes, now_s: int) -> HttpPost:
    """`now_s`: Unix time of this attempt. The body's `checkpoint` is the whole signed note."""
    said = head.checkpoint
    body = orjson.dumps(
        {"origin": said.origin, "size": said.size, "root": said.root_base64,
         "checkpoint": head.note}
    )  # fmt: skip
    headers = (
        ("content-type", "application/json"),
        ("user-agent", "envelope-audit"),
        ("idempotency-key", hashlib.sha256(head.text.encode()).hexdigest()[:40]),
        ("x-envelope-timestamp", str(now_s)),
        ("x-envelope-signature", f"v1={signature(secret, now_s, body)}"),
    )
    return HttpPost(url, body, headers)
