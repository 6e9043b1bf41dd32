"""What Envoy itself says when the processor cannot: the contract's refusals, caller's dialect.

Envoy's own replies (processor gone, body over the limit, locked, header limits) would be plain
text. Each becomes one row of `errors.TABLE` with the decision id. Replies that the processor made
(`immediate_response`) keep their body: they are told apart by their response code details.
"""

from __future__ import annotations

import json
from typing import Any

from extproc.errors import TABLE, Code

Json = dict[str, Any]

DECISION_ID = "%DYNAMIC_METADATA(envelope.exchange:decision_id)%"
PROCESSOR_DETAILS = "envelope_refusal"
"""`details` of every immediate response of the processor; its body passes as it is."""

_ANTHROPIC = "request.path.startsWith('/v1/messages') || request.path.startsWith('/anthropic/')"


def _cel(expression: str) -> Json:
    return {
        "extension_filter": {
            "name": "envoy.access_loggers.extension_filters.cel",
            "typed_config": {
                "@type": "type.googleapis.com/"
                "envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter",
                "expression": expression,
            },
        }
    }


def _all(*filters: Json) -> Json:
    return {"and_filter": {"filters": list(filters)}}


def _status(code: int) -> Json:
    return {
        "status_code_filter": {
            "comparison": {"op": "EQ", "value": {"default_value": code, "runtime_key": "unused"}}
        }
    }


def _body(code: Code, anthropic: bool) -> str:
    text = TABLE[code].text
    kind = {413: "request_too_large", 503: "overloaded_error"}.get(TABLE[code].status, "api_error")
    if anthropic:
        error: Json = {"type": kind, "message": text, "code": code.value}
        body: Json = {"type": "error", "error": error, "request_id": DECISION_ID}
    else:
        error = {"message": text, "type": kind, "code": code.value, "param": None,
                 "decision_id": DECISION_ID}  # fmt: skip
        body = {"error": error}
    return json.dumps(body)


def _mapper(matching: Json, code: Code, anthropic: bool) -> Json:
    return {
        "filter": _all(matching, _cel(_ANTHROPIC)) if anthropic else matching,
        "status_code": TABLE[code].status,
        "headers_to_add": _marks(),
        "body_format_override": {
            "text_format_source": {"inline_string": _body(code, anthropic)},
            "content_type": "application/json",
        },
    }


def _marks() -> list[Json]:
    pairs = (("x-envelope-decision-id", DECISION_ID), ("x-envelope-local", "1"))
    return [
        {
            "header": {"key": key, "value": value},
            "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
        }
        for key, value in pairs
    ]


def local_reply_config() -> Json:
    """Mappers in order; the first that matches wins."""
    made_by_processor = {
        "filter": _cel(f"response.code_details == '{PROCESSOR_DETAILS}'"),
        "headers_to_add": _marks(),
    }
    causes: list[tuple[Json, Code]] = [
        (_status(413), Code.REQUEST_TOO_LARGE),
        (_status(408), Code.UPSTREAM_TIMEOUT),
        (_cel("response.code_details.startsWith('rbac_access_denied')"), Code.OVERLOADED),
        (_cel("response.code_details.startsWith('ext_proc')"), Code.OVERLOADED),
        (_status(504), Code.UPSTREAM_TIMEOUT),
        (_cel("response.code_details == 'response_payload_too_large'"), Code.UPSTREAM_ERROR),
        (_cel("response.code_details.startsWith('upstream')"), Code.UPSTREAM_ERROR),
        # An attempt that the plan did not want after one without an answer (`lua/attempt.lua`).
        (_status(502), Code.UPSTREAM_ERROR),
        (_status(503), Code.OVERLOADED),
        (_status(500), Code.OVERLOADED),
        (_status(400), Code.INVALID_REQUEST),
        (_status(431), Code.INVALID_REQUEST),
        (_status(403), Code.UNKNOWN_ROUTE),
        (_status(404), Code.UNKNOWN_ROUTE),
    ]
    mappers = [made_by_processor]
    for matching, code in causes:
        mappers.append(_mapper(matching, code, anthropic=True))
        mappers.append(_mapper(matching, code, anthropic=False))
    return {"mappers": mappers}
