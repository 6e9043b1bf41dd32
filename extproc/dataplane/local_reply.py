"""What Envoy itself says when the processor cannot: the contract's refusals, caller's dialect.

Envoy's own replies (processor gone, body over the limit, locked, header limits) would be plain
text. Each becomes one row of `errors.TABLE` with the decision id. Replies that the processor made
(`immediate_response`) keep their body: they are told apart by their response code details.
"""

from __future__ import annotations

import json
from typing import Any

from extproc.errors import TABLE, Code, Refusal
from extproc.llm.call import Family
from extproc.llm.error_body import refusal_tree

Json = dict[str, Any]

DECISION_ID = "%DYNAMIC_METADATA(envelope.exchange:decision_id)%"
PROCESSOR_DETAILS = "envelope_refusal"
"""`details` of every immediate response of the processor; its body passes as it is."""

_CALLERS: tuple[tuple[Family, str], ...] = (
    ("anthropic", "request.path.startsWith('/v1/messages') || "
                  "request.path.startsWith('/anthropic/')"),
    ("gemini", "request.path.startsWith('/v1beta/') || request.path.startsWith('/genai/') || "
               "(request.path.startsWith('/v1/models/') && request.path.contains(':'))"),
    ("openai", ""),
)  # fmt: skip
"""Which paths are whose, as `llm/endpoints.py` says; the last one's are all others."""


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


def _body(code: Code, family: Family) -> str:
    return json.dumps(refusal_tree(family, Refusal(code), DECISION_ID))


def _mapper(matching: Json, code: Code, family: Family, caller: str) -> Json:
    return {
        "filter": _all(matching, _cel(caller)) if caller else matching,
        "status_code": TABLE[code].status,
        "headers_to_add": _marks(),
        "body_format_override": {
            "text_format_source": {"inline_string": _body(code, family)},
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
        mappers += [_mapper(matching, code, family, caller) for family, caller in _CALLERS]
    return {"mappers": mappers}
