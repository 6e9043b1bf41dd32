"""A second model asked beside the one that answers, without anybody waiting for it.

Promises: the caller's answer, its time and its bill do not change. The copy is a call of its own
through this gateway's own listener, as the virtual account that the rule names: policy, budgets,
guardrails and an audit entry come with that, and the cost is that account's. It carries what the
guardrails left of the request. Its entry names the original (`envelope_shadow_of`).
Refuses: to copy a call that the gateway itself made.
"""

from __future__ import annotations

from urllib.parse import quote

import orjson

from extproc.exchange.mirror import Copy
from extproc.exchange.request import Request
from extproc.llm import strict_json
from extproc.llm.call import Json

SHADOW_OF = "envelope_shadow_of"
"""Metadata key of a copy: the decision id of the original."""
_METADATA_MAX = 128


def shadow(request: Request) -> Copy | None:
    """The copy of an allowed request; None where its rule wants none."""
    routed, principal = request.routed, request.principal
    if routed is None or routed.shadow is None or principal is None or principal.internal:
        return None
    if request.caller is None or request.caller.body != "json":
        return None
    asked = routed.shadow
    if request.world.draw() * 100 >= asked.percent:
        return None
    path, body = _asking(request, asked.target)
    metadata = {**request.metadata, SHADOW_OF: request.record.decision_id[:_METADATA_MAX]}
    headers = {
        "content-type": "application/json",
        "x-tfy-metadata": orjson.dumps(metadata).decode(),
        "traceparent": request.record.traceparent,
    }
    return Copy(
        asked.account, path, strict_json.dump(body), {k: v for k, v in headers.items() if v}
    )


def _asking(request: Request, target: str) -> tuple[str, Json]:
    """The caller's own request, whole instead of streamed, for another model."""
    path = request.incoming.path.partition("?")[0]
    body = {k: v for k, v in request.body.items() if k not in ("stream", "stream_options")}
    if request.family == "gemini":
        method = path.rpartition(":")[2].replace("streamGenerateContent", "generateContent")
        return f"/v1beta/models/{quote(target)}:{method}", body
    return path, {**body, "model": target}
